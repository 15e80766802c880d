import json
import os
import stat

import numpy as np
import pytest

from tests.data.pictures import make_arrays, make_pixels
from tfzero.common.checks import InputError
from tfzero.data import from_arrays, open_arrays, save_arrays, store

ARRAYS = ("pool", "train_images", "train_labels", "test_images", "test_labels")


def make_data(*, seed=0, pool=None):
    images, labels = make_arrays([10, 20], seed=seed)
    return from_arrays(images, labels, pool=pool, class_names=["é", "b"], name="some")


@pytest.mark.parametrize("own_pool", [False, True])
def test_round_trip(tmp_path, own_pool):
    data = make_data(pool=make_pixels(5, 8, 9, 1) if own_pool else None)
    save_arrays(data, tmp_path / "deep" / "folder")
    opened = open_arrays(tmp_path / "deep" / "folder")
    for name in ARRAYS:
        array = getattr(opened, name)
        assert isinstance(array, np.memmap) and not array.flags.writeable
        assert array.dtype == getattr(data, name).dtype
        np.testing.assert_array_equal(array, getattr(data, name))
    for name in ("name", "class_names", "source", "notes", "fingerprint"):
        assert getattr(opened, name) == getattr(data, name)
    assert (opened.pool is opened.train_images) is not own_pool
    written = {path.name for path in (tmp_path / "deep" / "folder").iterdir()}
    names = ARRAYS if own_pool else ARRAYS[1:]
    assert written == {f"{name}.npy" for name in names} | {"dataset.json"}


def test_opening_does_not_hash(tmp_path, monkeypatch):
    data = make_data()
    save_arrays(data, tmp_path)
    monkeypatch.setattr("tfzero.data.dataset.hash_array", None)
    assert open_arrays(tmp_path).fingerprint == data.fingerprint


def test_what_is_opened_can_be_saved_again(tmp_path):
    save_arrays(make_data(), tmp_path / "one")
    save_arrays(open_arrays(tmp_path / "one"), tmp_path / "two")
    opened = open_arrays(tmp_path / "two")
    del opened.__dict__["fingerprint"]
    assert opened.fingerprint == make_data().fingerprint


def test_same_data_are_left_and_other_data_refused(tmp_path):
    save_arrays(make_data(), tmp_path)
    before = {path: path.stat().st_ino for path in tmp_path.iterdir()}
    save_arrays(make_data(), tmp_path)
    assert {path: path.stat().st_ino for path in tmp_path.iterdir()} == before
    with pytest.raises(InputError, match="holds other data.*Choose another folder"):
        save_arrays(make_data(seed=1), tmp_path)
    assert open_arrays(tmp_path).fingerprint == make_data().fingerprint


def test_files_are_readable_as_the_umask_says(tmp_path):
    before = os.umask(0o022)
    try:
        save_arrays(make_data(), tmp_path)
    finally:
        os.umask(before)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o644}


@pytest.mark.parametrize("fail_at", range(5))
def test_a_killed_save_leaves_nothing_half(tmp_path, monkeypatch, fail_at):
    replace, calls = os.replace, []

    def fail(*args):
        calls.append(args)
        if len(calls) > fail_at:
            raise KeyboardInterrupt
        replace(*args)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(KeyboardInterrupt):
        save_arrays(make_data(), tmp_path)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    assert len(list(tmp_path.iterdir())) == fail_at
    with pytest.raises(InputError, match=r"has no dataset\.json"):
        open_arrays(tmp_path)
    monkeypatch.undo()
    save_arrays(make_data(), tmp_path)
    assert open_arrays(tmp_path).fingerprint == make_data().fingerprint


def test_each_file_is_synced_before_it_gets_its_name(tmp_path, monkeypatch):
    events = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (events.append("sync"), fsync(fd)))
    monkeypatch.setattr(os, "replace", lambda *args: (events.append("name"), replace(*args)))
    save_arrays(make_data(), tmp_path)
    assert events == ["sync", "name", "sync"] * 5


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "train_images.npy").unlink(), "train_images.npy is missing or"),
        (lambda folder: os.truncate(folder / "pool.npy", 200), "pool.npy is missing or damaged"),
        (lambda folder: os.truncate(folder / "test_labels.npy", 0), "test_labels.npy is missing"),
        (lambda folder: os.truncate(folder / "dataset.json", 20), "dataset.json is damaged"),
        (lambda folder: (folder / "dataset.json").write_text("[]"), "dataset.json is damaged"),
    ],
)
def test_damage_is_named(tmp_path, damage, message):
    save_arrays(make_data(pool=make_pixels(5, 8, 9, 1)), tmp_path)
    damage(tmp_path)
    with pytest.raises(InputError, match=message):
        open_arrays(tmp_path)


def test_other_schema(tmp_path):
    save_arrays(make_data(), tmp_path)
    summary = json.loads((tmp_path / "dataset.json").read_text())
    summary["schema"] = store.SCHEMA + 1
    (tmp_path / "dataset.json").write_text(json.dumps(summary))
    with pytest.raises(InputError, match="has schema 2; this version of tfzero expected 1"):
        open_arrays(tmp_path)


def test_no_folder(tmp_path):
    with pytest.raises(InputError, match=r"nowhere has no dataset\.json"):
        open_arrays(tmp_path / "nowhere")
