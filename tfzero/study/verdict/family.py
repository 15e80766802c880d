"""A family of comparisons with one baseline, decided together so that few claims are false."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence

import numpy as np

from tfzero.study.verdict.difference import CONFIDENCE, Difference, judge_difference

# By (arm, label count), then by replicate: bool (T,), which test images were classified rightly.
Right = dict[tuple[str, int], dict[int, np.ndarray]]
# Below this many replicates a t interval says almost nothing: figures only, no verdict.
MIN_SEEDS = 3

# Of a comparison with an arm other than the family's baseline.
BETTER, WORSE = "better", "worse"
TRANSFER_BETTER = "transfer better"
SCRATCH_BETTER = "scratch better"
NO_DIFFERENCE = "no difference worth having"
CANNOT_TELL = "cannot tell"


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One decided comparison.

    Attributes:
        arm: Compared with the baseline.
        num_labels: At this label count.
        baseline: What it is compared with.
        difference: The arm's accuracy minus the baseline's, in points.
        interval: Ends of the interval that holds together with all others of the family.
        single: Ends of the 95 % interval of this comparison alone.
        p_holm: Adjusted p value against no difference.
        p_equivalence: Adjusted p value against a difference of the margin or more.
        outcome: One of the constants above.
    """

    arm: str
    num_labels: int
    baseline: str
    difference: Difference
    interval: tuple[float, float]
    single: tuple[float, float]
    p_holm: float
    p_equivalence: float
    outcome: str


def level_of_look(look: int) -> float:
    """Returns the error that look `look`, counted from 1, may spend: alpha / (k (k + 1)).

    Over any number of looks the sum stays below alpha = 5 %, so that adding seeds until
    something shows claims no more than it should.
    """
    return (1 - CONFIDENCE) / (look * (look + 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """Returns Holm's adjusted p values, in the order given.

    Reference:
        Holm 1979, Scandinavian Journal of Statistics 6:65.
    """
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty(len(p_values))
    largest = 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted.tolist()


def judge_family(
    right: Right,
    family: Sequence[tuple[str, int]],
    *,
    baseline: str,
    alpha: float,
    margin: float,
    encoders: int | None = None,
    rivals: Sequence[tuple[str, str, int]] = (),
    single: Collection[str] = (),
) -> list[Comparison]:
    """Decides every comparison of a family.

    A difference is claimed by Holm's procedure at level `alpha`. "No difference worth having" is
    claimed by two one-sided tests, each at `alpha` over the number of comparisons; where both
    hold, a difference is there but smaller than the margin, and not worth having. Intervals are
    Bonferroni's, for any number of them may be looked at; where Holm's procedure claims what they
    leave open, they end at 0.

    Args:
        right: Which test images each cell classified rightly.
        family: (arm, label count) of each comparison, fixed before the study; those without
            enough replicates are left out, but count for the correction.
        baseline: The arm that each is compared with, at the same label count.
        alpha: Probability of any false claim.
        margin: Smallest difference worth having, in points.
        encoders: Encoders a method, where they are fewer than the replicates.
        rivals: (arm, rival, label count) of further comparisons, decided together with these.
        single: Arms with one and the same encoder in all replicates.

    Reference:
        Guilbaud 2008, "Simultaneous confidence regions corresponding to Holm's step-down procedure
        and other closed-testing procedures", Biometrical Journal 50:678.
    """
    asked = [(arm, baseline, count) for arm, count in family] + list(rivals)
    found = []
    for arm, other, count in asked:
        replicates, pair = pair_replicates(right, (arm, count), (other, count))
        # The baseline has no encoders to generalize over.
        shared = None if arm in single and other == baseline else encoders
        if has_verdict(replicates, shared):
            groups = group_replicates(replicates, shared)
            found.append((arm, other, count, judge_difference(*pair, groups=groups)))
    size = len(asked)
    # What is missing cannot be claimed: it takes part in Holm's order as p = 1.
    p_values = [difference.p_value for *_, difference in found]
    adjusted = holm(p_values + [1.0] * (size - len(found)))
    comparisons = []
    for (arm, other, count, difference), p_holm in zip(found, adjusted, strict=False):
        p_equivalence = min(1.0, size * difference.p_beyond(margin))
        outcome = _decide(difference.mean, p_holm, p_equivalence, alpha, against=other == baseline)
        comparisons.append(
            Comparison(
                arm=arm,
                num_labels=count,
                baseline=other,
                difference=difference,
                interval=_with_claim(difference.interval(alpha / size), outcome),
                single=difference.interval(1 - CONFIDENCE),
                p_holm=p_holm,
                p_equivalence=p_equivalence,
                outcome=outcome,
            )
        )
    return comparisons


def _decide(
    mean: float, p_holm: float, p_equivalence: float, alpha: float, *, against: bool
) -> str:
    if p_equivalence < alpha:
        return NO_DIFFERENCE
    if p_holm < alpha:
        better, worse = (TRANSFER_BETTER, SCRATCH_BETTER) if against else (BETTER, WORSE)
        return better if mean > 0 else worse
    return CANNOT_TELL


def _with_claim(interval: tuple[float, float], outcome: str) -> tuple[float, float]:
    """Returns an interval that agrees with what is claimed: Holm sees more than Bonferroni."""
    low, high = interval
    if outcome in (TRANSFER_BETTER, BETTER):
        return max(low, 0.0), high
    if outcome in (SCRATCH_BETTER, WORSE):
        return low, min(high, 0.0)
    return low, high


def pair_replicates(
    right: Right, first: tuple[str, int], second: tuple[str, int]
) -> tuple[list[int], tuple[np.ndarray, np.ndarray]]:
    """Returns the replicates that both arms have, and both arms' `(S, T)` over them."""
    ours, theirs = right.get(first, {}), right.get(second, {})
    common = sorted(set(ours) & set(theirs))
    if not common:
        return [], (np.zeros((0, 0), bool), np.zeros((0, 0), bool))
    return common, (np.stack([ours[r] for r in common]), np.stack([theirs[r] for r in common]))


def group_replicates(replicates: list[int], encoders: int | None) -> np.ndarray | None:
    """Returns each replicate's encoder, or None where each has its own.

    With a single encoder there is nothing to generalize to but that encoder; replicates then
    count, and the verdict speaks of it alone.
    """
    if encoders is None or encoders == 1:
        return None
    return np.array(replicates) % encoders


def has_verdict(replicates: list[int], encoders: int | None) -> bool:
    """Returns whether there are enough replicates, and encoders, for an interval."""
    groups = group_replicates(replicates, encoders)
    return len(set(replicates if groups is None else groups.tolist())) >= MIN_SEEDS
