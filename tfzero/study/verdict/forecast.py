"""What it would take to see a difference: more seeds, or more test images."""

from __future__ import annotations

import bisect
import dataclasses
from collections.abc import Callable

import numpy as np
from scipy import special

from tfzero.study.verdict.difference import Difference

# A forecast aims at seeing the difference in this share of studies.
POWER = 0.8
# Variances estimated from few replicates are themselves uncertain: a forecast is a range, from
# the lower to the upper end of their 80 % intervals.
_TAIL = 0.1
_MOST_SEEDS, _MOST_IMAGES = 1_000, 10_000_000
# Variances to reckon with before anything was measured, in squared points: between replicates,
# between test images, and the rest. Of transfer against scratch on digits at 20 and 50 labels and
# on Fashion-MNIST at 100 and 1,000: 0 to 1.7, 0 to 45, and 430 to 990.
_EXPECTED = (1.0, 30.0, 700.0)
# And degrees of freedom beyond the seeds' own: studies of ten classes and five seeds had 10 to 40.
EXPECTED_PRIOR = 10.0

Range = tuple[int, int | None]


@dataclasses.dataclass(frozen=True)
class Forecast:
    """What would show a difference of `points`.

    Attributes:
        points: The difference, in points of accuracy.
        seeds: Fewest and most seeds that it may take with the present test images; the second
            is None where no number may do. None where none does.
        images: Test images with the present seeds, alike.
    """

    points: float
    seeds: Range | None
    images: Range | None


def forecast_settlement(difference: Difference, *, margin: float, alpha: float) -> Forecast:
    """Returns what would settle a comparison that cannot be told.

    The difference to be seen is the one observed, or the margin if that is larger: a smaller
    one is not worth having.

    Args:
        difference: What was found.
        margin: Smallest difference worth having, in points.
        alpha: Two-sided level of the test to come.
    """
    points = max(abs(difference.mean), margin)
    seeds, images = difference.units, difference.images
    prior = difference.freedom - (seeds - 1)
    bounds = [_scaled(difference, tail) for tail in (1 - _TAIL, _TAIL)]

    def smallest(find: Callable) -> Range | None:
        low, high = (find(parts) for parts in bounds)
        return None if low is None else (low, high)

    return Forecast(
        points=points,
        seeds=smallest(
            lambda parts: _search(
                lambda n: detectable_difference(
                    *parts, seeds=n, images=images, alpha=alpha, prior=prior
                ),
                points,
                start=max(2, seeds),
                most=_MOST_SEEDS,
            )
        ),
        images=smallest(
            lambda parts: _search(
                lambda n: detectable_difference(
                    *parts, seeds=seeds, images=n, alpha=alpha, prior=prior
                ),
                points,
                start=images,
                most=_MOST_IMAGES,
            )
        ),
    )


def detectable_difference(
    of_replicates: float,
    of_images: float,
    of_rest: float,
    *,
    seeds: int,
    images: int,
    alpha: float,
    prior: float,
) -> float:
    """Returns the difference, in points, that a study sees with probability `POWER`.

    Args:
        of_replicates: Variance between replicates, in squared points; see `Difference`.
        of_images: Variance between test images.
        of_rest: Variance of the rest.
        seeds: Replicates.
        images: Test images.
        alpha: Two-sided level of the test.
        prior: Degrees of freedom of the replicates' variance that others tell; see `shrinkage`.
    """
    by_seed, by_image = of_replicates / seeds, of_images / images
    error = (by_seed + by_image + of_rest / (seeds * images)) ** 0.5
    # Freedom of the larger part, which decides how well the error is known.
    by_replicates = by_seed + of_rest / (seeds * images)
    freedom = seeds - 1 + prior if by_replicates > by_image else images - 1
    quantiles = special.stdtrit(freedom, 1 - alpha / 2) + special.stdtrit(freedom, POWER)
    return float(quantiles * error)


def expected_parts() -> tuple[float, float, float]:
    """Returns the variances to reckon with before anything was measured, in squared points."""
    return _EXPECTED


def _scaled(difference: Difference, tail: float) -> tuple[float, float, float]:
    by_seed, by_image = (
        freedom / (2 * special.gammaincinv(freedom / 2, tail))
        for freedom in (difference.freedom, difference.images - 1)
    )
    return (
        difference.of_replicates * by_seed,
        difference.of_images * by_image,
        difference.of_rest * by_image,
    )


def _search(detectable: Callable[[int], float], points: float, *, start, most) -> int | None:
    """Returns the smallest number, to 5 %, with which `points` can be seen; None if none."""
    numbers = np.unique(np.geomspace(start, most, 400).round().astype(int)).tolist()
    place = bisect.bisect_left(numbers, True, key=lambda number: detectable(number) <= points)
    return numbers[place] if place < len(numbers) else None
