"""From records to a verdict: paired differences, intervals, and words that claim no more."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from tfzero.common.arm import Arm
from tfzero.study.inits import read_init
from tfzero.study.inits.scratch import ScratchLong
from tfzero.study.planning.plan import SCRATCH, StudyPlan
from tfzero.study.verdict.difference import CONFIDENCE, judge_difference
from tfzero.study.verdict.family import (
    CANNOT_TELL,
    Comparison,
    Right,
    group_replicates,
    has_verdict,
    judge_family,
    level_of_look,
    pair_replicates,
)
from tfzero.study.verdict.forecast import forecast_settlement
from tfzero.study.verdict.labels_saved import find_crossover, labels_saved


def t_half_width(values: np.ndarray, groups: np.ndarray | None = None) -> float | None:
    """Returns the half-width of the mean's 95 % t interval; None for fewer than 2 values.

    Values of one group count as one: their mean.
    """
    if groups is not None:
        values = np.array([values[groups == group].mean() for group in np.unique(groups)])
    count = len(values)
    if count < 2:
        return None
    quantile = float(stats.t.ppf(0.5 + CONFIDENCE / 2, count - 1))
    return quantile * float(np.std(values, ddof=1)) / count**0.5


def judge(
    plan: StudyPlan,
    records: list[dict[str, Any]],
    pretraining: list[dict[str, Any]],
    right: Right,
) -> dict[str, Any]:
    """Returns the verdict as `verdict.json` holds it, but for words and the exported model.

    Args:
        plan: What was to be run; it fixes the family of comparisons.
        records: The cells' records.
        pretraining: The pretrained encoders' records.
        right: Which test images each cell classified rightly.
    """
    look = len(plan.looks)
    alpha = level_of_look(look)
    judged = judge_family(
        right,
        plan.family,
        baseline=SCRATCH,
        alpha=alpha,
        margin=plan.margin,
        encoders=plan.encoders,
        rivals=plan.rivals,
        single=[arm for arm in plan.arms if read_init(arm.init).is_given],
    )
    undecided = {
        (c.num_labels, frozenset([c.arm, c.baseline])) for c in judged if c.outcome == CANNOT_TELL
    }
    against_scratch = [comparison for comparison in judged if comparison.baseline == SCRATCH]
    among = [comparison for comparison in judged if comparison.baseline != SCRATCH]
    best = [_best(plan, right, count, undecided, alpha) for count in plan.label_counts]
    arms = dict.fromkeys(arm for arm, _ in plan.family)
    return {
        "schema": 1,
        "look": look,
        "alpha": alpha,
        "margin": plan.margin,
        "comparisons": [_entry(plan, comparison) for comparison in against_scratch],
        # What a source gives against the target's own pool, and a chain against its halves.
        "rivals": [_entry(plan, comparison) for comparison in among],
        "best": [entry for entry in best if entry is not None],
        "labels_saved": [entry for arm in arms for entry in labels_saved(right, plan, arm)],
        "crossovers": [entry for arm in arms if (entry := find_crossover(against_scratch, arm))],
        "scratch_long": _against_long(plan, right),
        "missing": _missing(plan, right),
        "diverged": _diverged(records),
        "table": _table(plan, records, pretraining, right),
    }


def _entry(plan: StudyPlan, comparison: Comparison) -> dict[str, Any]:
    difference = comparison.difference
    arm = Arm.parse(comparison.arm)
    single = read_init(arm.init).is_given and comparison.baseline == SCRATCH
    entry = {
        "arm": comparison.arm,
        "baseline": comparison.baseline,
        "num_labels": comparison.num_labels,
        "outcome": comparison.outcome,
        "difference": difference.mean,
        "low": comparison.interval[0],
        "high": comparison.interval[1],
        "single_low": comparison.single[0],
        "single_high": comparison.single[1],
        "p_value": difference.p_value,
        "p_holm": comparison.p_holm,
        "p_equivalence": comparison.p_equivalence,
        "seeds": plan.seeds if plan.encoders and not single else difference.samples[0],
        "encoders": 1 if single else plan.encoders or difference.samples[0],
        "settled_by": None,
    }
    if comparison.outcome == CANNOT_TELL:
        next_level = level_of_look(len(plan.looks) + 1) / plan.num_claims
        forecast = forecast_settlement(difference, margin=plan.margin, alpha=next_level)
        entry["settled_by"] = {
            "points": forecast.points,
            "seeds": forecast.seeds,
            "images": forecast.images,
        }
    return entry


def _against_long(plan: StudyPlan, right: Right) -> list[dict[str, Any]]:
    """Returns transfer against scratch that trained for as long as pretraining and transfer."""
    long = Arm(ScratchLong.word, "finetune")
    entries = []
    for arm, count in plan.family:
        replicates, pair = pair_replicates(right, (arm, count), (long, count))
        if not has_verdict(replicates, plan.encoders):
            continue
        groups = group_replicates(replicates, plan.encoders)
        difference = judge_difference(*pair, groups=groups)
        low, high = difference.interval(1 - CONFIDENCE)
        entries.append(
            {
                "arm": arm,
                "baseline": long,
                "num_labels": count,
                "difference": difference.mean,
                "single_low": low,
                "single_high": high,
            }
        )
    return entries


def _missing(plan: StudyPlan, right: Right) -> list[dict[str, Any]]:
    """Returns the cells without a result; their pairs are in no comparison."""
    return [
        cell.model_dump()
        for cell in plan.cells()
        if cell.replicate not in right.get((cell.arm, cell.num_labels), {})
    ]


def _diverged(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the cells whose training diverged; they score as the commonest class."""
    return [
        {key: record["spec"][key] for key in ("arm", "num_labels", "replicate")}
        for record in records
        if record.get("result", {}).get("diverged")
    ]


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
            groups = None  # seeds that share an encoder are no independent evidence of its method
            stages = read_init(arm.init).stages()
            if stages:
                groups = group_replicates(list(cells), plan.encoders)
            if not len(values):
                continue
            before = [pretraining_seconds.get(stage.word, [0.0]) for stage in stages]
            rows.append(
                {
                    "arm": arm,
                    "num_labels": count,
                    "mean": float(values.mean()),
                    "half_width": t_half_width(values, groups),
                    "seeds": len(values),
                    "pretrain_seconds": float(sum(np.mean(each) for each in before)),
                    # The first fit in a process also builds its graph: chance decides whose.
                    "transfer_seconds": float(np.median(seconds[arm, count])),
                }
            )
    return rows


