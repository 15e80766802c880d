"""What the classifiers of a replicate may learn from, and which test images each is asked about."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from tfzero.common.seeds import derive_seed
from tfzero.data import ImageData, nested_subsets
from tfzero.data.cross_fit import draw_folds

Rows = np.ndarray | slice
_ALL = slice(None)


class Fold(NamedTuple):
    """One classifier of each cell of a replicate.

    A study with a test part of its own has one fold: all training images, all test images. With
    cross-fitting there are several, and together they ask about each labelled image once.

    Attributes:
        learnt: The training images that label subsets are drawn from.
        asked: The test images that the classifier predicts.
        words: What its random numbers are for, beside the replicate's.
    """

    learnt: Rows = _ALL
    asked: Rows = _ALL
    words: tuple[str | int, ...] = ()

    def seed(self, replicate: int, purpose: str) -> int:
        """Returns the seed of one purpose, the same for all arms of a replicate."""
        return derive_seed(replicate, purpose, *self.words)

    def subsets(
        self, data: ImageData, counts: Iterable[int], *, replicate: int, balanced: bool
    ) -> dict[int, np.ndarray]:
        """Returns by label count which training images are labelled, nested.

        A fold that is smaller than a count, for groups that are large, gives all that it has.
        """
        rows = np.arange(len(data.train_labels))[self.learnt]
        sizes = {count: min(count, len(rows)) for count in counts}
        drawn = nested_subsets(
            data.train_images[self.learnt],
            data.train_labels[self.learnt],
            sorted(set(sizes.values())),
            seed=self.seed(replicate, "labels"),
            balanced=balanced,
        )
        return {count: rows[drawn[size]] for count, size in sizes.items()}


def list_folds(data: ImageData, *, num_folds: int, replicate: int) -> list[Fold]:
    """Returns the folds of a replicate.

    Args:
        data: The images.
        num_folds: As the data's `num_folds` says.
        replicate: Each draws its folds anew.
    """
    if num_folds == 1:
        return [Fold()]
    drawn = draw_folds(data.train_labels, data.train_groups, replicate=replicate)
    return [Fold(*fold, ("fold", number)) for number, fold in enumerate(drawn)]
