import numpy as np
import pytest
import scipy.optimize

from tfzero.transfer.transferability import h_score, log_me


def draw(count=40, size=6, *, gap=1.0, seed=0):
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    return random.normal(size=(count, size)) + gap * np.eye(3, size)[labels], labels


def evidence(features, targets, alpha, beta):
    """Log of N(targets; 0, F F^T / alpha + I / beta), from the marginal itself."""
    covariance = features @ features.T / alpha + np.eye(len(features)) / beta
    _, determinant = np.linalg.slogdet(2 * np.pi * covariance)
    return -(determinant + targets @ np.linalg.solve(covariance, targets)) / 2


@pytest.mark.parametrize("size", [3, 6, 60])
def test_log_me_is_the_greatest_evidence(size):
    features, labels = draw(size=size)
    found = []
    for label in range(3):
        targets = (labels == label).astype(float)
        best = scipy.optimize.minimize(
            lambda logs, targets=targets: -evidence(features, targets, *np.exp(logs)),
            np.zeros(2),
            method="Nelder-Mead",
            options={"xatol": 1e-6, "fatol": 1e-9},
        )
        found.append(-best.fun / len(labels))
    assert log_me(features, labels) == pytest.approx(np.mean(found), abs=1e-3)


def test_h_score_equals_the_direct_formula():
    from sklearn.covariance import LedoitWolf

    features, labels = draw()
    shrunk = LedoitWolf().fit(features)
    centered = features - features.mean(axis=0)
    conditional = np.stack([centered[labels == label].mean(axis=0) for label in labels])
    between = conditional.T @ conditional / len(labels)
    expected = np.trace(np.linalg.pinv(shrunk.covariance_) @ ((1 - shrunk.shrinkage_) * between))
    assert h_score(features, labels) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("score", [log_me, h_score])
def test_classes_further_apart_score_higher(score):
    scores = [score(*draw(200, gap=gap)) for gap in (0.0, 2.0, 5.0)]
    assert scores[0] < scores[1] < scores[2]


@pytest.mark.parametrize("score", [log_me, h_score])
def test_labels_of_one_class_are_refused(score):
    with pytest.raises(ValueError, match="1 class; expected at least 2"):
        score(np.ones((4, 2)), np.zeros(4, int))


def test_features_that_collapsed_explain_nothing():
    labels = np.arange(40) % 2
    # By hand: labels of 0 and 1 in equal parts as noise of variance 1/2 around 0.
    expected = -0.5 * (np.log(2 * np.pi * 0.5) + 1)
    assert log_me(np.zeros((40, 5)), labels) == pytest.approx(expected, rel=1e-6)
    assert h_score(np.full((40, 5), 3.0), labels) == 0
