"""Cross-fitting: where labelled images are few, each of them is also a test image.

A hold-out of 30 % leaves 36 test images of 120 labelled ones, and hardly any difference can be
seen on these. With cross-fitting, a classifier is trained on four fifths of the labelled images
and predicts the last fifth, for each fifth in turn. So each labelled image is predicted once, by a
classifier that was not trained on it.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from tfzero.common.seeds import derive_seed
from tfzero.data.collection import Part
from tfzero.data.groups import merge_duplicates, number_groups

NUM_FOLDS = 5
# From so many labelled images on, a hold-out has enough of them.
FEW_LABELLED = 1000
# Folds are drawn again where a class would be missing in what is learnt from.
_DRAWS = 100
# Replicates whose folds must be possible before cross-fitting is offered.
_TRIED = 20

Fold = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class CrossFit:
    """What it takes to cross-fit on all labelled images instead of holding a test part out.

    Attributes:
        pool: int `(U,)`, the images of the pool that no labelled image is equal to, or is of one
            group with. Encoders learn from these alone, so one encoder serves all folds.
        groups: int64 `(N + M,)`, which of the labelled images belong together, first those of the
            training part, then those held out; None where each stands alone.
        note: The sentence that tells of the hold-out, which does not hold then.
    """

    pool: np.ndarray
    groups: np.ndarray | None
    note: str


def has_few_labels(num_labelled: int, num_unlabeled: int) -> bool:
    """Returns whether there are so few labelled images that a hold-out would be too small.

    Then there have to be unlabeled images, as many at least, for encoders to learn from.
    """
    return num_labelled < FEW_LABELLED and num_unlabeled >= num_labelled


def offer_cross_fit(
    train: Part, test: Part, unlabeled: Part, *, first: int, note: str
) -> CrossFit | None:
    """Returns what it takes to cross-fit, or None where that is not possible or not better.

    Args:
        train: The labelled images that are not held out.
        test: Those held out of them, because the source has no test part.
        unlabeled: The unlabeled images of the pool.
        first: The place of the first unlabeled image in the pool.
        note: As in `CrossFit`.
    """
    count = len(train.images) + len(test.images)
    if not has_few_labels(count, len(unlabeled.images)):
        return None
    related = np.zeros(len(unlabeled.images), bool)
    for part in (train, test):
        related |= np.isin(unlabeled.digests, part.digests)
        if part.groups is not None and unlabeled.groups is not None:
            known = np.array([group is not None for group in unlabeled.groups], bool)
            related |= known & np.isin(unlabeled.groups.astype(str), part.groups.astype(str))
    if (~related).sum() < count:
        return None
    images = np.concatenate([train.images, test.images])
    labels = np.concatenate([train.require_labels(), test.require_labels()])
    groups = None
    if train.groups is not None and test.groups is not None:
        groups = np.concatenate([train.groups, test.groups])
    merged = merge_duplicates(images, groups)
    groups = None if merged is None else number_groups(merged)
    if any(not draw_folds(labels, groups, replicate=replicate) for replicate in range(_TRIED)):
        return None
    return CrossFit(first + np.flatnonzero(~related), groups, note)


def draw_folds(labels: np.ndarray, groups: np.ndarray | None, *, replicate: int) -> list[Fold]:
    """Draws folds of which each has about the share of each class.

    Args:
        labels: int `(N,)`, K different ones.
        groups: int `(N,)`: what belongs together is in one fold. None: each image stands alone.
        replicate: Another one draws other folds.

    Returns:
        (images to learn from, images to predict) of each of the 5 folds, int `(...,)`, rising. All
        classes are among those to learn from. Empty where that was not found.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    own = np.arange(len(labels)) if groups is None else groups
    in_class = [own[labels == label] for label in np.unique(labels)]
    num_classes = len(in_class)
    # Each class has to be on either side, some class in every fold, and a group in every fold.
    if min(len(np.unique(each)) for each in in_class) < 2 or max(map(len, in_class)) < NUM_FOLDS:
        return []
    if len(np.unique(own)) < NUM_FOLDS:
        return []
    for draw in range(_DRAWS):
        seed = derive_seed(replicate, "folds", draw)
        kind = StratifiedKFold if groups is None else StratifiedGroupKFold
        splitter = kind(NUM_FOLDS, shuffle=True, random_state=seed)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The least populated class", UserWarning)
            folds = list(splitter.split(labels, labels, groups))
        if all(len(np.unique(labels[learnt])) == num_classes for learnt, _ in folds) and all(
            len(predicted) for _, predicted in folds
        ):
            return folds
    return []
