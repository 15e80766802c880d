"""The verdict in words: one sentence per claim, and no claim beyond the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tfzero.common.numbers import write_number
from tfzero.study.planning.plan import SCRATCH, StudyPlan
from tfzero.study.verdict.claims import AVERAGE, bonferroni_share
from tfzero.study.verdict.difference import CONFIDENCE
from tfzero.study.verdict.family import BETTER, NO_DIFFERENCE, WORSE
from tfzero.study.verdict.forecast import EXPECTED_PRIOR, detectable_difference, expected_parts
from tfzero.study.verdict.levels import PLANNED, level_at_look
from tfzero.study.verdict.pairing import MIN_SEEDS


def describe_comparison(entry: dict[str, Any], *, plan: StudyPlan) -> str:
    """Returns one comparison as a sentence, or two where the study cannot tell."""
    start = name_span(entry["num_labels"], plan.label_counts)
    arm, baseline = name_arm(entry), name_baseline(entry["baseline"])
    outcome = entry["outcome"]
    if outcome in (BETTER, WORSE):
        interval = _interval(entry, flip=outcome == WORSE)
        points = f"{write_number(abs(entry['difference']))} points {interval}"
        if outcome == WORSE:
            arm, baseline = baseline, arm
        return capitalize(f"{start}, {arm} beats {baseline} by {points}.")
    found = f"{format_points(entry['difference'], sign='+')} points {_interval(entry)}"
    if outcome == NO_DIFFERENCE:
        return capitalize(
            f"{start}, {arm} and {baseline} show no difference worth having, which is "
            f"{describe_margin(plan.margin)}: {found}."
        )
    return capitalize(
        f"{start}, {arm} does not differ detectably from {baseline}: {found}. "
        f"{describe_settlement(entry['settled_by'])}"
    )


def name_span(num_labels: int | None, label_counts: Sequence[int]) -> str:
    """Returns "at 20 labels", or for the average "on average from 20 to 200 labels"."""
    if num_labels is not AVERAGE:
        return f"at {num_labels:,} labels"
    return f"on average from {label_counts[0]:,} to {label_counts[-1]:,} labels"


def name_arm(entry: dict[str, Any]) -> str:
    """Returns the arm of a comparison, and which encoders the claim is about if not the method."""
    encoders, arm = entry["encoders"], entry["arm"]
    if encoders >= min(MIN_SEEDS, entry["seeds"]):
        return arm
    return f"{arm} with {'this encoder' if encoders == 1 else f'these {encoders} encoders'}"


def name_baseline(arm: str) -> str:
    """Returns what an arm is called as the one that others are compared with."""
    return "training from scratch" if arm == SCRATCH else arm


def capitalize(text: str) -> str:
    """Returns a sentence with a large first letter; the rest stays."""
    return text[:1].upper() + text[1:]


def _interval(entry: dict[str, Any], *, flip: bool = False) -> str:
    low, high = (-entry["high"], -entry["low"]) if flip else (entry["low"], entry["high"])
    seeds, encoders = entry["seeds"], entry["encoders"]
    shared = f", {encoders} encoder{'s' * (encoders > 1)}" if encoders < seeds else ""
    return f"(95 % interval {format_points(low)} to {format_points(high)}; {seeds} seeds{shared})"


def describe_settlement(settled_by: dict[str, Any]) -> str:
    """Returns what would show the difference that the study cannot tell, as a sentence."""
    ways = []
    if settled_by["seeds"] is not None:
        ways.append(f"{_range(settled_by['seeds'])} seeds")
    if settled_by["images"] is not None:
        ways.append(f"{_range(settled_by['images'])} test images")
    points = f"{write_number(settled_by['points'])} points"
    if not ways:
        return (
            f"A detectable difference of {points} would need both more seeds and more test images."
        )
    only = " (more seeds alone are not enough)" if settled_by["seeds"] is None else ""
    if settled_by["images"] is None:
        only = " (more test images alone are not enough)"
    return f"A detectable difference of {points} would need {' or '.join(ways)}{only}."


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
    margin = "" if highest["half_width"] is None else f" ± {write_number(highest['half_width'])}"
    text = (
        f"Highest at {entry['num_labels']:,} labels: {entry['highest']} "
        f"({write_number(highest['mean'])}{margin} %)"
    )
    rest = [arm for arm in entry["arms"] if arm != entry["highest"]]
    if rest:
        return f"{text}; not detectably below it: {', '.join(rest)}."
    others = len(rows) - 1
    return f"{text}, detectably better than every other arm." if others else f"{text}."


def smallest_difference(plan: StudyPlan, *, arms: int, units: int) -> str:
    """Returns a sentence on how small a difference the study will be able to see.

    A rough forecast, before anything is measured: 80 % power for the average of one arm over the
    label counts, at the study's last look.

    Args:
        plan: The study.
        arms: How many arms share the error of the first family.
        units: Replicates, or encoders, that its comparisons count.
    """
    if units < 2:
        return "One seed can show no difference, however large. It gives figures without intervals."
    share = bonferroni_share(
        AVERAGE, arms=max(1, arms), counts=len(plan.label_counts), alpha=PLANNED
    )
    points = detectable_difference(
        *expected_parts(),
        seeds=units,
        images=plan.data.num_test,
        alpha=level_at_look(plan.looks, len(plan.looks), share),
        prior=EXPECTED_PRIOR,
    )
    tested = "test images" if plan.data.num_folds == 1 else "cross-fitted images"
    return (
        f"With {plan.data.num_test:,} {tested} and {plan.seeds} seeds, the study may miss "
        f"differences below about {write_number(points)} points."
    )


def describe_level(*, families: int, alpha: float, extended: bool) -> str:
    """Returns a sentence or two on what the intervals of the verdict account for.

    Args:
        families: How many families of claims there are.
        alpha: What all planned looks, or this later one, may spend.
        extended: Whether seeds were added to those planned.
    """
    each = "each of the families of claims" if families > 1 else "the family of claims"
    text = (
        f"The probability of any false claim is at most {100 * (1 - CONFIDENCE):g} % in "
        f"{each}, over all comparisons and all looks. Intervals account for seeds and test "
        "images."
    )
    if extended:
        return f"{text} Seeds were added: the last look uses {100 * alpha:.2g} %."
    return f"{text} The planned looks use {100 * alpha:g} %; the rest is reserved for `more_seeds`."


def describe_margin(points: float) -> str:
    """Returns points as words."""
    return "1 point" if points == 1 else f"{points:g} points"


def format_points(value: float, *, sign: str = "-") -> str:
    """Returns points of accuracy to one digit, never "0.0" of what is not 0."""
    return write_number(value, sign=sign)


def join(items) -> str:
    """Returns items as "1, 2 and 3"."""
    words = [f"{item:,}" if isinstance(item, int) else str(item) for item in items]
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"
