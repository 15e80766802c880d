"""Which arms are best at a label count: the highest, and those not detectably below it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tfzero.common.arm import Arm
from tfzero.study.verdict.family import CANNOT_TELL, Comparison
from tfzero.study.verdict.pairing import Seen, judge_pairs


def find_best(
    seen: Seen, arms: Sequence[Arm], comparisons: Iterable[Comparison], alpha: float
) -> list[dict[str, Any]]:
    """Returns by label count the highest arm, and all arms that are not detectably below it.

    The truly best arm is left out with a probability of `alpha` at most: only a one-sided test
    against the highest can leave it out, at `alpha` over the number of other arms. Pairs that the
    verdict could not tell apart stay together, though more comparisons are corrected for there.

    Args:
        seen: The study.
        arms: All of them.
        comparisons: What the verdict decided.
        alpha: Probability that the truly best arm is left out, at each label count.
    """
    undecided = {
        (c.num_labels, frozenset([c.arm, c.baseline]))
        for c in comparisons
        if c.outcome == CANNOT_TELL
    }
    entries = []
    for count in seen.label_counts:
        means = {
            arm: np.mean(list(scores.values()))
            for arm in arms
            if (scores := seen.scores(arm, count))
        }
        if not means:
            continue
        highest = max(means, key=lambda arm: means[arm])
        below = _find_below(seen, highest, [a for a in means if a != highest], count, alpha)
        same = [
            arm
            for arm in means
            if arm != highest
            and (arm not in below or (count, frozenset([highest, arm])) in undecided)
        ]
        ranked = sorted([highest, *same], key=lambda arm: -means[arm])
        entries.append({"num_labels": count, "highest": highest, "arms": ranked})
    return entries


def _find_below(
    seen: Seen, highest: Arm, others: Sequence[Arm], count: int, alpha: float
) -> set[Arm]:
    """Returns the arms that the highest is detectably above at a label count."""
    judged = judge_pairs(seen, [(highest, arm) for arm in others])
    found = set()
    for (_, arm), differences in judged.items():
        # With too few replicates no arm differs detectably from the highest.
        difference = differences.counts.get(count)
        if difference is not None and difference.mean > 0:
            if difference.p_value / 2 < alpha / len(others):
                found.add(arm)
    return found
