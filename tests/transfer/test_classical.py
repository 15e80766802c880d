import tracemalloc

import numpy as np
import pytest
from sklearn.svm import SVC

from tests.conftest import draw_bars
from tests.transfer.cases import fit
from tfzero._checks import InputError
from tfzero.transfer import classical
from tfzero.transfer.features import read_features


def draw_few(a_class, **settings):
    return draw_bars(4 * a_class, seed=0, contrast=0.1, noise=0.2, **settings)


def test_pixels_are_scaled_and_kept_in_order():
    images, _ = draw_bars(5, seed=0)
    pixels = read_features(None, images)
    assert pixels.dtype == np.float32
    np.testing.assert_allclose(pixels, images.reshape(5, 64) / 255, rtol=1e-6)
    np.testing.assert_allclose(read_features(None, images / 255), pixels, rtol=1e-6)


def test_features_of_an_encoder_are_its_outputs(encoder):
    images, _ = draw_bars(5, seed=0)
    expected = encoder((images / 255).astype(np.float32))
    for given in (images, (images / 255).astype(np.float32), images / 255):
        np.testing.assert_allclose(read_features(encoder, given), expected, rtol=1e-4, atol=1e-5)


def test_svm_reads_pixels_of_bytes_and_floats_alike():
    images, labels = draw_few(4)
    test, _ = draw_bars(30, seed=1, contrast=0.1, noise=0.2)
    fitted = fit("svm", None, images, labels)
    floats = fit("svm", None, images / 255, labels)
    expected = fitted.predict(test)
    np.testing.assert_allclose(fitted.predict(test / 255), expected, atol=1e-6)
    np.testing.assert_allclose(floats.predict(test), expected, atol=1e-6)


@pytest.mark.parametrize("classes", [[0, 1], [0, 1, 2], [1, 3]], ids=str)
def test_the_likeliest_class_is_scikit_learns_answer(classes):
    images, labels = draw_bars(16, seed=0, contrast=0.1, noise=0.2)
    chosen = np.isin(labels, classes)
    fitted = fit("svm", None, images[chosen], labels[chosen], num_classes=4)
    test, _ = draw_bars(100, seed=1, contrast=0.1, noise=0.2)
    pixels = (test / 255).astype(np.float32).reshape(100, -1)
    machine = SVC(C=fitted.model.estimator.C, gamma="scale", break_ties=True)
    machine.fit((images[chosen] / 255).astype(np.float32).reshape(-1, 64), labels[chosen])
    expected = machine.predict(pixels)
    probabilities = fitted.predict(test)
    assert set(expected) == set(classes)
    np.testing.assert_array_equal(probabilities.argmax(axis=1), expected)
    others = [k for k in range(4) if k not in classes]
    assert probabilities[:, others].max(initial=0) == 0
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_the_penalty_is_tuned_from_five_labels_a_class(monkeypatch):
    monkeypatch.setattr(classical, "_SVM_PENALTIES", [1e-6, 7.0])
    images, labels = draw_few(5)
    assert fit("svm", None, images, labels).model.estimator.C == 7.0
    monkeypatch.setattr(classical, "_SVM_PENALTIES", [3.0])
    assert fit("svm", None, images, labels).model.estimator.C == 3.0
    # One label less in one class: nothing is tuned.
    assert fit("svm", None, images[:-1], labels[:-1]).model.estimator.C != 3.0


def test_a_class_without_labels_stops_the_tuning(monkeypatch):
    monkeypatch.setattr(classical, "_SVM_PENALTIES", [3.0])
    images, labels = draw_few(6)
    fitted = fit("svm", None, images, labels, num_classes=5)
    assert fitted.model.estimator.C != 3.0


def test_cost_counts_no_steps():
    images, labels = draw_few(4)
    fitted = fit("svm", None, images, labels)
    machine = fitted.model.estimator
    assert fitted.cost.steps == 0
    assert fitted.cost.parameters == machine.dual_coef_.size + machine.support_vectors_.size
    assert fitted.cost.seconds > 0


def draw_people(count, *, seed):
    """Four pictures each of `count` people: the label shows a little, the face much.

    A third of people have a wrong label, which only their own other pictures tell.
    """
    random = np.random.default_rng(seed)
    truth = np.arange(count) % 2
    labels = np.where(random.random(count) < 0.33, 1 - truth, truth)
    faces = random.normal(0, 40, (count, 8, 8, 1))
    faces[:, :2] = 25 * (2 * truth[:, None, None, None] - 1)
    people = np.repeat(np.arange(count), 4)
    images = 128 + faces[people] + random.normal(0, 5, (4 * count, 8, 8, 1))
    return images.clip(0, 255).astype(np.uint8), labels[people], people


def test_what_leaks_through_groups_is_not_chosen(monkeypatch):
    monkeypatch.setattr(classical, "_SVM_PENALTIES", [0.03, 100.0])
    images, labels, people = draw_people(60, seed=0)
    # Who has seen one picture of a person knows the label of the others: the more by heart, the
    # better. It is of no use for people never seen.
    assert fit("svm", None, images, labels).model.estimator.C == 100.0
    assert fit("svm", None, images, labels, groups=people).model.estimator.C == 0.03


def test_as_many_groups_as_images(monkeypatch):
    images, labels, people = draw_people(10, seed=0)
    with pytest.raises(InputError, match="9 groups for 40 images"):
        fit("svm", None, images, labels, groups=people[:9])


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
    np.testing.assert_allclose(classical.count_votes(values), expected, rtol=1e-12)


def test_machines_of_many_classes(monkeypatch):
    images, labels = draw_prototypes(130, 5, seed=1)
    monkeypatch.setattr(classical, "_SVM_PENALTIES", [3.0])
    fitted = fit("svm", None, images, labels, num_classes=130)
    assert fitted.model.estimator.C == 10.0  # not chosen, though there are labels enough
    tests, truth = draw_prototypes(130, 2, seed=2)
    probabilities = fitted.predict(tests)
    assert (probabilities.argmax(axis=1) == truth).mean() > 0.95
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    monkeypatch.setattr(classical, "_VALUES_AT_ONCE", 3 * 130 * 129 // 2)  # three images
    np.testing.assert_array_equal(fitted.predict(tests), probabilities)


def test_memory_of_a_prediction_is_bounded(monkeypatch):
    images, labels = draw_prototypes(130, 2, seed=1)
    fitted = fit("svm", None, images, labels, num_classes=130)
    tests, _ = draw_prototypes(130, 20, seed=2)
    monkeypatch.setattr(classical, "_VALUES_AT_ONCE", 100_000)
    tracemalloc.start()
    try:
        fitted.predict(tests)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    all_values = 8 * len(tests) * 130 * 129 // 2
    assert peak < all_values / 8 < 3e7
