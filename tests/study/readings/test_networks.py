"""Where a network looks, and what a study records of its networks and encoders."""

import json

import keras
import numpy as np
import pytest

from tests.study.small import at, open_small_run
from tfzero.study.planning.parts import CellSpec
from tfzero.study.readings import attention
from tfzero.study.readings.data import record_images
from tfzero.study.readings.maps import missing_maps
from tfzero.study.work.cell import run_cell
from tfzero.study.work.map import run_map
from tfzero.study.work.tasks import read_records
from tfzero.study.workspace import Workspace
from tfzero.transfer.classifier import Classifier


def mean_encoder(side=8):
    """An encoder whose one feature is the mean of the pixels."""
    inputs = keras.Input((side, side, 1))
    x = keras.layers.Conv2D(1, 1, use_bias=False, kernel_initializer="ones", name="grid")(inputs)
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))


@pytest.mark.parametrize("frozen", [False, True])
def test_attention_is_where_the_logit_comes_from(frozen):
    classifier = Classifier(mean_encoder(), 2)
    classifier.head.set_weights([np.array([[1.0, -1.0]]), np.zeros(2)])
    classifier.encoder.trainable = not frozen
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1), np.uint8)
    found = attention.find_attention(classifier, images, np.array([0, 0, 1]))
    assert found is not None and found.layer == "grid"
    # Every pixel speaks for class 0 by its brightness, and none for class 1.
    bright = images[:2, ..., 0] / images[:2, ..., 0].max(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(found.heat[:2], bright, atol=1e-5)
    assert (found.heat[2] == 0).all()


def test_the_last_grid_that_points_at_something_is_read():
    inputs = keras.Input((16, 16, 1))
    x = inputs
    for place, stride in enumerate((2, 2, 2, 4)):
        x = keras.layers.Conv2D(2, 3, strides=stride, padding="same", name=f"c{place}")(x)
    network = keras.Model(inputs, keras.layers.Flatten()(x))
    assert attention.find_layer(network) == "c1"  # 4x4; then come 2x2 and 1x1
    flat = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    assert attention.find_layer(flat) is None
    assert attention.find_attention(Classifier(flat, 2), np.zeros((1, 8, 8, 1)), [0]) is None


ARMS = ("scratch/finetune", "scratch/probe", "pixels/svm")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    plan, run = open_small_run(
        tmp_path_factory.mktemp("run"), arms=ARMS, label_counts=(8, 16), seeds=2
    )
    data = at(plan, run).data
    record_images(run, data)
    for cell in plan.cells():
        run_cell(at(plan, run), cell)
    for init in missing_maps(plan, run):
        run_map(at(plan, run), init)
    return plan, run, data


def test_networks_of_the_first_replicate_are_looked_at(finished):
    plan, run, data = finished
    names = {path.stem for path in run.readings.glob("*.json")}
    cells = {arm: plan.cell_key(CellSpec(arm=arm, num_labels=16, replicate=0)) for arm in ARMS[:2]}
    assert names == {*cells.values(), "map-scratch", "map-pixels"}
    for key in cells.values():
        said = json.loads((run.readings / f"{key}.json").read_text())
        right = run.read_cell(key)["result"]["accuracy"]
        scores = said["robustness"]["accuracy"]
        assert said["robustness"]["images"] == len(data.test_labels)
        # Another way to the same network: a probe's head is put behind its encoder again.
        assert all(found[0] == pytest.approx(right) for found in scores.values())
        assert set(scores) == {"noise", "blur", "shift", "contrast"}
        with np.load(run.readings / f"{key}.npz") as arrays:
            probabilities = run.read_probabilities(key)[arrays["rows"]]
            np.testing.assert_array_equal(arrays["guesses"], probabilities.argmax(axis=1))
            np.testing.assert_array_equal(arrays["labels"], data.test_labels[arrays["rows"]])
            wrong = arrays["guesses"] != arrays["labels"]
            assert (np.diff(arrays["confidences"][wrong]) <= 0).all()
            assert arrays["heat"].shape[0] == len(arrays["rows"])


def test_maps_show_the_images_that_are_kept(finished):
    plan, run, data = finished
    with (
        np.load(run.readings / "images.npz") as images,
        np.load(run.readings / "map-pixels.npz") as found,
    ):
        assert len(found["pca"]) == len(images["rows"])
        np.testing.assert_array_equal(images["labels"], data.test_labels[images["rows"]])
    assert missing_maps(plan, run) == []


def test_a_reading_that_fails_costs_no_cell(tmp_path, monkeypatch):
    plan, run = open_small_run(tmp_path / "run")

    def fail(*_):
        raise RuntimeError("no\ngradient")

    monkeypatch.setattr(attention, "find_attention", fail)
    [cell] = plan.cells()
    key = run_cell(at(plan, run), cell)
    assert len(read_records(at(plan, run))[0]) == 1
    said = json.loads((run.readings / f"{key}.json").read_text())
    assert said["reason"] == "RuntimeError: no gradient"
    monkeypatch.setattr(Workspace, "load_encoder", fail)
    run_map(at(plan, run), "scratch")
    assert "no gradient" in (run.readings / "map-scratch.json").read_text()
    assert not (run.readings / "map-scratch.npz").exists()
    # The next run of the study tries again.
    assert missing_maps(plan, run) == ["scratch"]
