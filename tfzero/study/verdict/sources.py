"""What a study says of encoders that come from elsewhere, in words."""

from __future__ import annotations

from typing import Any

from tfzero.common.arm import Arm
from tfzero.study.inits import read_init
from tfzero.study.planning.arms import control_of, is_own
from tfzero.study.planning.plan import StudyPlan
from tfzero.study.verdict import words
from tfzero.study.verdict.family import (
    BETTER,
    CANNOT_TELL,
    NO_DIFFERENCE,
    SCRATCH_BETTER,
    TRANSFER_BETTER,
    WORSE,
)


def write_headline(verdict: dict[str, Any], *, plan: StudyPlan) -> str:
    """Returns what the study says of the target's own pool, then of what a source gives."""
    comparisons = verdict["comparisons"]
    own = [entry for entry in comparisons if not _is_foreign(entry["arm"])]
    direct = [e for e in comparisons if _is_foreign(e["arm"]) and not _is_chain(e["arm"])]
    chains = [entry for entry in comparisons if _is_chain(entry["arm"])]
    controlled = [entry for entry in verdict["rivals"] if _is_control(entry)]
    others = [entry for entry in verdict["rivals"] if not _is_control(entry)]
    credit = " ".join(
        [*_against_controls(controlled), words.credit_baselines(verdict, plan=plan)]
    ).strip()
    parts = []
    if controlled and not comparisons:
        parts += [] if credit else [words.NO_MORE_THAN_CONTROLS]
    elif own or not (direct or chains):
        parts.append(words.write_headline(own, plan=plan, margin=plan.margin))
    source = f"an encoder from {name_source(plan)}"
    parts += _against_scratch(direct, what=source)
    # What a chain gains may be its second half's.
    parts += _against_scratch(chains, what=f"{source} that goes on learning from your own images")
    parts += _against_own(others, plan)
    return " ".join([*parts, credit]).strip()


def name_source(plan: StudyPlan) -> str:
    """Returns what the source is called in sentences."""
    if plan.given is not None:
        return plan.given.name
    return "elsewhere" if plan.source is None else plan.source.name


def describe_rival(entry: dict[str, Any], *, margin: float) -> str:
    """Returns a comparison of two pretrained arms as a sentence, or two where it cannot be told."""
    low, high = entry["low"], entry["high"]
    arm, rival, outcome = entry["arm"], entry["baseline"], entry["outcome"]
    if outcome == WORSE:
        arm, rival, low, high = rival, arm, -high, -low
    interval = (
        f"(95 % interval {words.format_points(low)} to {words.format_points(high)}; "
        f"{entry['seeds']} seeds)"
    )
    start = f"At {entry['num_labels']:,} labels"
    points = f"{abs(entry['difference']):.1f} points"
    if outcome in (BETTER, WORSE):
        return f"{start} {arm} beats {rival} by {points} {interval}."
    found = f"{words.format_points(entry['difference'], sign='+')} points {interval}"
    if outcome == NO_DIFFERENCE:
        return (
            f"{start} {arm} and {rival} show no difference worth having, which is "
            f"{words.describe_margin(margin)}: {found}."
        )
    settled = words.describe_settlement(entry["settled_by"])
    return f"{start} cannot tell {arm} from {rival}: {found}. {settled}"


def describe_source(plan: StudyPlan) -> list[str]:
    """Returns what has to be known of a source to read the verdict, in sentences."""
    sentences = []
    if plan.source is not None:
        sentences.append(
            f"The source {plan.source.name} was brought to the size and channels of your images."
        )
    if plan.given is not None:
        sentences.append(
            f"{plan.given.init} arms all start from one encoder, {plan.given.name}: what is said "
            f"of them is said of it{read_init(plan.given.init).remark}."
        )
    return sentences


