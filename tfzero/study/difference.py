"""The difference of two arms over replicates and test images, with what is not known of it."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import stats

CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True)
class Difference:
    """A mean difference in points of accuracy.

    Attributes:
        mean: Over replicates and test images.
        low: Lower end of the 95 % interval.
        high: Upper end.
        p_value: Two-sided, against a true difference of 0.
    """

    mean: float
    low: float
    high: float
    p_value: float


def judge_difference(first: np.ndarray, second: np.ndarray) -> Difference:
    """Returns the difference of two arms' accuracies, `first` minus `second`.

    Replicates and test images are both samples: D[s, i] = 100 (correct_first - correct_second)
    has a share of each and a rest. With the variances of the replicates' means, of the images'
    means, and the residual mean square,

        SE^2 = max(v_seed / S + v_image / I - v_rest / (S I), v_seed / S, v_image / I),

    the two-way random-effects variance of the grand mean, floored by each one-way variance; the
    interval is Student's t with Satterthwaite's degrees of freedom. Two arms that happen to
    differ by the same number of images in every replicate are so still uncertain.

    Args:
        first: bool `(S, I)`, whether replicate s classified test image i rightly; S, I >= 2.
        second: bool `(S, I)`, the other arm, of the same replicates.

    Reference:
        Searle, Casella and McCulloch 1992, Variance Components, section 4.3 (crossed, one
        observation a cell); Satterthwaite 1946, Biometrics Bulletin 2:110, eq. 17.
    """
    points = 100.0 * (first.astype(np.float64) - second.astype(np.float64))  # (S, I)
    mean = float(points.mean())
    variance, freedom = _variance_of_mean(points)
    error = variance**0.5
    # Identical predictions: no difference, and nothing to be uncertain about.
    if error < 1e-9:
        return Difference(mean, mean, mean, 1.0 if abs(mean) < 1e-9 else 0.0)
    half_width = float(stats.t.ppf(0.5 + CONFIDENCE / 2, freedom)) * error
    p_value = float(2 * stats.t.sf(abs(mean) / error, freedom))
    return Difference(mean, mean - half_width, mean + half_width, p_value)


def _variance_of_mean(points: np.ndarray) -> tuple[float, float]:
    """Returns the squared standard error of the grand mean and its degrees of freedom."""
    seeds, images = points.shape
    by_seed, by_image = points.mean(axis=1), points.mean(axis=0)
    rest = points - by_seed[:, None] - by_image[None, :] + points.mean()
    of_seed = by_seed.var(ddof=1) / seeds
    of_image = by_image.var(ddof=1) / images
    of_rest = (rest**2).sum() / ((seeds - 1) * (images - 1)) / (seeds * images)
    both = of_seed + of_image - of_rest
    if both <= max(of_seed, of_image) * (1 + 1e-9):  # equal but for rounding counts as equal
        single = max((of_seed, seeds - 1), (of_image, images - 1))
        return float(single[0]), float(single[1])
    # Satterthwaite for a sum of independent mean squares, each over its own degrees of freedom.
    spread = (
        of_seed**2 / (seeds - 1)
        + of_image**2 / (images - 1)
        + of_rest**2 / ((seeds - 1) * (images - 1))
    )
    # The subtracted term can pull the formula below what each part alone has.
    return float(both), max(float(both**2 / spread), min(seeds, images) - 1.0)
