"""Families of comparisons, decided together so that few claims are false."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from tfzero.common.arm import Arm
from tfzero.study.planning.families import Family, Pair
from tfzero.study.verdict.claims import AVERAGE, Claim, adjust, bonferroni_share, claim
from tfzero.study.verdict.difference import CONFIDENCE, Difference
from tfzero.study.verdict.look import Earlier, Look
from tfzero.study.verdict.shrinkage import ArmDifferences

# Of an arm against its baseline.
BETTER, WORSE = "better", "worse"
NO_DIFFERENCE = "no difference worth having"
CANNOT_TELL = "cannot tell"


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One decided comparison.

    Attributes:
        family: The family that it is of.
        arm: Compared with the baseline.
        baseline: What it is compared with.
        num_labels: At this label count; None for the average over all of them.
        difference: The arm's accuracy minus the baseline's, in points.
        interval: Ends of the interval that holds together with all others of the family.
        single: Ends of the 95 % interval of this comparison alone.
        p_adjusted: Smallest level of the whole family at which a difference is claimed here.
        p_equivalence: The same for a difference smaller than the margin.
        claimed: BETTER or WORSE if a difference is claimed, here or at an earlier look.
        equivalent: Whether it is shown to be smaller than the margin, here or earlier.
    """

    family: str
    arm: Arm
    baseline: Arm
    num_labels: int | None
    difference: Difference
    interval: tuple[float, float]
    single: tuple[float, float]
    p_adjusted: float
    p_equivalence: float
    claimed: str | None
    equivalent: bool

    @property
    def outcome(self) -> str:
        """One of the constants above."""
        if self.equivalent:
            return NO_DIFFERENCE
        return self.claimed or CANNOT_TELL


def decide_family(
    family: Family,
    judged: dict[Pair, ArmDifferences],
    label_counts: Sequence[int],
    look: Look,
    *,
    margin: float,
) -> list[Comparison]:
    """Decides every comparison of a family that was judged.

    A difference is claimed by `claim`. "No difference worth having" is claimed by two one-sided
    tests at equal shares of alpha; where both hold there is a difference, but it is smaller than
    the margin. Intervals are at equal shares, too, because any number of them may be looked at;
    where a claim goes beyond its interval, the interval ends at 0. What an earlier look claimed
    stays claimed, unless the mean contradicts it now.

    Args:
        family: The pairs, fixed before the study. Those without enough replicates cannot be
            claimed, but count.
        judged: What `judge_pairs` found, perhaps of more pairs.
        label_counts: All of the study's.
        look: Which look it is, what it may spend, and what was claimed before.
        margin: Smallest difference worth having, in points.

    Reference:
        Guilbaud 2008, "Simultaneous confidence regions corresponding to Holm's step-down procedure
        and other closed-testing procedures", Biometrical Journal 50:678.
    """
    found = _find_all(family, judged, label_counts)
    p_values = _list_p_values(family, found, label_counts)
    earlier = look.earlier.get(family.id, {})
    already = {place for place, one in earlier.items() if one.direction is not None}
    claimed = claim(p_values, look.alpha, look.level, already)
    adjusted = adjust(p_values, look.spent)
    comparisons = []
    for place, difference in found.items():
        before = earlier.get(place, Earlier(None, False))
        share = bonferroni_share(
            place.count, arms=len(family.pairs), counts=len(label_counts), alpha=look.alpha
        )
        # A one-sided level is half of the two-sided level of twice its share.
        p_beyond = look.spent(min(1.0, 2 * difference.p_beyond(margin))) / 2
        direction = _direct(difference.mean, before) if place in claimed else None
        arm, baseline = place.arm
        comparisons.append(
            Comparison(
                family=family.id,
                arm=arm,
                baseline=baseline,
                num_labels=place.count,
                difference=difference,
                interval=_with_claim(difference.interval(look.level(share)), direction),
                single=difference.interval(1 - CONFIDENCE),
                p_adjusted=adjusted[place],
                p_equivalence=min(1.0, p_beyond * look.alpha / share),
                claimed=direction,
                equivalent=abs(difference.mean) < margin
                and (p_beyond < share or before.equivalent),
            )
        )
    return comparisons


def _find_all(
    family: Family, judged: dict[Pair, ArmDifferences], label_counts: Sequence[int]
) -> dict[Claim, Difference]:
    found = {}
    for pair in family.pairs:
        if pair not in judged:
            continue
        for count in label_counts:
            if count in judged[pair].counts:
                found[Claim(pair, count)] = judged[pair].counts[count]
        average = judged[pair].average
        if average is not None:
            found[Claim(pair, AVERAGE)] = average
    return found


def _list_p_values(
    family: Family, found: dict[Claim, Difference], label_counts: Sequence[int]
) -> dict[Pair, dict[int | None, float]]:
    """Returns all p values of a family; what is missing takes part with 1."""
    hypotheses = [*label_counts, AVERAGE] if len(label_counts) > 1 else [*label_counts]
    return {
        pair: {
            count: found[place].p_value if (place := Claim(pair, count)) in found else 1.0
            for count in hypotheses
        }
        for pair in family.pairs
    }


def _direct(mean: float, before: Earlier) -> str | None:
    """Returns the direction that is claimed; None where the mean contradicts an earlier claim."""
    direction = BETTER if mean > 0 else WORSE
    return direction if before.direction in (None, direction) else None


def _with_claim(interval: tuple[float, float], direction: str | None) -> tuple[float, float]:
    """Returns an interval that agrees with what is claimed beyond it."""
    low, high = interval
    if direction == BETTER:
        return max(low, 0.0), max(high, 0.0)
    if direction == WORSE:
        return min(low, 0.0), min(high, 0.0)
    return low, high
