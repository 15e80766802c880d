"""The parts of the labels that are set aside, one after another, to choose a setting by."""

from __future__ import annotations

import numpy as np

from tfzero.data.groups import number_groups

# Settings are tuned only where every fold can hold a class this often.
MIN_LABELS_A_CLASS = 5
NUM_FOLDS = 5

Fold = tuple[np.ndarray, np.ndarray]


def make_folds(
    labels: np.ndarray, groups: np.ndarray | None, *, num_classes: int, seed: int
) -> list[Fold]:
    """Returns (places to train on, places to validate on) of each fold of a cross-validation.

    Args:
        labels: int `(N,)` in 0..K-1.
        groups: int `(N,)`: what belongs together, and is never on both sides of a fold; None for
            every label alone.
        num_classes: K.
        seed: Draws the folds.

    Returns:
        Up to 5 stratified folds. None where a class has fewer than 5 labels, or all of them in
        one group: whatever is chosen then would be chosen by chance, or by a leak.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    if np.bincount(labels, minlength=num_classes).min() < MIN_LABELS_A_CLASS:
        return []
    if groups is None:
        folds = StratifiedKFold(NUM_FOLDS, shuffle=True, random_state=seed)
        return list(folds.split(labels, labels))
    groups = number_groups(groups)
    fewest = min(len(np.unique(groups[labels == k])) for k in range(num_classes))
    if fewest < 2:
        return []
    folds = StratifiedGroupKFold(min(NUM_FOLDS, fewest), shuffle=True, random_state=seed)
    # Few groups can leave a fold nothing to validate on, or not every class to learn.
    return [
        (train, validation)
        for train, validation in folds.split(labels, labels, groups)
        if len(validation) and len(np.unique(labels[train])) == num_classes
    ]
