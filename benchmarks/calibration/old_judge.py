"""The judge before variances were steadied, kept only to be compared with.

Each comparison is judged by its own replicates: the distribution of Behrens and Fisher's sum, with
U - 1 degrees of freedom for units. Holm's procedure decides a family of all arms and label counts
at 2.5 %, the level of its first look.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
from scipy import optimize, special, stats

FIRST_LOOK = 0.025


@dataclasses.dataclass(frozen=True)
class OldDifference:
    """A mean difference in points, and the squared standard errors of its two parts."""

    mean: float
    by_replicates: float
    by_images: float
    samples: tuple[int, int]

    def tail(self, size: float) -> float:
        """Returns the two-sided probability that the mean is off by more than `size`."""
        units, unit_weights = _possible_ratios(self.samples[0] - 1, 100)
        images, image_weights = _possible_ratios(self.samples[1] - 1, 12)
        variances = np.add.outer(self.by_replicates * units, self.by_images * images)
        return float(unit_weights @ (2 * special.ndtr(-size / np.sqrt(variances))) @ image_weights)

    def half_width(self, alpha: float) -> float:
        """Returns how far the interval goes that misses the truth with probability `alpha`."""
        error = (self.by_replicates + self.by_images) ** 0.5
        most = float(stats.t.isf(alpha / 2, min(self.samples) - 1)) * error
        return float(optimize.brentq(lambda size: self.tail(size) - alpha, 0.0, 1.01 * most))


@functools.cache
def _possible_ratios(freedom: int, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    places, weights = np.polynomial.legendre.leggauss(nodes)
    root = (places + 1) / 2
    return freedom / stats.chi2.ppf(root**4, freedom), weights / 2 * 4 * root**3


def judge_points(points: np.ndarray) -> OldDifference:
    """Returns the judged difference of points `(U, I)`, units by test images."""
    units, images = points.shape
    by_unit, by_image = points.mean(axis=1), points.mean(axis=0)
    rest = points - by_unit[:, None] - by_image[None, :] + points.mean()
    v_rest = float((rest**2).sum() / ((units - 1) * (images - 1)))
    by_replicates = float(by_unit.var(ddof=1)) / units
    by_images = float(by_image.var(ddof=1)) / images - min(v_rest / (units * images), by_replicates)
    floor = (100.0 / images) ** 2 - by_replicates
    return OldDifference(
        float(points.mean()), by_replicates, max(by_images, floor, 0.0), (units, images)
    )


def claim_by_holm(p_values: Sequence[float], alpha: float = FIRST_LOOK) -> np.ndarray:
    """Returns bool: which hypotheses Holm's procedure rejects."""
    order = np.argsort(p_values, kind="stable")
    passed = np.asarray(p_values)[order] < alpha / np.arange(len(order), 0, -1)
    rejected = np.zeros(len(order), bool)
    rejected[order] = np.logical_and.accumulate(passed)
    return rejected
