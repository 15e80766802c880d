"""The verdict in words: one sentence a claim, and no claim beyond the numbers."""

from __future__ import annotations

from typing import Any

from tfzero.study.inits import read_init
from tfzero.study.planning.plan import SCRATCH, StudyPlan
from tfzero.study.verdict.difference import CONFIDENCE
from tfzero.study.verdict.family import (
    CANNOT_TELL,
    MIN_SEEDS,
    NO_DIFFERENCE,
    SCRATCH_BETTER,
    TRANSFER_BETTER,
    level_of_look,
)
from tfzero.study.verdict.forecast import detectable_difference, expected_parts


def describe_comparison(entry: dict[str, Any], *, margin: float) -> str:
    """Returns one comparison as a sentence, or two where it cannot be told."""
    low, high = format_points(entry["low"]), format_points(entry["high"])
    interval = f"(95 % interval {low} to {high}; {_replicates(entry)})"
    start = f"At {entry['num_labels']:,} labels"
    points = f"{abs(entry['difference']):.1f} points"
    transfer = f"transfer ({entry['arm']})"
    if entry["encoders"] == 1 < entry["seeds"]:
        transfer = f"transfer from this one encoder ({entry['arm']})"
    outcome = entry["outcome"]
    if outcome == TRANSFER_BETTER:
        return f"{start} {transfer} beats training from scratch by {points} {interval}."
    if outcome == SCRATCH_BETTER:
        return (
            f"{start} training from scratch beats {transfer} by {points} "
            f"(95 % interval {format_points(-entry['high'])} to {format_points(-entry['low'])}; "
            f"{_replicates(entry)})."
        )
    found = f"difference {format_points(entry['difference'], sign='+')} points {interval}"
    if outcome == NO_DIFFERENCE:
        return (
            f"{start} {transfer} and training from scratch show no difference worth having, which "
            f"is {describe_margin(margin)}: {found}."
        )
    return (
        f"{start} cannot tell {transfer} from training from scratch: {found}. "
        f"{describe_settlement(entry['settled_by'])}"
    )


def describe_settlement(settled_by: dict[str, Any]) -> str:
    """Returns what would show the difference that cannot be told, as a sentence."""
    ways = []
    if settled_by["seeds"] is not None:
        ways.append(f"{_range(settled_by['seeds'])} seeds")
    if settled_by["images"] is not None:
        ways.append(f"{_range(settled_by['images'])} test images")
    points = f"{settled_by['points']:.1f} points"
    if not ways:
        return f"To see {points}, it would take both more seeds and more test images."
    only = " (more seeds alone would not do)" if settled_by["seeds"] is None else ""
    if settled_by["images"] is None:
        only = " (more test images alone would not do)"
    return f"To see {points}, it would take {' or '.join(ways)}{only}."


def _replicates(entry: dict[str, Any]) -> str:
    seeds, encoders = entry["seeds"], entry["encoders"]
    shared = f", {encoders} encoder{'s' * (encoders > 1)}" if encoders < seeds else ""
    return f"{seeds} seeds{shared}"


