"""From records to a verdict: paired differences, intervals, and words that claim no more."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from tfzero.study.difference import CONFIDENCE, judge_difference
from tfzero.study.plan import METHODS, SCRATCH, StudyPlan

# By (arm, label count), then by replicate: bool (T,), which test images were classified rightly.
Right = dict[tuple[str, int], dict[int, np.ndarray]]
# Below this many replicates a t interval says almost nothing: figures only, no verdict.
MIN_SEEDS = 3


def t_half_width(values: np.ndarray) -> float | None:
    """Returns the half-width of the mean's 95 % t interval; None for fewer than 2 values."""
    count = len(values)
    if count < 2:
        return None
    quantile = float(stats.t.ppf(0.5 + CONFIDENCE / 2, count - 1))
    return quantile * float(np.std(values, ddof=1)) / count**0.5


def holm(p_values: list[float]) -> list[float]:
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


def judge(
    plan: StudyPlan,
    records: list[dict[str, Any]],
    pretraining: list[dict[str, Any]],
    right: Right,
) -> dict[str, Any]:
    """Returns the verdict as `verdict.json` holds it, but for the exported model.

    Args:
        plan: What was to be run; the family of comparisons is all its transfer arms at all its
            label counts, each against scratch/finetune.
        records: The cells' records.
        pretraining: The pretrained encoders' records.
        right: Which test images each cell classified rightly.
    """
    comparisons = _comparisons(plan, right)
    undecided = {
        (entry["num_labels"], frozenset([entry["arm"], entry["baseline"]]))
        for entry in comparisons
        if entry["outcome"] == "cannot tell"
    }
    best = [_best(plan, right, count, undecided) for count in plan.label_counts]
    return {
        "schema": 1,
        "comparisons": comparisons,
        "best": [entry for entry in best if entry is not None],
        "table": _table(plan, records, pretraining, right),
    }


def _table(plan, records, pretraining, right: Right) -> list[dict[str, Any]]:
    seconds = {}
    for record in records:
        place = (record["spec"]["arm"], record["spec"]["num_labels"])
        seconds.setdefault(place, []).append(record["cost"]["seconds"])
    pretraining_seconds = {}
    for record in pretraining:
        method = record["spec"]["method"]
        pretraining_seconds.setdefault(method, []).append(record["cost"]["seconds"])
    rows = []
    for count in plan.label_counts:
        for arm in plan.arms:
            cells = right.get((arm, count), {})
            values = np.array([100 * cell.mean() for cell in cells.values()])
            if not len(values):
                continue
            before = pretraining_seconds.get(arm.partition("/")[0], [0.0])
            rows.append(
                {
                    "arm": arm,
                    "num_labels": count,
                    "mean": float(values.mean()),
                    "half_width": t_half_width(values),
                    "seeds": len(values),
                    "pretrain_seconds": float(np.mean(before)),
                    "transfer_seconds": float(np.mean(seconds[arm, count])),
                }
            )
    return rows


def _comparisons(plan, right: Right) -> list[dict[str, Any]]:
    arms = [arm for arm in plan.arms if arm.partition("/")[0] in METHODS]
    found = []
    for count in plan.label_counts:
        for arm in arms:
            pair = _paired(right, (arm, count), (SCRATCH, count))
            if pair is None:
                continue
            difference = judge_difference(*pair)
            found.append(
                {
                    "arm": arm,
                    "baseline": SCRATCH,
                    "num_labels": count,
                    "difference": difference.mean,
                    "low": difference.low,
                    "high": difference.high,
                    "p_value": difference.p_value,
                    "seeds": len(pair[0]),
                }
            )
    for entry, p_holm in zip(found, holm([entry["p_value"] for entry in found]), strict=True):
        entry["p_holm"] = p_holm
        if p_holm >= 1 - CONFIDENCE:
            entry["outcome"] = "cannot tell"
        else:
            entry["outcome"] = "transfer better" if entry["difference"] > 0 else "scratch better"
    return found


def _paired(right: Right, first, second) -> tuple[np.ndarray, np.ndarray] | None:
    """Returns both arms' `(S, T)` over the replicates that both have; None for too few."""
    ours, theirs = right.get(first, {}), right.get(second, {})
    common = sorted(set(ours) & set(theirs))
    if len(common) < MIN_SEEDS:
        return None
    return np.stack([ours[r] for r in common]), np.stack([theirs[r] for r in common])


def _best(plan, right: Right, count: int, undecided: set) -> dict[str, Any] | None:
    """Returns the arms that cannot be told from the highest at one label count.

    Pairs that the verdict could not tell apart stay together, though fewer comparisons are
    corrected for here.
    """
    means = {
        arm: float(np.mean([cell.mean() for cell in right[arm, count].values()]))
        for arm in plan.arms
        if right.get((arm, count))
    }
    if not means:
        return None
    highest = max(means, key=lambda arm: means[arm])
    others = [arm for arm in means if arm != highest]
    pairs = [_paired(right, (highest, count), (arm, count)) for arm in others]
    # With too few replicates no arm can be told from the highest.
    p_values = [1.0 if pair is None else judge_difference(*pair).p_value for pair in pairs]
    same = [
        arm
        for arm, p in zip(others, holm(p_values), strict=True)
        if p >= 1 - CONFIDENCE or (count, frozenset([highest, arm])) in undecided
    ]
    ranked = sorted([highest, *same], key=lambda arm: -means[arm])
    return {"num_labels": count, "highest": highest, "arms": ranked}
