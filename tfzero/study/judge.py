"""From records to a verdict: paired differences, intervals, and words that claim no more."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from tfzero.study.plan import METHODS, SCRATCH, StudyPlan

CONFIDENCE = 0.95
# Below this many replicates a t interval says almost nothing: figures only, no verdict.
MIN_SEEDS = 3


def t_half_width(values: np.ndarray) -> float | None:
    """Returns the half-width of the mean's 95 % t interval; None for fewer than 2 values."""
    count = len(values)
    if count < 2:
        return None
    quantile = float(stats.t.ppf(0.5 + CONFIDENCE / 2, count - 1))
    return quantile * float(np.std(values, ddof=1)) / count**0.5


def paired_p_value(differences: np.ndarray) -> float:
    """Returns the two-sided p value of a paired t test against a mean of 0."""
    deviation = float(np.std(differences, ddof=1))
    mean = float(np.mean(differences))
    if deviation == 0:
        return 1.0 if mean == 0 else 0.0
    statistic = mean / (deviation / len(differences) ** 0.5)
    return float(2 * stats.t.sf(abs(statistic), len(differences) - 1))


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


def judge(plan: StudyPlan, records: list[dict[str, Any]], pretraining: list[dict[str, Any]]):
    """Returns the verdict as `verdict.json` holds it, but for the exported model.

    Args:
        plan: What was to be run; the family of comparisons is all its transfer arms at all its
            label counts, each against scratch/finetune.
        records: The cells' records.
        pretraining: The pretrained encoders' records.
    """
    accuracy = _by_cell(records)
    table = _table(plan, records, pretraining)
    comparisons = _comparisons(plan, accuracy)
    best = [_best(plan, accuracy, count) for count in plan.label_counts]
    best = [entry for entry in best if entry is not None]
    return {
        "schema": 1,
        "comparisons": comparisons,
        "best": best,
        "table": table,
    }


def _by_cell(records) -> dict[tuple[str, int], dict[int, float]]:
    """Accuracy in percent by (arm, label count), then by replicate."""
    accuracy: dict[tuple[str, int], dict[int, float]] = {}
    for record in records:
        spec = record["spec"]
        cell = accuracy.setdefault((spec["arm"], spec["num_labels"]), {})
        cell[spec["replicate"]] = 100 * record["result"]["accuracy"]
    return accuracy


def _table(plan, records, pretraining) -> list[dict[str, Any]]:
    seconds = {}
    for record in records:
        place = (record["spec"]["arm"], record["spec"]["num_labels"])
        seconds.setdefault(place, []).append(record["cost"]["seconds"])
    pretraining_seconds = {}
    for record in pretraining:
        method = record["spec"]["method"]
        pretraining_seconds.setdefault(method, []).append(record["cost"]["seconds"])
    rows = []
    accuracy = _by_cell(records)
    for count in plan.label_counts:
        for arm in plan.arms:
            values = np.array(list(accuracy.get((arm, count), {}).values()))
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


def _comparisons(plan, accuracy) -> list[dict[str, Any]]:
    arms = [arm for arm in plan.arms if arm.partition("/")[0] in METHODS]
    found = []
    for count in plan.label_counts:
        for arm in arms:
            differences = _paired(accuracy, (arm, count), (SCRATCH, count))
            if len(differences) < MIN_SEEDS:
                continue
            half_width = t_half_width(differences) or 0.0
            mean = float(differences.mean())
            found.append(
                {
                    "arm": arm,
                    "baseline": SCRATCH,
                    "num_labels": count,
                    "difference": mean,
                    "low": mean - half_width,
                    "high": mean + half_width,
                    "p_value": paired_p_value(differences),
                    "seeds": len(differences),
                }
            )
    for entry, p_holm in zip(found, holm([entry["p_value"] for entry in found]), strict=True):
        entry["p_holm"] = p_holm
        if p_holm >= 1 - CONFIDENCE:
            entry["outcome"] = "cannot tell"
        else:
            entry["outcome"] = "transfer better" if entry["difference"] > 0 else "scratch better"
    return found


def _paired(accuracy, first, second) -> np.ndarray:
    ours, theirs = accuracy.get(first, {}), accuracy.get(second, {})
    return np.array([ours[r] - theirs[r] for r in sorted(set(ours) & set(theirs))])


def _best(plan, accuracy, count) -> dict[str, Any] | None:
    """Returns the arms that cannot be told from the highest at one label count."""
    means = {
        arm: float(np.mean(list(accuracy[arm, count].values())))
        for arm in plan.arms
        if accuracy.get((arm, count))
    }
    if not means:
        return None
    highest = max(means, key=lambda arm: means[arm])
    others = [arm for arm in means if arm != highest]
    # With too few replicates no arm can be told from the highest.
    p_values = []
    for arm in others:
        differences = _paired(accuracy, (highest, count), (arm, count))
        p_values.append(paired_p_value(differences) if len(differences) >= MIN_SEEDS else 1.0)
    same = [arm for arm, p in zip(others, holm(p_values), strict=True) if p >= 1 - CONFIDENCE]
    ranked = sorted([highest, *same], key=lambda arm: -means[arm])
    return {"num_labels": count, "highest": highest, "arms": ranked}
