"""Scores of predicted probabilities on the test images, each image once."""

from __future__ import annotations

from typing import Any

import numpy as np

# Probabilities below this are taken as this, so that one sure mistake does not make the mean
# infinite: -log is at most 16.1 nats.
SMALLEST_PROBABILITY = 1e-7
_CALIBRATION_BINS = 15


def score_probabilities(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Returns the scores that a record holds.

    Args:
        probabilities: float32 `(T, K)`, rows summing to 1.
        labels: int `(T,)` in 0..K-1.

    Returns:
        `accuracy`, `balanced_accuracy` (the mean over classes) and `macro_f1` in 0..1,
        `class_accuracy` of each of the K classes (None where it has no image),
        `negative_log_likelihood` in nats per image,
        `calibration_error` in 0..1: expected calibration error over 15 equal bins of confidence
        (Guo et al. 2017, arXiv:1706.04599, eq. 3).
    """
    from sklearn.metrics import f1_score

    guesses = probabilities.argmax(axis=1)
    right = guesses == labels
    likelihood = probabilities[np.arange(len(labels)), labels].clip(SMALLEST_PROBABILITY, 1)
    classes = np.arange(probabilities.shape[1])
    counts = np.bincount(labels, minlength=len(classes))
    hits = np.bincount(labels[right], minlength=len(classes))
    by_class = [float(h / n) if n else None for h, n in zip(hits, counts, strict=True)]
    return {
        "accuracy": float(right.mean()),
        "balanced_accuracy": float((hits[counts > 0] / counts[counts > 0]).mean()),
        "class_accuracy": by_class,
        "macro_f1": float(
            f1_score(labels, guesses, labels=classes, average="macro", zero_division=0)
        ),
        "negative_log_likelihood": float(-np.log(likelihood.astype(np.float64)).mean()),
        "calibration_error": calibration_error(probabilities.max(axis=1), right),
    }


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """Returns the mean gap between confidence and accuracy over bins, weighted by their size.

    Args:
        confidence: float `(T,)` in 0..1, of the predicted class.
        right: bool `(T,)`.
    """
    bins = np.minimum((confidence * _CALIBRATION_BINS).astype(int), _CALIBRATION_BINS - 1)
    gaps = np.bincount(bins, weights=confidence - right, minlength=_CALIBRATION_BINS)
    return float(np.abs(gaps).sum() / len(right))
