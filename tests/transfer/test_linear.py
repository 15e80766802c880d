import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tfzero.transfer import linear
from tfzero.transfer.linear import fit_linear_head


def make_features(count, width, num_classes, *, seed=0):
    """Features of overlapping classes, far from zero and of unequal spread."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % num_classes
    centers = random.normal(size=(num_classes, width))
    features = 3 * (centers[labels] + random.normal(size=(count, width))) + 10
    return features.astype(np.float32), labels


def predict(head, features):
    kernel, bias = head
    logits = features.astype(np.float64) @ kernel + bias
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponents / exponents.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("num_classes", [2, 3, 5])
@pytest.mark.parametrize("count, width", [(30, 8), (20, 60), (12, 12)])
def test_equals_logistic_regression_on_all_features(num_classes, count, width):
    features, labels = make_features(count, width, num_classes)
    mean, spread = features.mean(axis=0), np.sqrt(((features - features.mean(axis=0)) ** 2).mean())
    # Of two classes scikit-learn penalizes one logit's weights w; here w/2 and -w/2, half as much.
    strength = linear.PENALTY * (2 if num_classes == 2 else 1)
    model = LogisticRegression(C=strength, tol=1e-9, max_iter=10_000)
    model.fit((features - mean).astype(np.float64) / spread, labels)
    new, _ = make_features(40, width, num_classes, seed=1)
    expected = model.predict_proba((new - mean).astype(np.float64) / spread)
    assert expected.std() > 0.05
    head = fit_linear_head(features, labels, num_classes=num_classes)
    assert [part.dtype for part in head] == [np.float32, np.float32]
    np.testing.assert_allclose(predict(head, new), expected, atol=1e-3)


def test_a_class_without_labels_is_never_answered():
    features, labels = make_features(20, 6, 3)
    gapped = np.array([0, 2, 4])[labels]
    head = fit_linear_head(features, gapped, num_classes=6)
    assert head[0].shape == (6, 6) and head[1].shape == (6,)
    probabilities = predict(head, features)
    assert probabilities[:, [1, 3, 5]].max() == 0
    full = predict(fit_linear_head(features, labels, num_classes=3), features)
    np.testing.assert_allclose(probabilities[:, [0, 2, 4]], full, atol=1e-6)


@pytest.mark.parametrize("count", [1, 4])
def test_one_class_alone_is_always_answered(count):
    features, _ = make_features(count, 6, 2)
    head = fit_linear_head(features, np.full(count, 1), num_classes=3)
    probabilities = predict(head, make_features(9, 6, 2, seed=1)[0])
    np.testing.assert_array_equal(probabilities, np.tile([0.0, 1.0, 0.0], (9, 1)))


def test_the_scale_of_the_features_does_not_matter():
    features, labels = make_features(20, 6, 3)
    expected = predict(fit_linear_head(features, labels, num_classes=3), features)
    scaled = (features * 100).astype(np.float32)
    result = predict(fit_linear_head(scaled, labels, num_classes=3), scaled)
    np.testing.assert_allclose(result, expected, atol=1e-3)


@pytest.mark.parametrize("width", [5, 64])
def test_features_that_say_nothing_give_the_shares_of_the_classes(width):
    features = np.zeros((8, width), np.float32)
    labels = np.array([0, 0, 0, 0, 0, 0, 1, 1])
    head = fit_linear_head(features, labels, num_classes=2)
    np.testing.assert_allclose(predict(head, features[:1]), [[0.75, 0.25]], atol=1e-3)
