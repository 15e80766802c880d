"""How many labels pretraining is worth, and from how many on it no longer pays."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from tfzero.common.arm import Arm
from tfzero.study.planning.families import PRETRAINED
from tfzero.study.planning.plan import SCRATCH
from tfzero.study.verdict.difference import CONFIDENCE
from tfzero.study.verdict.family import BETTER, WORSE, Comparison
from tfzero.study.verdict.pairing import MIN_SEEDS, Seen
from tfzero.study.verdict.shrinkage import ArmComponents, judge_arms


def labels_saved(seen: Seen, arm: Arm) -> list[dict[str, Any]]:
    """Returns, for each label count n, how many more labels scratch needs to do as well.

    The utility n_hat / n - 1, where a_scratch(n_hat) = a_transfer(n). The accuracy of scratch is
    made monotone and interpolated in log n between the label counts of the study, never beyond
    them: where n_hat lies outside, it is censored, and only the bound is given. The interval
    inverts the test of a_transfer(n) - a_scratch(n'), paired over replicates and test images.

    Returns:
        A dictionary each: `arm`, `num_labels` n, `labels` n_hat, `utility` and their `_low` and
        `_high` ends of the 95 % interval (of this figure alone; exploratory). `bound` is None,
        "at least" (n_hat beyond the largest count) or "at most" (below the smallest). An end
        that is censored is None.

    Reference:
        Newell and Deng 2020, arXiv:2003.14323, section 3.
    """
    counts = [count for count in seen.label_counts if seen.right.get((SCRATCH, count))]
    if len(counts) < 2:
        return []
    found = []
    for count in seen.label_counts:
        gaps = _gaps(seen, arm, count, counts)
        if gaps is None:
            continue
        mean, low, high = gaps
        labels, bound = _cross_zero(counts, mean)
        # Scratch surely reaches the arm where even the upper end is below 0, and surely does
        # not where the lower end is above.
        least, least_bound = _cross_zero(counts, low)
        most, most_bound = _cross_zero(counts, high)
        found.append(
            {
                "arm": arm,
                "num_labels": count,
                "labels": labels,
                "labels_low": None if least_bound == "at most" else least,
                "labels_high": None if most_bound == "at least" else most,
                "utility": labels / count - 1,
                "utility_low": None if least_bound == "at most" else least / count - 1,
                "utility_high": None if most_bound == "at least" else most / count - 1,
                "bound": bound,
            }
        )
    return found


def find_crossover(comparisons: list[Comparison], arm: Arm) -> dict[str, Any] | None:
    """Returns where an arm's advantage over scratch ends; None if it does not within the study.

    Interpolated in log n where the difference falls through 0. It is `shown` only where the
    verdict claims that transfer is better on the left and scratch on the right.
    """
    mine = {
        comparison.num_labels: comparison
        for comparison in comparisons
        if comparison.family in PRETRAINED
        and comparison.arm == arm
        and comparison.num_labels is not None  # the average
    }
    for (count, left), (more, right) in itertools.pairwise(sorted(mine.items())):
        before, after = left.difference.mean, right.difference.mean
        if before > 0 >= after:
            share = before / (before - after)
            place = np.interp(share, [0, 1], np.log([count, more]))
            return {
                "arm": arm,
                "num_labels": float(np.exp(place)),
                "between": [count, more],
                "shown": left.outcome == BETTER and right.outcome == WORSE,
            }
    return None


def _gaps(
    seen: Seen, arm: Arm, count: int, counts: list[int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Returns a_transfer(count) - a_scratch(n') for each n', with its interval, each falling."""
    found = {other: seen.points((arm, count), (SCRATCH, other)) for other in counts}
    if any(len(points) < MIN_SEEDS for points in found.values()):
        return None
    components = {other: seen.measure([*points.values()]) for other, points in found.items()}
    judged = judge_arms({arm: ArmComponents(components)})[arm]
    rows = [
        (judged.counts[other].mean, *judged.counts[other].interval(1 - CONFIDENCE))
        for other in counts
    ]
    means, lows, highs = (_falling(np.array(column)) for column in zip(*rows, strict=True))
    return means, lows, highs


def _falling(values: np.ndarray) -> np.ndarray:
    from sklearn.isotonic import IsotonicRegression

    return IsotonicRegression(increasing=False).fit_transform(np.arange(len(values)), values)


def _cross_zero(counts: list[int], gaps: np.ndarray) -> tuple[float, str | None]:
    """Returns the label count at which a falling curve reaches 0, and how it is censored."""
    if gaps[0] < 0:
        return float(counts[0]), "at most"
    if gaps[-1] > 0:
        return float(counts[-1]), "at least"
    # np.interp wants rising abscissae; where the curve is flat at 0, its first such count.
    place = int(np.argmax(gaps <= 0))
    if place == 0:
        return float(counts[0]), None
    steps = [-gaps[place - 1], -gaps[place]]
    if steps[0] == steps[1]:
        return float(counts[place]), None
    logs = np.log([counts[place - 1], counts[place]])
    return float(np.exp(np.interp(0.0, steps, logs))), None
