import numpy as np
import pytest

from tfzero.transfer.calibration import COLDEST, apply_temperature, fit_temperature


def draw(count, *, sharpness, seed=0):
    """Draws labels by probabilities, and what a classifier says that is too sure by a factor."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 1.5, (count, 4))
    right = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (right.cumsum(axis=1) > random.random((count, 1))).argmax(axis=1)
    return apply_temperature(right.astype(np.float32), 1 / sharpness), labels


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 3.0])
def test_the_temperature_is_how_much_too_sure_a_classifier_is(sharpness):
    said, labels = draw(20_000, sharpness=sharpness)
    found = fit_temperature(said, labels)
    assert found == pytest.approx(sharpness, rel=0.05)
    calibrated = apply_temperature(said, found)
    assert calibrated.dtype == np.float32
    np.testing.assert_allclose(calibrated.sum(axis=1), 1, rtol=1e-6)
    assert (calibrated.argmax(axis=1) == said.argmax(axis=1)).all()


def test_a_few_right_guesses_do_not_make_it_certain():
    said = np.tile(np.float32([0.9, 0.05, 0.05]), (20, 1))
    found = fit_temperature(said, np.zeros(20, int))
    assert COLDEST < found < 1
    assert apply_temperature(said, found).max() < 0.99


def test_probabilities_of_zero_are_no_obstacle():
    said = np.float32([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    found = fit_temperature(said, np.array([0, 1, 1, 2]))
    assert found > 1.5 and np.isfinite(apply_temperature(said, found)).all()