def _range(ends: tuple[int, int | None]) -> str:
    low, high = (None if end is None else _round(end) for end in ends)
    if high is None:
        return f"{low:,} or many more"
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _round(number: int) -> int:
    """Returns the number with two digits that say something."""
    digits = max(0, len(str(number)) - 2)
    return -(-number // 10**digits) * 10**digits


def describe_best(entry: dict[str, Any], table: list[dict[str, Any]]) -> str:
    """Returns which arms are best at one label count, as a sentence."""
    rows = {row["arm"]: row for row in table if row["num_labels"] == entry["num_labels"]}
    highest = rows[entry["highest"]]
    margin = "" if highest["half_width"] is None else f" ± {highest['half_width']:.1f}"
    text = (
        f"Highest at {entry['num_labels']:,} labels: {entry['highest']} "
        f"({highest['mean']:.1f}{margin} %)"
    )
    rest = [arm for arm in entry["arms"] if arm != entry["highest"]]
    if rest:
        return f"{text}; cannot be told from it: {', '.join(rest)}."
    others = len(rows) - 1
    return f"{text}, ahead of every other arm." if others else f"{text}."


def write_headline(comparisons: list[dict[str, Any]], *, plan: StudyPlan, margin: float) -> str:
    """Returns what the study says about pretraining, in a few sentences."""
    if not comparisons:
        return _no_verdict(plan)
    groups: dict[str, list[int]] = {}
    for count in sorted({entry["num_labels"] for entry in comparisons}):
        outcomes = {entry["outcome"] for entry in comparisons if entry["num_labels"] == count}
        # One arm that wins is a road, and one that may still win is one, too; an arm that loses
        # beside it is a bad choice of arm.
        order = (TRANSFER_BETTER, CANNOT_TELL, SCRATCH_BETTER, NO_DIFFERENCE)
        groups.setdefault(next(o for o in order if o in outcomes), []).append(count)
    what = "Pretraining on your unlabeled images"
    if plan.encoders == 1:
        what = "Transfer from this one encoder"
    parts = []
    if won := groups.get(TRANSFER_BETTER):
        wins = [entry for entry in comparisons if entry["outcome"] == TRANSFER_BETTER]
        best = max(wins, key=lambda entry: entry["difference"])
        parts.append(
            f"{what} pays at {join(won)} labels "
            f"(by up to {best['difference']:.1f} points, with {best['arm']})."
        )
    if lost := groups.get(SCRATCH_BETTER):
        parts.append(
            f"At {join(lost)} labels train from scratch: pretrained arms are worse, or make no "
            "difference worth having."
        )
    if same := groups.get(NO_DIFFERENCE):
        parts.append(
            f"At {join(same)} labels pretraining makes no difference worth having: less than "
            f"{describe_margin(margin)}. Train from scratch; it costs less."
        )
    if unsettled := groups.get(CANNOT_TELL):
        parts.append(
            f"At {join(unsettled)} labels this study cannot tell whether pretraining helps."
        )
    return " ".join(parts)


NO_MORE_THAN_CONTROLS = (
    "No pretrained arm is shown ahead of the same strategy without pretraining, which learns from "
    "the same unlabeled images."
)


def credit_baselines(verdict: dict[str, Any], *, plan: StudyPlan) -> str:
    """Returns which arms that pretrain no network lead all others, as a sentence; "" if none does.

    An arm leads where training from scratch is behind it by more than chance. What it gains is
    not pretraining's, and a pretrained arm that gains no more has no case.
    """
    pretrained = {arm for arm in plan.arms if read_init(arm.init).is_pretrained}
    leads: dict[str, list[int]] = {}
    for entry in verdict["best"]:
        arm = entry["highest"]
        if SCRATCH not in entry["arms"] and len(entry["arms"]) > 1 and arm in pretrained:
            arm = next((other for other in entry["arms"] if other not in pretrained), arm)
        if SCRATCH in plan.arms and SCRATCH not in entry["arms"] and arm not in pretrained:
            leads.setdefault(arm, []).append(entry["num_labels"])
    return " ".join(
        f"At {join(counts)} labels no pretrained arm is shown ahead of {arm}, which pretrains no "
        "network and is ahead of training from scratch."
        for arm, counts in leads.items()
    )


def _no_verdict(plan: StudyPlan) -> str:
    if SCRATCH not in plan.arms:
        return f"No verdict: {SCRATCH} is not among the arms, and pretraining is judged by it."
    if plan.seeds < MIN_SEEDS:
        return (
            f"No verdict: seeds are {plan.seeds}, and it takes {MIN_SEEDS} (`seeds`). Figures only."
        )
    if not plan.family and not plan.rivals:
        return "No verdict on pretraining: no arm of this study uses a pretrained encoder."
    if plan.num_encoders < MIN_SEEDS:
        return (
            f"No verdict: there are {plan.num_encoders} encoders a method, and it takes "
            f"{MIN_SEEDS} to speak of the method, or 1 to speak of that one (`encoders`)."
        )
    return f"No verdict: fewer than {MIN_SEEDS} replicates of any comparison have a result."


def smallest_difference(plan: StudyPlan) -> str:
    """Returns a sentence on how small a difference the study will be able to see.

    A rough forecast, before anything is measured: 80 % power at the level at which the first
    comparison of the family is decided.
    """
    encoders = plan.num_encoders if plan.num_encoders > 1 else plan.seeds
    if encoders < 2:
        return "One seed shows no difference, however large: it gives figures without intervals."
    alpha = level_of_look(len(plan.looks)) / max(1, plan.num_claims)
    points, own = (
        detectable_difference(
            *expected_parts(), seeds=replicates, images=plan.data.num_test, alpha=alpha
        )
        for replicates in (encoders, plan.seeds)
    )
    text = (
        f"With {plan.data.num_test:,} test images and {plan.seeds} seeds, differences below about "
        f"{points:.1f} points may go unseen."
    )
    if encoders < plan.seeds:
        text += (
            f" That is for {encoders} encoders a method; with one for each seed (without "
            f"`encoders`) it would be {own:.1f}."
        )
    return text


def describe_level(*, look: int, num_comparisons: int) -> str:
    """Returns a sentence on what the intervals of the verdict account for."""
    text = (
        f"All {num_comparisons} intervals of differences hold together with {100 * CONFIDENCE:g} % "
        "confidence, and account for seeds and test images"
    )
    if look > 1:
        return f"{text}, and for this being look {look} at a growing study."
    return f"{text}. Part of the 5 % is kept for later looks (`more_seeds`)."


def describe_margin(points: float) -> str:
    """Returns points as words."""
    return "1 point" if points == 1 else f"{points:g} points"


def format_points(value: float, *, sign: str = "-") -> str:
    """Returns points of accuracy to one digit, never "-0.0"."""
    rounded = round(value, 1) + 0.0
    return f"{rounded:{sign}.1f}"


def join(items) -> str:
    """Returns items as "1, 2 and 3"."""
    words = [f"{item:,}" if isinstance(item, int) else str(item) for item in items]
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"
