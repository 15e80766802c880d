"""Where a command is to write: what cannot be written to is refused before any work."""

# ruff: noqa: F811  # fixtures are taken by the names that they are imported by

import os
import pathlib

import pytest

from tests.export.conftest import model, version  # noqa: F401  # fixtures
from tests.jobs.test_compare import make_images, run_here
from tests.pretrain.cases import make_method
from tfzero.common.checks import InputError
from tfzero.common.files import require_file_place, require_folder_place, require_free_file

FILES = {
    "pretrain": ("pretrain bars.npz --epochs 1 --out", "tfzero.jobs.pretrain.pretrain"),
    "supervised": (
        "pretrain bars.npz --method supervised --epochs 1 --out",
        "tfzero.jobs.pretrain.fit_classifier",
    ),
    "finetune": (
        "finetune bars.npz --overwrite --label-count 12 --out",
        "tfzero.jobs.finetune.fit_classifier",
    ),
    "check": ("check bars.npz --page", "tfzero.data.check.check_data"),
    "convert": ("convert model --to litert --out", "tfzero.export.convert._find_input"),
}
FOLDERS = {
    "compare": ("compare bars.npz --seeds 1 --export", "tfzero.jobs.compare.run_missing"),
    "compare-out": ("compare bars.npz --seeds 1 --out", "tfzero.jobs.compare.run_missing"),
    "sample": (
        "sample vae.keras --quality --space pixels --data bars.npz --out",
        "tfzero.jobs.sample._measure",
    ),
    "export": ("export vae.keras --part encoder --out", "tfzero.export.write._save_graph"),
    "tensorboard": (
        "pretrain bars.npz --epochs 1 --out x.keras --tensorboard",
        "tfzero.jobs.pretrain.pretrain",
    ),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory, version):
    folder = tmp_path_factory.mktemp("places")
    make_images(folder)
    (folder / "taken.keras").mkdir()
    (folder / "file").write_text("mine")
    (folder / "model").symlink_to(version.parent)
    make_method("vae").save(folder / "vae.keras")
    return folder


def refuse(words, work, place, monkeypatch):
    """Runs a command that must end before its work; returns what it says."""

    def never(*_, **__):
        raise AssertionError("it began to work")

    monkeypatch.setattr(work, never)
    before = sorted(place.rglob("*"))
    done = run_here(*words, cwd=place)
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    assert sorted(place.rglob("*")) == before
    return done.stderr


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("target", ["none/x.keras", "taken.keras", "file/x.keras"])
def test_a_file_that_cannot_be_written_is_refused_at_once(name, target, place, monkeypatch):
    words, work = FILES[name]
    said = refuse([*words.split(), target], work, place, monkeypatch)
    assert target in said


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_that_cannot_be_written_to_is_refused_at_once(name, place, monkeypatch):
    words, work = FOLDERS[name]
    said = refuse([*words.split(), "file/x"], work, place, monkeypatch)
    assert said.startswith("tfzero: ") and "file/x" in said


def test_who_may_not_write_is_told_so(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(InputError, match="is not writable; grant permission.*`out`"):
        require_file_place(tmp_path / "x.keras", chosen_by="out")
    with pytest.raises(InputError, match=f"Cannot write a/b/c: {'.'} is not writable"):
        require_folder_place(pathlib.Path("a/b/c"), chosen_by="out")


def test_no_file_is_replaced_unless_it_is_said_so(tmp_path):
    taken = tmp_path / "answers.csv"
    taken.write_text("mine")
    with pytest.raises(InputError, match="exists; choose another file with `csv`, or replace"):
        require_free_file(taken, overwrite=False, chosen_by="csv")
    require_free_file(taken, overwrite=True, chosen_by="csv")
    require_free_file(tmp_path / "new.csv", overwrite=False, chosen_by="csv")
    for place, reason in [
        (tmp_path, "is a folder"),
        (tmp_path / "no" / "x.csv", "does not exist; create it"),
    ]:
        with pytest.raises(InputError, match=reason):
            require_free_file(place, overwrite=True, chosen_by="csv")
