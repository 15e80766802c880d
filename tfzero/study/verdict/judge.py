"""From records to a verdict: differences, intervals, and claims that are seldom false."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy import special

from tfzero.common.arm import Arm
from tfzero.study.inits import read_init
from tfzero.study.inits.scratch import ScratchLong
from tfzero.study.planning.families import PRETRAINED, list_families
from tfzero.study.planning.plan import SCRATCH, StudyPlan
from tfzero.study.verdict.best import find_best
from tfzero.study.verdict.claims import bonferroni_share
from tfzero.study.verdict.collapse import find_collapses
from tfzero.study.verdict.difference import CONFIDENCE
from tfzero.study.verdict.family import CANNOT_TELL, Comparison, decide_family
from tfzero.study.verdict.forecast import forecast_settlement
from tfzero.study.verdict.labels_saved import find_crossover, labels_saved
from tfzero.study.verdict.look import Look
from tfzero.study.verdict.pairing import MIN_SEEDS, Right, Seen, group_replicates, judge_pairs


def see(plan: StudyPlan, right: Right, classes: np.ndarray) -> Seen:
    """Returns what the judge sees of a study.

    Args:
        plan: The study.
        right: Which test images each cell classified rightly.
        classes: int `(T,)`, each test image's class.
    """
    return Seen(
        right=right,
        label_counts=plan.label_counts,
        classes=classes,
        weights=plan.weigh_images(classes),
        encoders=plan.encoders,
    )


def compare_arms(plan: StudyPlan, seen: Seen, look: Look) -> list[Comparison]:
    """Returns every comparison of a study, decided, family by family.

    Args:
        plan: What of the study is judged; see `StudyPlan.judged_at`.
        seen: What was classified rightly.
        look: Which look this is.
    """
    seen = dataclasses.replace(seen, label_counts=plan.label_counts)
    families = list_families(plan.arms)
    judged = judge_pairs(seen, (pair for family in families for pair in family.pairs))
    return [
        comparison
        for family in families
        for comparison in decide_family(family, judged, plan.label_counts, look, margin=plan.margin)
    ]


def judge(
    plan: StudyPlan,
    records: list[dict[str, Any]],
    pretraining: list[dict[str, Any]],
    seen: Seen,
    look: Look,
) -> dict[str, Any]:
    """Returns the verdict as `verdict.json` holds it, but for words and the exported model.

    Args:
        plan: What was to be run; it fixes the families of comparisons.
        records: The cells' records.
        pretraining: The pretrained encoders' records.
        seen: Which test images each cell classified rightly.
        look: Which look at the study this is.
    """
    judged = plan.judged_at(look.number)
    comparisons = compare_arms(judged, seen, look)
    arms = {c.arm: None for c in comparisons if c.family in PRETRAINED}
    return {
        "schema": 2,
        "look": look.number,
        "alpha": look.alpha,
        "margin": plan.margin,
        "metric": plan.metric,
        "comparisons": describe_comparisons(judged, comparisons, seen, look),
        "added": _against_scratch(seen, [arm for arm in plan.arms if arm not in judged.arms]),
        "added_counts": [n for n in plan.label_counts if n not in judged.label_counts],
        "best": find_best(seen, plan.arms, comparisons, look.alpha),
        "labels_saved": [entry for arm in arms for entry in labels_saved(seen, arm)],
        "crossovers": [entry for arm in arms if (entry := find_crossover(comparisons, arm))],
        "scratch_long": _against_long(seen, arms),
        "diverged": _diverged(records),
        "collapsed": find_collapses(seen),
        "table": _table(plan, records, pretraining, seen),
    }


def describe_comparisons(
    plan: StudyPlan, comparisons: Iterable[Comparison], seen: Seen, look: Look
) -> list[dict[str, Any]]:
    """Returns comparisons as `verdict.json` holds them.

    Args:
        plan: What of the study is judged.
        comparisons: What was decided.
        seen: From what.
        look: At which look.
    """
    seen = dataclasses.replace(seen, label_counts=plan.label_counts)
    families = {family.id: len(family.pairs) for family in list_families(plan.arms)}
    counts = len(plan.label_counts)
    following = dataclasses.replace(look, number=look.number + 1)

    def next_level(comparison: Comparison) -> float:
        share = bonferroni_share(
            comparison.num_labels,
            arms=families[comparison.family],
            counts=counts,
            alpha=following.alpha,
        )
        return following.level(share)

    return [_entry(plan, each, seen, next_level(each)) for each in comparisons]


def _entry(
    plan: StudyPlan, comparison: Comparison, seen: Seen, next_level: float
) -> dict[str, Any]:
    difference = comparison.difference
    inits = [read_init(arm.init) for arm in (comparison.arm, comparison.baseline)]
    learns = any(init.stages() for init in inits)
    given = any(init.is_given for init in inits) and not learns
    shared = plan.encoders if learns else None
    # Of one or two encoders, the replicates are the units.
    encoders = shared if shared is not None and shared < MIN_SEEDS else difference.units
    encoders = 1 if given else encoders
    pair = comparison.arm, comparison.baseline
    forecast = None
    if comparison.outcome == CANNOT_TELL:
        found = forecast_settlement(difference, margin=plan.margin, alpha=next_level)
        forecast = {"points": found.points, "seeds": found.seeds, "images": found.images}
    return {
        "family": comparison.family,
        "arm": comparison.arm,
        "baseline": comparison.baseline,
        "num_labels": comparison.num_labels,
        "outcome": comparison.outcome,
        "claimed": comparison.claimed,
        "equivalent": comparison.equivalent,
        "difference": difference.mean,
        "low": comparison.interval[0],
        "high": comparison.interval[1],
        "single_low": comparison.single[0],
        "single_high": comparison.single[1],
        "p_value": difference.p_value,
        "p_adjusted": comparison.p_adjusted,
        "p_equivalence": comparison.p_equivalence,
        "seeds": seen.count_replicates(pair, comparison.num_labels),
        "encoders": encoders,
        "settled_by": forecast,
    }


def _against_long(seen: Seen, arms: Iterable[Arm]) -> list[dict[str, Any]]:
    """Returns transfer against scratch that trained for as long as pretraining and transfer."""
    return _describe_alone(seen, arms, Arm(ScratchLong.word, "finetune"))


def _against_scratch(seen: Seen, arms: Iterable[Arm]) -> list[dict[str, Any]]:
    """Returns arms that were added after a look against training from scratch."""
    return _describe_alone(seen, arms, SCRATCH)


def _describe_alone(seen: Seen, arms: Iterable[Arm], baseline: Arm) -> list[dict[str, Any]]:
    """Returns arms against a baseline, each figure with the interval that holds for it alone."""
    judged = judge_pairs(seen, [(arm, baseline) for arm in arms])
    entries = []
    for (arm, _), differences in judged.items():
        for count, difference in differences.counts.items():
            low, high = difference.interval(1 - CONFIDENCE)
            entries.append(
                {
                    "arm": arm,
                    "baseline": baseline,
                    "num_labels": count,
                    "difference": difference.mean,
                    "single_low": low,
                    "single_high": high,
                }
            )
    return sorted(entries, key=lambda entry: entry["num_labels"])


def list_missing(wanted: Iterable[Any], right: Right) -> list[dict[str, Any]]:
    """Returns the cells without a result; their pairs are in no comparison.

    Args:
        wanted: The cells that were to be run.
        right: Which test images each cell classified rightly.
    """
    return [
        cell.model_dump()
        for cell in wanted
        if cell.replicate not in right.get((cell.arm, cell.num_labels), {})
    ]


def _diverged(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the cells whose training diverged; they score as the commonest class."""
    return [
        {key: record["spec"][key] for key in ("arm", "num_labels", "replicate")}
        for record in records
        if record.get("result", {}).get("diverged")
    ]


def _table(plan, records, pretraining, seen: Seen) -> list[dict[str, Any]]:
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
            scores = seen.scores(arm, count)
            if not scores:
                continue
            values = np.array(list(scores.values()))
            # Seeds that share an encoder are no independent evidence of its method.
            groups = group_replicates(list(scores), plan.encoders, [arm.init])
            stages = read_init(arm.init).stages()
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


def t_half_width(values: np.ndarray, groups: np.ndarray | None = None) -> float | None:
    """Returns the half-width of the mean's 95 % t interval; None for fewer than 2 values.

    Values of one group count as one: their mean.
    """
    if groups is not None:
        values = np.array([values[groups == group].mean() for group in np.unique(groups)])
    count = len(values)
    if count < 2:
        return None
    quantile = float(special.stdtrit(count - 1, 0.5 + CONFIDENCE / 2))
    return quantile * float(np.std(values, ddof=1)) / count**0.5
