"""Pairs of arms: their differences by replicate and test image, judged together."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from tfzero.common.arm import Arm
from tfzero.study.inits import read_init
from tfzero.study.planning.families import Pair
from tfzero.study.verdict.components import Components, measure_components
from tfzero.study.verdict.shrinkage import ArmComponents, ArmDifferences, judge_arms

# By (arm, label count), then by replicate: bool (T,), which test images were classified rightly.
Right = dict[tuple[str, int], dict[int, np.ndarray]]
# Below this many replicates an interval says almost nothing: figures only, no verdict.
MIN_SEEDS = 3


@dataclasses.dataclass(frozen=True)
class Seen:
    """What the judge sees of a study.

    Attributes:
        right: Which test images each cell classified rightly.
        label_counts: Of the study, rising.
        classes: int `(T,)`, each test image's class.
        weights: float `(T,)`, what each test image counts, with a mean of 1; None: 1 each.
        encoders: Encoders per method, where they are fewer than the replicates.
    """

    right: Right
    label_counts: tuple[int, ...]
    classes: np.ndarray
    weights: np.ndarray | None = None
    encoders: int | None = None

    def scores(self, arm: str, count: int) -> dict[int, float]:
        """Returns by replicate an arm's score at a label count, in percent."""
        cells = self.right.get((arm, count), {})
        weights = 1.0 if self.weights is None else self.weights
        return {
            replicate: float(100 * np.mean(weights * cell)) for replicate, cell in cells.items()
        }

    def measure(self, points: Sequence[np.ndarray]) -> Components:
        """Returns the components of a difference, given in points `(T,)` of each unit."""
        return measure_components(np.stack(points), self.classes, weights=self.weights)

    def count_replicates(self, pair: Pair, count: int | None) -> int:
        """Returns how many replicates a pair has at a label count, or (None) at every one."""
        counts = self.label_counts if count is None else (count,)
        cells = [self.right.get((arm, n), {}) for arm in pair for n in counts]
        return len(set.intersection(*(set(replicates) for replicates in cells)))

    def points(self, first: tuple[str, int], second: tuple[str, int]) -> dict[int, np.ndarray]:
        """Returns by unit the points `(T,)` by which the first of two cells' kind is better."""
        replicates, (ours, theirs) = pair_replicates(self.right, first, second)
        points = 100.0 * (ours.astype(np.float64) - theirs.astype(np.float64))  # (S, T)
        inits = [Arm.parse(arm).init for arm, _ in (first, second)]
        groups = group_replicates(replicates, self.encoders, inits)
        units = np.array(replicates) if groups is None else groups
        return {int(unit): points[units == unit].mean(axis=0) for unit in np.unique(units)}


def judge_pairs(seen: Seen, pairs: Iterable[Pair]) -> dict[Pair, ArmDifferences]:
    """Returns the differences of all pairs that have enough replicates, judged together.

    Args:
        seen: The study.
        pairs: An arm each, and its baseline.
    """
    found = {}
    for arm, baseline in dict.fromkeys(pairs):
        by_count = {}
        for count in seen.label_counts:
            points = seen.points((arm, count), (baseline, count))
            if len(points) >= MIN_SEEDS:
                by_count[count] = points
        if by_count:
            counts = {count: seen.measure([*points.values()]) for count, points in by_count.items()}
            found[arm, baseline] = ArmComponents(counts, _average([*by_count.values()], seen))
    return judge_arms(found)


def _average(by_count: list[dict[int, np.ndarray]], seen: Seen) -> Components | None:
    """Returns the components of the average over label counts, of the units that have all."""
    common = set.intersection(*(set(points) for points in by_count))
    if len(by_count) < len(seen.label_counts) or len(by_count) < 2 or len(common) < MIN_SEEDS:
        return None
    return seen.measure(
        [np.mean([points[unit] for points in by_count], axis=0) for unit in sorted(common)]
    )


def pair_replicates(
    right: Right, first: tuple[str, int], second: tuple[str, int]
) -> tuple[list[int], tuple[np.ndarray, np.ndarray]]:
    """Returns the replicates that both arms have, and both arms' `(S, T)` over them."""
    ours, theirs = right.get(first, {}), right.get(second, {})
    common = sorted(set(ours) & set(theirs))
    if not common:
        return [], (np.zeros((0, 0), bool), np.zeros((0, 0), bool))
    return common, (np.stack([ours[r] for r in common]), np.stack([theirs[r] for r in common]))


def group_replicates(
    replicates: Sequence[int], encoders: int | None, inits: Iterable[str]
) -> np.ndarray | None:
    """Returns each replicate's encoder, or None where each is evidence of its own.

    Where nothing is learnt, each is. With one or two encoders there is hardly anything to
    generalize to but these encoders; replicates then count, and the verdict speaks of these.
    """
    learns = any(read_init(init).stages() for init in inits)
    if encoders is None or encoders < MIN_SEEDS or not learns:
        return None
    return np.array(replicates, int) % encoders
