import keras
import numpy as np
import pytest
from scipy import stats

import tfzero
from tests.conftest import draw_bars
from tfzero.common.checks import InputError
from tfzero.networks import build_encoder
from tfzero.transfer.estimate import _draw_folds, corrected_interval


def bar_detector():
    """An encoder that knows where bars are: the means of two rows and of two columns."""
    inputs = keras.Input((8, 8, 1))
    rows = keras.layers.AveragePooling2D((1, 8))(inputs)
    columns = keras.layers.AveragePooling2D((8, 1))(inputs)
    parts = [keras.layers.Flatten()(part) for part in (rows, columns)]
    mixed = keras.layers.Dense(4, use_bias=False, name="mixed")
    network = keras.Model(inputs, mixed(keras.layers.Concatenate()(parts)))
    mixed.set_weights([np.eye(16)[:, [2, 5, 10, 13]]])
    return network


def blind():
    """An encoder that has forgotten everything but the brightness."""
    inputs = keras.Input((8, 8, 1))
    mean = keras.layers.GlobalAveragePooling2D()(inputs)
    spread = keras.layers.Dense(16, name="spread")
    network = keras.Model(inputs, spread(mean))
    return network


NOISY = {"contrast": 0.12, "noise": 0.25}


@pytest.fixture
def twice(monkeypatch):
    """Two rounds of cross-validation instead of five."""
    monkeypatch.setattr("tfzero.transfer.estimate._REPEATS", 2)


def test_a_knowing_encoder_is_likely_to_help():
    images, labels = draw_bars(240, seed=0, contrast=0.12, noise=0.35)
    found = tfzero.estimate_transfer(bar_detector(), images, labels)
    assert found.verdict.startswith("Transfer likely to help")
    gain, low, high = found.gain
    assert 0 < low < gain < high
    assert found.accuracy["encoder"] > found.accuracy["pixels"] + 5
    assert set(found.accuracy) == {"encoder", "random", "pixels", "kmeans"}
    assert found.log_me["encoder"] > found.log_me["random"]
    assert found.h_score["encoder"] > found.h_score["random"]
    assert found.num_labels == 240 and 0 < found.seconds < 60
    assert "encoder" in str(found) and "240 labels" in str(found)


def test_an_encoder_that_forgot_everything_is_negative_transfer():
    encoder = build_encoder((8, 8, 1), width=4)
    encoder.set_weights([np.zeros_like(weight) for weight in encoder.get_weights()])
    found = tfzero.estimate_transfer(encoder, *draw_bars(80, seed=0))
    assert found.verdict.startswith("Negative transfer likely")
    assert found.gain == found.gains["random"] and found.gain[2] < 0
    assert "Features without a network, " in found.verdict


def test_a_network_that_cannot_see_is_told_from_a_pretraining_that_harmed():
    found = tfzero.estimate_transfer(blind(), *draw_bars(80, seed=0))
    # With random weights it is as blind, but pixels are not.
    assert found.verdict.startswith("Cannot tell")
    assert "Features without a network, " in found.verdict
    assert found.gains["pixels"][2] < 0


def test_equal_encoders_cannot_be_told_apart(twice):
    encoder = build_encoder((8, 8, 1), width=4, seed=5)
    found = tfzero.estimate_transfer(encoder, *draw_bars(60, seed=1, **NOISY))
    _, low, high = found.gains["random"]
    assert low < 0 < high


def test_the_seed_decides_all(twice):
    encoder = build_encoder((8, 8, 1), width=4)
    data = draw_bars(24, seed=1, **NOISY)
    first, same, other = (tfzero.estimate_transfer(encoder, *data, seed=s) for s in (1, 1, 2))
    assert first.accuracy == same.accuracy and first.gains == same.gains
    assert first.accuracy != other.accuracy


def test_corrected_interval_by_hand():
    differences = np.array([1.0, 3.0, 2.0, 2.0])
    mean, low, high = corrected_interval(differences, num_folds=2)
    error = np.sqrt((1 / 4 + 1 / 1) * (2 / 3))
    assert mean == 2.0
    assert high - mean == pytest.approx(stats.t.ppf(0.975, 3) * error)
    assert mean - low == pytest.approx(high - mean)


def test_many_labels_are_not_all_used(monkeypatch, twice):
    monkeypatch.setattr("tfzero.transfer.estimate._MOST_LABELS", 20)
    images, labels = draw_bars(60, seed=1)
    found = tfzero.estimate_transfer(build_encoder((8, 8, 1), width=2), images, labels)
    assert found.num_labels == 20


@pytest.mark.parametrize(("classes", "each"), [(10, 101), (1000, 2), (1200, 2), (700, 3)])
def test_any_number_of_labels_and_classes_makes_folds(classes, each):
    labels = np.arange(classes * each) % classes
    if classes == 10:
        labels = labels[:1005]
    repeats = _draw_folds(labels, seed=0)
    for folds in repeats:
        tested = np.concatenate([test for _, test in folds])
        assert len(np.unique(tested)) == len(tested) <= max(1005, 2 * classes)
        assert len(np.unique(labels[tested])) == classes


def test_all_blocks_are_read_and_each_is_told(twice):
    encoder = build_encoder((8, 8, 1), width=4)
    found = tfzero.estimate_transfer(encoder, *draw_bars(60, seed=1, **NOISY))
    assert list(found.blocks) == ["block2", "block3", "block4"]
    assert all(20 < value <= 100 for value in found.blocks.values())
    assert "one by one: block2 " in str(found)
    # A network without blocks has its features only.
    assert list(tfzero.estimate_transfer(blind(), *draw_bars(20, seed=0)).blocks) == ["features"]


def test_what_only_an_early_block_knows_counts(twice):
    # Noise drowns the last features; the second block keeps where bars are.
    images, labels = draw_bars(80, seed=1, **NOISY)
    inputs = keras.Input((8, 8, 1))
    first = keras.layers.AveragePooling2D(1, name="block1")(inputs)
    second = keras.layers.AveragePooling2D(1, name="block2")(first)
    gone = keras.layers.Dense(8, name="mixed")(keras.layers.GlobalAveragePooling2D()(second))
    found = tfzero.estimate_transfer(keras.Model(inputs, gone), images, labels)
    assert found.blocks["block2"] > found.blocks["features"] + 20
    assert found.accuracy["encoder"] > found.blocks["features"] + 20


def test_an_encoder_that_diverged_is_told():
    encoder = build_encoder((8, 8, 1), width=2)
    encoder.set_weights([np.full_like(weight, np.nan) for weight in encoder.get_weights()])
    with pytest.raises(InputError, match="not finite, so its pretraining diverged"):
        tfzero.estimate_transfer(encoder, *draw_bars(20, seed=1))


def test_two_labels_a_class_are_enough_and_one_is_not(twice):
    encoder = build_encoder((8, 8, 1), width=2)
    images, labels = draw_bars(8, seed=1)
    assert tfzero.estimate_transfer(encoder, images, labels).num_labels == 8
    with pytest.raises(InputError, match="only one label; expected at least 2"):
        tfzero.estimate_transfer(encoder, images[:7], labels[:7])
