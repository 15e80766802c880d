"""The size that a study gives images of several sizes."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.conftest import build_small_encoder
from tfzero.data.options import LoadOptions
from tfzero.jobs import sizing
from tfzero.jobs.device import AskedWorkers
from tfzero.jobs.encoder import read_study_encoder
from tfzero.jobs.sizing import Studied, Unloaded, load_for_study

QUICK = {"arms": ("scratch/finetune", "pixels/svm"), "seeds": 2, "minutes": 1.0}


def make_folder(folder, *, longest=140, count=40):
    """Writes noisy images of many sizes, of which 18 have one of three labels."""
    folder.mkdir()
    generator, rows = np.random.default_rng(0), ["file,label"]
    for number in range(count):
        size = (20 + number // 2, longest - number // 2)
        Image.fromarray(generator.integers(0, 256, size, np.uint8)).save(folder / f"{number}.png")
        if number < 18:
            rows.append(f"{number}.png,{'abc'[number % 3]}")
    (folder / "labels.csv").write_text("\n".join(rows))
    return folder


def load_it(folder, *, speed, monkeypatch, out=None, encoder=None, asked=QUICK, **options):
    monkeypatch.setattr(sizing, "probe_speed", lambda: speed)
    studied = Studied(asked, read_study_encoder(encoder), out, AskedWorkers("auto", 1, None))
    return load_for_study(Unloaded(folder, LoadOptions(**options)), studied)


def note_of(data):
    return next(note for note in data.notes if note.startswith("The images have"))


def test_the_largest_side_is_taken_that_keeps_to_the_minutes(tmp_path, monkeypatch):
    folder = make_folder(tmp_path / "Some images")
    data = load_it(folder, speed=1e6, monkeypatch=monkeypatch)
    assert data.image_shape == (128, 128, 1) and data.resize == "pad"
    assert "128 is the largest that fits into 1 min" in note_of(data)
    for side in (32, 64, 96, 128):  # each with its minutes on this machine
        assert f" {side} (" in note_of(data)
    data = load_it(folder, speed=0.5, monkeypatch=monkeypatch, resize="crop")
    assert data.resize == "crop" and "cropped" in note_of(data)
    # The library's encoder takes about as long for 64x64 pixels as for 32x32.
    assert data.image_shape == (64, 64, 1)
    assert "64 takes at most the time of 32; no side fits into 1 min" in note_of(data)


def test_no_side_is_above_the_longest_of_any_image(tmp_path, monkeypatch):
    folder = make_folder(tmp_path / "x", longest=70)
    assert load_it(folder, speed=1e6, monkeypatch=monkeypatch).image_shape == (64, 64, 1)
    folder = make_folder(tmp_path / "y", longest=60)
    data = load_it(folder, speed=1e6, monkeypatch=monkeypatch)
    assert data.image_shape == (32, 32, 1) and "No image is longer than 60" in note_of(data)


def test_a_study_that_is_there_keeps_its_size_on_any_machine(tmp_path, monkeypatch):
    folder, run = make_folder(tmp_path / "x"), tmp_path / "run"
    run.mkdir()
    stored = {"data": {"image_shape": [96, 96, 1], "resize": "crop"}}
    (run / "study.json").write_text(json.dumps(stored))
    data = load_it(folder, speed=0.1, monkeypatch=monkeypatch, out=run)
    assert data.image_shape == (96, 96, 1) and data.resize == "crop"
    assert note_of(data).endswith(f"The study in {run} has this size.")
    # Where it is to be removed first it does not count.
    assert load_it(folder, speed=0.1, monkeypatch=monkeypatch).image_shape == (64, 64, 1)
    # Without a folder that is named it is the one that a study of this name has.
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    run.rename(tmp_path / "runs/x")
    data = load_it(folder, speed=0.1, monkeypatch=monkeypatch, out="auto")
    assert data.image_shape == (96, 96, 1)


def test_an_own_encoder_tells_the_size(tmp_path, monkeypatch):
    encoder = build_small_encoder((24, 40, 1))
    data = load_it(make_folder(tmp_path / "x"), speed=1.0, monkeypatch=monkeypatch, encoder=encoder)
    assert data.image_shape == (24, 40, 1) and "The encoder takes images of" in note_of(data)


@pytest.mark.parametrize(
    "asked",
    [
        {"arms": ("public/probe",), "then": "vae"},
        {"arms": ("supervised/lpft", "scratch/finetune")},
        {"label_counts": (1000,)},  # which is refused later, by what there is
        {"arms": ("nonsense",)},
        {"minutes": None},
    ],
)
def test_what_is_not_known_yet_is_left_out(tmp_path, monkeypatch, asked):
    data = load_it(
        make_folder(tmp_path / "x"), speed=148.0, monkeypatch=monkeypatch, asked={**QUICK, **asked}
    )
    assert data.image_shape[0] in (32, 64, 96, 128)


def test_what_is_foreseen_is_what_is_loaded(tmp_path, monkeypatch):
    seen = []
    plan = sizing.SizeByMinutes._plan
    monkeypatch.setattr(
        sizing.SizeByMinutes, "_plan", lambda *given: seen.append(plan(*given)) or seen[-1]
    )
    folder = make_folder(tmp_path / "x")
    for options in ({}, {"test_share": 0.5}, {"test_share": 0.5, "pool_only": True}):
        data = load_it(folder, speed=1.0, monkeypatch=monkeypatch, **options).cross_fitted()
        found = seen[-1].data
        assert found.num_pool == len(data.pool), options
        assert found.num_train == len(data.train_images), options
        assert found.num_test == len(data.test_images), options
        assert found.num_folds == data.num_folds, options
        assert len(found.class_names) == data.num_classes
