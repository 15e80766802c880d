"""The difference of two arms over replicates and test images, with what is not known of it."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
from scipy import optimize, special

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
        half_width = _half_width(self.by_replicates, self.by_images, self.freedom, alpha)
        return self.mean - half_width, self.mean + half_width

    def _tail(self, size: float) -> float:
        """Returns the probability that an estimate is off by more than `size`.

        The tail of the replicates' error times Student's t with its degrees of freedom, plus the
        images' error times a normal. It is averaged over what the replicates' true variance may
        be, given its estimate (Fisher 1935, Annals of Eugenics 6:391).
        """
        return _tail(self.by_replicates, self.by_images, self.freedom, size)


def _tail(by_replicates: float, by_images: float, freedom: float, size: float) -> float:
    variances = by_replicates * _possible_ratios(freedom) + by_images
    return float(_nodes()[1] @ (2 * special.ndtr(-size / np.sqrt(variances))))


@functools.lru_cache(maxsize=4096)
def _half_width(by_replicates: float, by_images: float, freedom: float, alpha: float) -> float:
    error = (by_replicates + by_images) ** 0.5
    # Between the quantiles of a normal and of Student's t for replicates alone.
    most = -float(special.stdtrit(freedom, alpha / 2)) * error

    def excess(size: float) -> float:
        return _tail(by_replicates, by_images, freedom, size) - alpha

    return optimize.brentq(excess, 0.0, 1.01 * most)


@functools.cache
def _nodes() -> tuple[np.ndarray, np.ndarray]:
    """Returns probabilities and their weights, for an average over a distribution."""
    places, weights = np.polynomial.legendre.leggauss(100)
    # The fourth power sets nodes close where chi2 is small, which decides the far tail.
    root = (places + 1) / 2
    return root**4, weights / 2 * 4 * root**3


@functools.lru_cache(maxsize=4096)
def _possible_ratios(freedom: float) -> np.ndarray:
    """Returns true over estimated variance, freedom / chi2, at the nodes."""
    return freedom / (2 * special.gammaincinv(freedom / 2, _nodes()[0]))
