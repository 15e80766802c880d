import tracemalloc

import numpy as np
import pytest
from sklearn.svm import SVC

from tests.transfer.cases import fit
from tfzero.transfer import estimators


def draw_prototypes(num_classes, per_class, *, seed):
    """Images of random patterns with noise, `per_class` of each class: (N, 8, 8, 1) and labels."""
    patterns = np.random.default_rng(0).integers(0, 256, (num_classes, 8, 8, 1))
    random = np.random.default_rng(seed)
    labels = random.permutation(np.repeat(np.arange(num_classes), per_class))
    images = patterns[labels] + random.normal(0, 40, (len(labels), 8, 8, 1))
    return images.clip(0, 255).astype(np.uint8), labels


@pytest.mark.parametrize("num_classes", [3, 4, 9])
def test_votes_are_counted_as_scikit_learn_counts_them(num_classes):
    images, labels = draw_prototypes(num_classes, 6, seed=1)
    pixels = images.reshape(len(images), -1) / 255
    machine = SVC(C=1.0).fit(pixels, labels)
    tests = np.random.default_rng(2).random((200, 64))
    expected = machine.decision_function(tests)
    values = machine.set_params(decision_function_shape="ovo").decision_function(tests)
    np.testing.assert_allclose(estimators.count_votes(values), expected, rtol=1e-12)


def test_machines_of_many_classes(monkeypatch):
    images, labels = draw_prototypes(130, 5, seed=1)
    fitted = fit("svm", None, images, labels, num_classes=130)
    # Not chosen, though there are labels enough.
    assert fitted.chosen == {"blocks": ["pixels"], "penalty": 30.0, "validated": None}
    tests, truth = draw_prototypes(130, 2, seed=2)
    probabilities = fitted.predict(tests)
    assert (probabilities.argmax(axis=1) == truth).mean() > 0.95
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    monkeypatch.setattr(estimators, "_VALUES_AT_ONCE", 3 * 130 * 129 // 2)  # three images
    np.testing.assert_array_equal(fitted.predict(tests), probabilities)


@pytest.mark.slow
def test_memory_of_a_prediction_is_bounded(monkeypatch):
    images, labels = draw_prototypes(130, 2, seed=1)
    fitted = fit("svm", None, images, labels, num_classes=130)
    tests, _ = draw_prototypes(130, 20, seed=2)
    monkeypatch.setattr(estimators, "_VALUES_AT_ONCE", 100_000)
    tracemalloc.start()
    try:
        fitted.predict(tests)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    all_values = 8 * len(tests) * 130 * 129 // 2
    assert peak < all_values / 8 < 3e7
