import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from tests.conftest import draw_bars
from tests.transfer.cases import fit
from tfzero.transfer.features import read_features

CLASSICAL = ["logistic", "svm", "forest", "knn"]


def draw_few(a_class, **settings):
    return draw_bars(4 * a_class, seed=0, contrast=0.1, noise=0.2, **settings)


@pytest.mark.parametrize("strategy", CLASSICAL)
def test_images_whose_features_are_not_finite_get_no_answer(strategy):
    images, labels = draw_few(4)
    fitted = fit(strategy, None, (images / 255).astype(np.float32), labels)
    finite = np.array([True, True, False, True, True])
    expected = fitted.predict(images[:5])
    features = read_features(None, images[:5])
    features[~finite] = np.nan
    model = fitted.model.head
    answers = model.predict(features)
    assert np.isnan(model.predict(features[2:3])).all()
    assert np.isnan(answers[2]).all()
    np.testing.assert_allclose(answers[finite], expected[finite], rtol=1e-5)


def test_svm_reads_pixels_of_bytes_and_floats_alike():
    images, labels = draw_few(4)
    test, _ = draw_bars(30, seed=1, contrast=0.1, noise=0.2)
    fitted = fit("svm", None, images, labels)
    floats = fit("svm", None, images / 255, labels)
    expected = fitted.predict(test)
    np.testing.assert_allclose(fitted.predict(test / 255), expected, atol=1e-6)
    np.testing.assert_allclose(floats.predict(test), expected, atol=1e-6)


def oracle(strategy, classifier):
    """What scikit-learn's own classifier is, at the settings of one of ours."""
    if strategy == "svm":
        return SVC(C=classifier.penalty, gamma=0.25, break_ties=True)
    if strategy == "knn":
        return KNeighborsClassifier(classifier.num_neighbors, weights="distance", metric="cosine")
    if strategy == "forest":
        return ExtraTreesClassifier(**classifier.get_params())
    return LogisticRegression(C=classifier.C, tol=1e-6, max_iter=1000)


@pytest.mark.parametrize("classes", [[0, 1], [0, 1, 2], [1, 3]], ids=str)
@pytest.mark.parametrize("strategy", CLASSICAL)
def test_the_likeliest_class_is_scikit_learns_answer(strategy, classes):
    images, labels = draw_bars(16, seed=0, contrast=0.1, noise=0.2)
    chosen = np.isin(labels, classes)
    fitted = fit(strategy, None, images[chosen], labels[chosen], num_classes=4)
    test, _ = draw_bars(100, seed=1, contrast=0.1, noise=0.2)
    pixels = (images[chosen] / 255).astype(np.float32).reshape(-1, 64)
    mean, spread = pixels.mean(axis=0), pixels.std(axis=0)
    scale = np.sqrt((spread**2).sum())  # one for all pixels
    ours = fitted.model.head.pipeline
    theirs = oracle(strategy, ours[-1]).fit((pixels - mean) / scale, labels[chosen])
    expected = theirs.predict(((test / 255).astype(np.float32).reshape(-1, 64) - mean) / scale)
    probabilities = fitted.predict(test)
    assert set(expected) == set(classes)
    # Solvers stop a little before the optimum.
    assert (probabilities.argmax(axis=1) == expected).mean() >= 0.98
    others = [k for k in range(4) if k not in classes]
    assert probabilities[:, others].max(initial=0) == 0
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("strategy", CLASSICAL)
def test_labels_of_one_class_are_answered_with_it(strategy):
    images, _ = draw_few(2)
    fitted = fit(strategy, None, images, np.full(8, 2), num_classes=4)
    np.testing.assert_array_equal(fitted.predict(images), np.tile([0, 0, 1, 0], (8, 1)))


@pytest.mark.parametrize("strategy", CLASSICAL)
def test_cost_counts_no_steps(strategy):
    images, labels = draw_few(4)
    fitted = fit(strategy, None, images, labels)
    classifier = fitted.model.head.pipeline[-1]
    assert fitted.cost.steps == 0
    assert fitted.cost.seconds > 0
    count = {
        "logistic": lambda: 4 * (64 + 1),
        "svm": lambda: (3 + 16) * len(classifier.machine_.support_),
        "forest": lambda: sum(tree.tree_.node_count for tree in classifier.estimators_),
        # 16 centred images span 15 directions; one column holds what is outside.
        "knn": lambda: 16 * 16,
    }
    assert fitted.cost.parameters == count[strategy]()


@pytest.mark.parametrize("strategy", ["logistic", "knn", "forest"])
def test_probabilities_are_about_as_sure_as_they_are_right(strategy):
    from tfzero.study.work.scores import calibration_error

    images, labels = draw_few(8)
    test, truth = draw_bars(800, seed=1, contrast=0.1, noise=0.2)
    probabilities = fit(strategy, None, images, labels).predict(test)
    right = probabilities.argmax(axis=1) == truth
    assert 0.4 < right.mean() < 0.98
    # Trees average what differs, and are less sure than they could be.
    most = 0.35 if strategy == "forest" else 0.2
    assert calibration_error(probabilities.max(axis=1), right) < most
    assert probabilities.min() >= 0


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


@pytest.mark.parametrize("strategy", CLASSICAL)
def test_what_leaks_through_groups_is_not_validated(strategy):
    images, labels, people = draw_people(60, seed=0)
    # Who has seen one picture of a person knows the label of the others. It is of no use for
    # people never seen, of whom a third are labelled at random.
    assert fit(strategy, None, images, labels).chosen["validated"] > 0.9
    assert fit(strategy, None, images, labels, groups=people).chosen["validated"] < 0.8