def _against_scratch(comparisons: list[dict[str, Any]], *, what: str) -> list[str]:
    """Returns at which label counts one kind of encoder beats training from scratch."""
    endings = {
        TRANSFER_BETTER: f"{what} beats training from scratch",
        CANNOT_TELL: f"this study cannot tell whether {what} helps",
        SCRATCH_BETTER: f"{what} is worse than training from scratch, or makes no difference worth "
        "having",
        NO_DIFFERENCE: f"{what} makes no difference worth having to training from scratch",
    }
    groups: dict[str, list[int]] = {}
    for count in sorted({entry["num_labels"] for entry in comparisons}):
        outcomes = {entry["outcome"] for entry in comparisons if entry["num_labels"] == count}
        # As in the headline on the own pool: one arm that wins, or may, is a road.
        groups.setdefault(next(o for o in endings if o in outcomes), []).append(count)
    sentences = []
    for outcome, counts in groups.items():
        most = ""
        if outcome == TRANSFER_BETTER:
            wins = [entry for entry in comparisons if entry["outcome"] == TRANSFER_BETTER]
            best = max(wins, key=lambda entry: entry["difference"])
            most = f" (by up to {best['difference']:.1f} points, with {best['arm']})"
        sentences.append(f"At {words.join(counts)} labels {endings[outcome]}{most}.")
    return sentences


def _is_control(entry: dict[str, Any]) -> bool:
    return entry["baseline"] == control_of(Arm.parse(entry["arm"]))


def _against_controls(comparisons: list[dict[str, Any]]) -> list[str]:
    """Returns where pretraining adds to a strategy that gains by unlabeled images anyway."""
    counts: dict[tuple[str, str], list[int]] = {}
    for entry in comparisons:
        if entry["outcome"] == BETTER:
            pair = entry["arm"], entry["baseline"]
            counts.setdefault(pair, []).append(entry["num_labels"])
    return [
        f"At {words.join(found)} labels {arm} beats {control}, which learns from the same "
        "unlabeled images without pretraining."
        for (arm, control), found in counts.items()
    ]


def _is_foreign(arm: str) -> bool:
    return read_init(Arm.parse(arm).init).is_foreign


def _is_chain(arm: str) -> bool:
    return bool(read_init(Arm.parse(arm).init).halves)


def _against_own(rivals: list[dict[str, Any]], plan: StudyPlan) -> list[str]:
    """Returns who wins against the target's own pool and, of chains, against their halves."""
    groups: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for entry in rivals:
        groups.setdefault((entry["arm"], entry["num_labels"]), []).append(entry)
    own: set[str] = {arm for arm in plan.arms if is_own(arm)}
    # Arms of which the same is said at the same label counts share a sentence.
    said: dict[tuple[str, str], dict[str, list[int]]] = {}
    for (arm, count), entries in groups.items():
        outcome = _judge_together(entries)
        rival = _name_rivals(entries, outcome=outcome, own=own)
        said.setdefault((outcome, rival), {}).setdefault(arm, []).append(count)
    sentences = []
    for (outcome, rival), counts_of in said.items():
        for counts in dict.fromkeys(map(tuple, counts_of.values())):
            arms = [arm for arm, own_counts in counts_of.items() if tuple(own_counts) == counts]
            one = len(arms) == 1
            verb = {
                BETTER: f"{'beats' if one else 'beat'} {rival}",
                WORSE: f"{'loses' if one else 'lose'} to {rival}",
                CANNOT_TELL: f"{'is' if one else 'are'} shown neither better nor worse than "
                f"{rival}",
            }[outcome]
            sentences.append(f"At {words.join(counts)} labels {words.join(arms)} {verb}.")
    return sentences


def _name_rivals(entries: list[dict[str, Any]], *, outcome: str, own: set[str]) -> str:
    """Returns what an arm was compared with: all there is of its kind, or the arms by name.

    Args:
        entries: The comparisons of one arm at one label count.
        outcome: Of all of them together.
        own: All arms that are pretrained on the target's own pool.
    """
    rivals = [entry["baseline"] for entry in entries]
    if _is_chain(entries[0]["arm"]):
        if len(rivals) == 1:
            return f"{rivals[0]} alone"
        return f"{'one' if outcome == WORSE else 'each'} of its halves alone"
    if set(rivals) == own:
        return "pretraining on your own images"
    named = [e["baseline"] for e in entries if outcome != WORSE or e["outcome"] == WORSE]
    return f"{words.join(named)}, pretrained on your own images"


def _judge_together(entries: list[dict[str, Any]]) -> str:
    """Returns the outcome against all of several rivals: the best of them has to be beaten."""
    outcomes = {entry["outcome"] for entry in entries}
    if WORSE in outcomes:
        return WORSE
    return BETTER if outcomes == {BETTER} else CANNOT_TELL