def _best(plan, right: Right, count: int, undecided: set, alpha: float) -> dict[str, Any] | None:
    """Returns the arms that cannot be told from the highest at one label count.

    The truly best arm is left out with a probability of `alpha` at most: only a one-sided test
    against the highest can leave it out, at `alpha` over the number of other arms. Pairs that
    the verdict could not tell apart stay together, though more comparisons are corrected for
    there.
    """
    arms = [arm for arm in plan.arms if right.get((arm, count))]
    if not arms:
        return None
    means = {arm: np.mean([cell.mean() for cell in right[arm, count].values()]) for arm in arms}
    highest = max(arms, key=lambda arm: means[arm])
    same = [
        arm
        for arm in arms
        if arm != highest
        and (
            (count, frozenset([highest, arm])) in undecided
            or _p_below(plan, right, count, arm, highest) >= alpha / (len(arms) - 1)
        )
    ]
    ranked = sorted([highest, *same], key=lambda arm: -means[arm])
    return {"num_labels": count, "highest": highest, "arms": ranked}


def _p_below(plan, right: Right, count: int, arm: Arm, highest: Arm) -> float:
    """Returns the one-sided p value for the highest arm being truly above the other."""
    inits = [read_init(each.init) for each in (arm, highest)]
    learnt = any(init.is_pretrained and init.stages() for init in inits)
    encoders = plan.encoders if learnt else None
    replicates, pair = pair_replicates(right, (highest, count), (arm, count))
    if not has_verdict(replicates, encoders):
        return 1.0  # with too few replicates no arm can be told from the highest
    return judge_difference(*pair, groups=group_replicates(replicates, encoders)).p_value / 2
