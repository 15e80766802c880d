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
        samples: How many replicates (or encoders) and test images it was estimated from.
        of_replicates: Variance between replicates, of infinitely many test images each.
        of_images: Variance between test images, of infinitely many replicates each.
        of_rest: Variance of one replicate at one test image beyond the two.
    """

    mean: float
    by_replicates: float
    by_images: float
    samples: tuple[int, int]
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
        error = (self.by_replicates + self.by_images) ** 0.5
        # Between the quantiles of a normal and of Student's t for replicates alone.
        most = float(stats.t.isf(alpha / 2, min(self.samples) - 1)) * error
        half_width = optimize.brentq(lambda size: self._tail(size) - alpha, 0.0, 1.01 * most)
        return self.mean - half_width, self.mean + half_width

    def _tail(self, size: float) -> float:
        """Returns the probability that an estimate is off by more than `size`.

        The tail of Behrens and Fisher's sum: replicates' error times Student's t with S - 1
        degrees of freedom, plus images' error times one with I - 1. Averaged over what the true
        variances may be, given their estimates.
        """
        seeds, seed_weights = _possible_ratios(self.samples[0] - 1, 100)
        images, image_weights = _possible_ratios(self.samples[1] - 1, 12)
        variances = np.add.outer(self.by_replicates * seeds, self.by_images * images)
        tails = 2 * special.ndtr(-size / np.sqrt(variances))
        return float(seed_weights @ tails @ image_weights)


@functools.cache
def _possible_ratios(freedom: int, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns true over estimated variance, freedom / chi2, at nodes with their weights."""
    places, weights = np.polynomial.legendre.leggauss(nodes)
    # The fourth power sets nodes close where chi2 is small, which decides the far tail.
    root = (places + 1) / 2
    return freedom / stats.chi2.ppf(root**4, freedom), weights / 2 * 4 * root**3


def judge_difference(
    first: np.ndarray, second: np.ndarray, *, groups: np.ndarray | None = None
) -> Difference:
    """Returns the difference of two arms' accuracies, `first` minus `second`.

    Replicates and test images are both samples: D[s, i] = 100 (correct_first - correct_second)
    has a share of each and a rest. With the variances of the replicates' means, of the images'
    means, and the residual mean square,

        SE^2 = max(v_seed / S + v_image / I - v_rest / (S I), v_seed / S, v_image / I),

    the two-way random-effects variance of the grand mean, floored by each one-way variance, and
    by the weight of one test image: two arms that answer all alike on few images may differ on
    the next.

    The part from replicates is known from few of them. Satterthwaite's degrees of freedom make
    the far tail, where a family of comparisons is decided, too thin when the estimate happens to
    be small: 3 replicates, 5,000 test images and no true difference, a family of 6 held a
    false claim in 16 % of studies instead of 2.5 % (benchmarks/README.md). Behrens and Fisher's
    distribution does not.

    Args:
        first: bool `(S, I)`, whether replicate s classified test image i rightly; S, I >= 2.
        second: bool `(S, I)`, the other arm, of the same replicates.
        groups: int `(S,)`, the encoder of each replicate, where encoders are shared. D is then
            averaged within each, and S counts encoders. None: one each.

    Reference:
        Searle, Casella and McCulloch 1992, Variance Components, section 4.3 (crossed, one
        observation a cell); Fisher 1935, Annals of Eugenics 6:391 (the distribution).
    """
    points = 100.0 * (first.astype(np.float64) - second.astype(np.float64))  # (S, I)
    if groups is not None:
        points = np.stack([points[groups == group].mean(axis=0) for group in np.unique(groups)])
    seeds, images = points.shape
    by_seed, by_image = points.mean(axis=1), points.mean(axis=0)
    rest = points - by_seed[:, None] - by_image[None, :] + points.mean()
    v_seed, v_image = float(by_seed.var(ddof=1)), float(by_image.var(ddof=1))
    v_rest = float((rest**2).sum() / ((seeds - 1) * (images - 1)))
    by_replicates = v_seed / seeds
    by_images = v_image / images - min(v_rest / (seeds * images), by_replicates)
    return Difference(
        mean=float(points.mean()),
        by_replicates=by_replicates,
        by_images=max(by_images, (100.0 / images) ** 2 - by_replicates, 0.0),
        samples=(seeds, images),
        of_replicates=max(v_seed - v_rest / images, 0.0),
        of_images=max(v_image - v_rest / seeds, 0.0),
        of_rest=v_rest,
    )
