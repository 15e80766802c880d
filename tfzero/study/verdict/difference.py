"""The difference of two arms over replicates and test images, with what is not known of it."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
from scipy import optimize, special, stats

CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True)
class Difference:
    """A mean difference in points of accuracy, and how far it can be off.

    Attributes:
        mean: Over replicates and test images.
        by_replicates: Squared standard error of the mean that comes from replicates.
        by_images: Squared standard error that comes from test images alone.
        freedom: Degrees of freedom of `by_replicates`.
        units: How many replicates (or encoders) there were.
        images: How many test images.
        of_replicates: Variance between replicates, of infinitely many test images each.
        of_images: Variance between test images, of infinitely many replicates each.
        of_rest: Variance of one replicate at one test image beyond the two.
    """

    mean: float
    by_replicates: float
    by_images: float
    freedom: float
    units: int
    images: int
    of_replicates: float
    of_images: float
    of_rest: float

    @property
    def p_value(self) -> float:
        """Two-sided, against a true difference of 0."""
        return self._tail(abs(self.mean))

    def p_beyond(self, margin: float) -> float:
        """Returns the p value against a true difference of `margin` points or more, either way.

        The larger of the two one-sided tests' p values.

        Reference:
            Schuirmann 1987, Journal of Pharmacokinetics and Biopharmaceutics 15:657.
        """
        gap = margin - abs(self.mean)
        return self._tail(gap) / 2 if gap > 0 else 1 - self._tail(-gap) / 2

    def interval(self, alpha: float) -> tuple[float, float]:
        """Returns the ends of the interval that misses the truth with probability `alpha`."""
        if alpha >= 1:
            return self.mean, self.mean
        error = (self.by_replicates + self.by_images) ** 0.5
        # Between the quantiles of a normal and of Student's t for replicates alone.
        most = float(stats.t.isf(alpha / 2, self.freedom)) * error
        half_width = optimize.brentq(lambda size: self._tail(size) - alpha, 0.0, 1.01 * most)
        return self.mean - half_width, self.mean + half_width

    def _tail(self, size: float) -> float:
        """Returns the probability that an estimate is off by more than `size`.

        The tail of the replicates' error times Student's t with its degrees of freedom, plus the
        images' error times a normal. It is averaged over what the replicates' true variance may
        be, given its estimate (Fisher 1935, Annals of Eugenics 6:391).
        """
        ratios, weights = _possible_ratios(self.freedom, 100)
        variances = self.by_replicates * ratios + self.by_images
        return float(weights @ (2 * special.ndtr(-size / np.sqrt(variances))))


@functools.lru_cache(maxsize=4096)
def _possible_ratios(freedom: float, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns true over estimated variance, freedom / chi2, at nodes with their weights."""
    places, weights = np.polynomial.legendre.leggauss(nodes)
    # The fourth power sets nodes close where chi2 is small, which decides the far tail.
    root = (places + 1) / 2
    return freedom / stats.chi2.ppf(root**4, freedom), weights / 2 * 4 * root**3
