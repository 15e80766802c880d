"""Scores of how well features will serve labels, without any hold-out."""

from __future__ import annotations

import numpy as np
from sklearn.covariance import ledoit_wolf

_MAX_ITERATIONS = 100
_TOLERANCE = 1e-5


def log_me(features: np.ndarray, labels: np.ndarray) -> float:
    """LogME: the log evidence of linear regressions from features to each class, per label.

    For each class the evidence p(y | F) = integral p(y | F, w, beta) p(w | alpha) dw is maximized
    over the precisions alpha and beta by their fixed point, starting from 1.

    Args:
        features: float `(N, D)`.
        labels: int `(N,)`.

    Returns:
        The mean over classes, in nats a label. Compare only features of one size on one set of
        labels.

    Raises:
        ValueError: If fewer than 2 classes are there.

    Reference:
        You et al. 2021, arXiv:2102.11005, eq. 2 and algorithm 1.
    """
    features = np.asarray(features, np.float64)
    classes = _require_classes(labels)
    count, size = features.shape
    left, values, _ = np.linalg.svd(features, full_matrices=False)
    squares = values**2  # (R,)
    evidences = []
    for label in classes:
        targets = (labels == label).astype(np.float64)
        projected = left.T @ targets  # (R,)
        outside = max(0.0, float(targets @ targets - projected @ projected))
        evidences.append(_maximize_evidence(squares, projected, outside, count, size))
    return float(np.mean(evidences))


def _maximize_evidence(squares, projected, outside, count, size) -> float:
    """Returns the maximal log evidence over N, with features as singular values and projections."""
    alpha = beta = 1.0
    for _ in range(_MAX_ITERATIONS):
        ratio = alpha / beta
        effective = float((squares / (squares + ratio)).sum())
        weights = float((squares * projected**2 / (squares + ratio) ** 2).sum())  # |m|^2
        residual = float(((ratio / (squares + ratio)) ** 2 * projected**2).sum()) + outside
        # Features that are all 0, of an encoder that collapsed, leave alpha at the floor.
        alpha = max(effective / (weights + 1e-12), 1e-12)
        beta = (count - effective) / (residual + 1e-12)
        if abs(alpha / beta - ratio) <= _TOLERANCE * ratio:
            break
    ratio = alpha / beta
    weights = float((squares * projected**2 / (squares + ratio) ** 2).sum())
    residual = float(((ratio / (squares + ratio)) ** 2 * projected**2).sum()) + outside
    # Directions without features keep the prior's precision.
    log_determinant = np.log(alpha + beta * squares).sum() + (size - len(squares)) * np.log(alpha)
    evidence = size * np.log(alpha) + count * np.log(beta) - log_determinant
    evidence = evidence - beta * residual - alpha * weights - count * np.log(2 * np.pi)
    return float(evidence / 2 / count)


def h_score(features: np.ndarray, labels: np.ndarray) -> float:
    """Regularized H-score: how much of the features' spread lies between the classes.

    tr(S^-1 (1 - a) B) with S the features' covariance shrunk by Ledoit and Wolf's a towards a
    multiple of the identity, and B the covariance of each image's class mean.

    Args:
        features: float `(N, D)`.
        labels: int `(N,)`.

    Returns:
        A number from 0, classes alike, to at most their number less 1.

    Raises:
        ValueError: If fewer than 2 classes are there.

    Reference:
        Ibrahim et al. 2021, arXiv:2110.06893, eq. 9; Bao et al. 2019 for the score without
        shrinkage.
    """
    features = np.asarray(features, np.float64)
    classes = _require_classes(labels)
    centered = features - features.mean(axis=0)
    if not centered.any():  # an encoder that collapsed gives one answer to all
        return 0.0
    covariance, shrinkage = ledoit_wolf(centered, assume_centered=True)
    means = np.stack([centered[labels == label].mean(axis=0) for label in classes])
    shares = np.array([(labels == label).mean() for label in classes])
    # tr(S^-1 B) with B = sum of shares * mean mean^T, without a D x D matrix for B.
    solved = np.linalg.solve(covariance, means.T)  # (D, K)
    return float((1 - shrinkage) * (shares * (means.T * solved).sum(axis=0)).sum())


def _require_classes(labels) -> np.ndarray:
    classes = np.unique(labels)
    if len(classes) < 2:
        raise ValueError(f"labels hold {len(classes)} class; expected at least 2 classes.")
    return classes
