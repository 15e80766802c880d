"""Populations of ridge classifiers on cached random features."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from benchmarks.calibration.images import Bank
from benchmarks.calibration.population import Population

NUM_FEATURES, NUM_COMPONENTS = 1024, 100


class RidgeArm(NamedTuple):
    """A ridge classifier on a random subset of the features, drawn anew like an encoder.

    Attributes:
        size: How many features.
        strength: The penalty, in shares of the features' variance per image.
    """

    size: int
    strength: float


# The baseline, an arm that is equally good, one of more features, one that overfits, one of few.
ARMS = (
    RidgeArm(60, 0.1),
    RidgeArm(60, 0.1),
    RidgeArm(90, 0.1),
    RidgeArm(70, 0.02),
    RidgeArm(45, 0.3),
)


def fit_features(
    bank: Bank, counts: tuple[int, ...], *, encoders: int, fits: int, arms=ARMS
) -> Population:
    """Returns a population: `fits` label subsets for each of `encoders` subsets of features."""
    known, tested = make_features(bank)
    classes = bank.num_classes
    targets = np.eye(classes, dtype=np.float32)[bank.labels] - 1 / classes
    right = np.empty((len(arms), len(counts), encoders * fits, len(tested)), bool)
    for replicate in range(encoders * fits):
        encoder = replicate // fits
        subset = bank.nested_labels(max(counts), [1, replicate])
        for place, arm in enumerate(arms):
            generator = np.random.default_rng([2, place, encoder])
            columns = generator.choice(NUM_FEATURES, arm.size, replace=False)
            ours = tested[:, columns]
            for column, count in enumerate(counts):
                rows = known[subset[:count]][:, columns]
                head, mean = fit_ridge(rows, targets[subset[:count]], arm.strength)
                answers = ((ours - mean) @ head).argmax(axis=1)
                right[place, column, replicate] = answers == bank.test_labels
    return Population(right, bank.test_labels, counts, np.repeat(np.arange(encoders), fits))


def make_features(bank: Bank) -> tuple[np.ndarray, np.ndarray]:
    """Returns whitened principal components, projected at random and rectified, `(N, F)`."""
    pool, known, tested = (
        part.reshape(len(part), -1) for part in (bank.pool, bank.images, bank.test_images)
    )
    mean = pool.mean(axis=0)
    _, values, rows = np.linalg.svd(pool[:5000] - mean, full_matrices=False)
    keep = min(NUM_COMPONENTS, int((values > values[0] * 1e-3).sum()))
    scale = rows[:keep].T / np.sqrt(values[:keep] / np.sqrt(min(len(pool), 5000)))
    directions = np.random.default_rng(0).normal(size=(keep, NUM_FEATURES)) / np.sqrt(keep)
    project = (scale @ directions).astype(np.float32)
    return tuple(np.maximum((part - mean) @ project, 0) for part in (known, tested))


def fit_ridge(
    rows: np.ndarray, targets: np.ndarray, strength: float
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the head `(F, K)` and the rows' mean `(F,)`."""
    mean = rows.mean(axis=0)
    rows = rows - mean
    penalty = strength * len(rows) * rows.var() * np.eye(rows.shape[1], dtype=np.float32)
    return np.linalg.solve(rows.T @ rows + penalty, rows.T @ targets), mean
