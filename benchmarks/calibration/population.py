"""A population of replicates: every arm's answers, many times over, whose mean is the truth."""

from __future__ import annotations

import dataclasses
import pathlib

import numpy as np


@dataclasses.dataclass(frozen=True)
class Population:
    """What many replicates of some arms classified rightly.

    A replicate's cells stay together over arms and label counts: they share labels, and a
    pretrained arm shares its encoder over label counts.

    Attributes:
        right: bool `(A, C, R, T)`, by arm, label count, replicate and test image. The first arm
            is the baseline.
        classes: int `(T,)`.
        counts: The label counts, rising.
        encoders: int `(R,)`, which replicates share their encoders.
    """

    right: np.ndarray
    classes: np.ndarray
    counts: tuple[int, ...]
    encoders: np.ndarray

    @property
    def truths(self) -> np.ndarray:
        """Float `(A - 1, C)`: by how many points each arm is better than the baseline."""
        means = 100.0 * self.right.mean(axis=(2, 3))
        return means[1:] - means[0]

    def take(
        self, arms: tuple[int, ...] | None = None, counts: tuple[int, ...] | None = None
    ) -> Population:
        """Returns a part of it: some arms besides the baseline, some label counts."""
        right = self.right if arms is None else self.right[[0, *arms]]
        if counts is None:
            return dataclasses.replace(self, right=right)
        places = [self.counts.index(count) for count in counts]
        return dataclasses.replace(self, right=right[:, places], counts=counts)

    def collapse(self, arms: tuple[int, ...], share: float) -> Population:
        """Returns it with arms that answer one class only in a share of their encoders."""
        generator = np.random.default_rng(3)
        right = self.right.copy()
        names = np.unique(self.encoders)
        for arm in arms:
            size = round(share * len(names))
            fallen = np.isin(self.encoders, generator.choice(names, size, replace=False))
            for replicate in np.flatnonzero(fallen):
                answer = generator.choice(self.classes)
                right[arm, :, replicate] = self.classes == answer
        return dataclasses.replace(self, right=right)

    def shake(self, arms: tuple[int, ...], ratio: float) -> Population:
        """Returns it with arms whose means vary more, by as much in all classes alike.

        Each replicate loses a share of its right answers of its own, in all classes. This
        multiplies the variance of the difference from the baseline by about `ratio`, and what
        classes show of it hardly.
        """
        generator = np.random.default_rng(4)
        right = self.right.copy()
        for arm in arms:
            means = right[arm].mean(axis=-1)  # (C, R)
            variance = (means - right[0].mean(axis=-1)).var(axis=-1).mean()
            most = (12 * (ratio - 1) * variance) ** 0.5 / means.mean()
            for replicate, share in enumerate(generator.uniform(0, most, right.shape[2])):
                right[arm, :, replicate] &= generator.random(right.shape[-1]) >= share
        return dataclasses.replace(self, right=right)

    def save(self, path: pathlib.Path) -> None:
        """Writes it."""
        np.savez(
            path,
            right=np.packbits(self.right, axis=-1),
            classes=self.classes,
            counts=self.counts,
            encoders=self.encoders,
        )

    @classmethod
    def load(cls, path: pathlib.Path) -> Population:
        """Reads it."""
        with np.load(path) as stored:
            classes = stored["classes"]
            right = np.unpackbits(stored["right"], axis=-1, count=len(classes)).astype(bool)
            counts = tuple(stored["counts"].tolist())
            return cls(right, classes, counts, stored["encoders"])
