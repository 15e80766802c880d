"""What a study says of encoders that come from elsewhere, in words."""

from __future__ import annotations

from typing import Any

from tfzero.common.arm import Arm
from tfzero.study.inits import read_init
from tfzero.study.planning.families import control_of, is_own, is_teacher
from tfzero.study.planning.plan import StudyPlan
from tfzero.study.verdict import words
from tfzero.study.verdict.claims import AVERAGE
from tfzero.study.verdict.family import BETTER, CANNOT_TELL, WORSE


def name_source(plan: StudyPlan) -> str:
    """Returns what the source is called in sentences."""
    if plan.given is not None:
        return plan.given.name
    return "elsewhere" if plan.source is None else plan.source.name


def describe_source(plan: StudyPlan) -> list[str]:
    """Returns what has to be known of a source to read the verdict, in sentences."""
    sentences = []
    if plan.source is not None:
        sentences.append(
            f"The images of the source {plan.source.name} were converted to the size and "
            "channels of your images."
        )
    if plan.given is not None:
        sentences.append(
            f"All {plan.given.init} arms start from one encoder, {plan.given.name}. Claims "
            f"about them are claims about this encoder{read_init(plan.given.init).remark}."
        )
        taught = dict.fromkeys(arm.init for arm in plan.arms if read_init(arm.init).is_taught)
        if taught:
            names = words.join(list(taught))
            sentences.append(
                f"All {names} arms learn from its features, in a network of the study's own size."
            )
    return sentences


def describe_rivals(rivals: list[dict[str, Any]], plan: StudyPlan) -> list[str]:
    """Returns what pretrained arms gain against others than training from scratch."""
    controlled = [entry for entry in rivals if _is_control(entry)]
    teachers = [entry for entry in rivals if _has_taught(entry)]
    others = [entry for entry in rivals if not (_is_control(entry) or _has_taught(entry))]
    return [
        *_against_controls(controlled, plan),
        *_against_own(others, plan),
        *_against_own(teachers, plan),
    ]


def _is_control(entry: dict[str, Any]) -> bool:
    return entry["baseline"] == control_of(Arm.parse(entry["arm"]))


def _has_taught(entry: dict[str, Any]) -> bool:
    return is_teacher(Arm.parse(entry["baseline"]), Arm.parse(entry["arm"]))


def _against_controls(comparisons: list[dict[str, Any]], plan: StudyPlan) -> list[str]:
    """Returns where pretraining adds to a strategy that gains by unlabeled images anyway."""
    spans: dict[tuple[str, str], list[int | None]] = {}
    for entry in comparisons:
        if entry["outcome"] == BETTER:
            spans.setdefault((entry["arm"], entry["baseline"]), []).append(entry["num_labels"])
    return [
        words.capitalize(
            f"{_name_spans(found, plan)}, {arm} beats {control}, which learns from the same "
            "unlabeled images without pretraining."
        )
        for (arm, control), found in spans.items()
    ]


def _name_spans(spans: list[int | None], plan: StudyPlan) -> str:
    """Returns where something holds: on average, at label counts, or both."""
    counts = [count for count in spans if count is not AVERAGE]
    average = words.name_span(AVERAGE, plan.label_counts)
    singles = f"at {words.join(counts)} labels"
    if AVERAGE not in spans:
        return singles
    return f"{average}, and {singles}" if counts else average


def is_foreign(arm: str) -> bool:
    """Returns whether an arm has something that is not of the target's own images."""
    return read_init(Arm.parse(arm).init).is_foreign


def is_chain(arm: str) -> bool:
    """Returns whether an arm learns from two things in turn."""
    return bool(read_init(Arm.parse(arm).init).halves)


def _against_own(rivals: list[dict[str, Any]], plan: StudyPlan) -> list[str]:
    """Returns who wins against the target's own pool, a chain's halves, or a teacher's arms."""
    groups: dict[tuple[str, int | None], list[dict[str, Any]]] = {}
    for entry in rivals:
        groups.setdefault((entry["arm"], entry["num_labels"]), []).append(entry)
    own: set[str] = {arm for arm in plan.arms if is_own(arm)}
    # Arms of which the same is said at the same label counts share a sentence.
    said: dict[tuple[str, str], dict[str, list[int | None]]] = {}
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
                CANNOT_TELL: f"{'does' if one else 'do'} not differ detectably from {rival}",
            }[outcome]
            span = _name_spans(list(counts), plan)
            sentences.append(words.capitalize(f"{span}, {words.join(arms)} {verb}."))
    return sentences


def _name_rivals(entries: list[dict[str, Any]], *, outcome: str, own: set[str]) -> str:
    """Returns what an arm was compared with: all there is of its kind, or the arms by name.

    Args:
        entries: The comparisons of one arm at one label count.
        outcome: Of all of them together.
        own: All arms that are pretrained on the target's own pool.
    """
    rivals = [entry["baseline"] for entry in entries]
    if is_chain(entries[0]["arm"]):
        if len(rivals) == 1:
            return f"{rivals[0]} alone"
        return f"{'one' if outcome == WORSE else 'each'} of its halves alone"
    if _has_taught(entries[0]):
        named = [e["baseline"] for e in entries if outcome != WORSE or e["outcome"] == WORSE]
        return f"{words.join(named)}, of its teacher"
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
