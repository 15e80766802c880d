"""The first sentences of a verdict: what each family of claims answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from tfzero.common.numbers import count_of
from tfzero.study.inits import read_init
from tfzero.study.planning.families import PRETRAINED, RIVALS, UNLABELED, control_of, list_families
from tfzero.study.planning.plan import SCRATCH, StudyPlan
from tfzero.study.verdict import words
from tfzero.study.verdict.claims import AVERAGE
from tfzero.study.verdict.family import BETTER, CANNOT_TELL, NO_DIFFERENCE, WORSE
from tfzero.study.verdict.pairing import MIN_SEEDS
from tfzero.study.verdict.sources import describe_rivals, is_chain, is_foreign, name_source


@dataclasses.dataclass(frozen=True)
class Question:
    """What a group of comparisons with training from scratch answers.

    Attributes:
        what: What may help, as the subject of a sentence.
        advice: What follows where it does not, as a sentence; may be empty.
    """

    what: str
    advice: str = ""


def write_headline(verdict: dict[str, Any], *, plan: StudyPlan) -> tuple[str, list[str]]:
    """Returns what the study says, in a few sentences, and the details of that.

    The first sentences answer, on average over the label counts, whether pretraining helps, whether
    an encoder from elsewhere does, and whether the unlabeled images help without pretraining. The
    details are of single label counts, and of arms that are compared with one another.
    """
    if not verdict["comparisons"]:
        return _no_verdict(plan), []
    by_family = {
        family: [e for e in verdict["comparisons"] if e["family"] == family]
        for family in (*PRETRAINED, UNLABELED, RIVALS)
    }
    pretrained = [entry for family in PRETRAINED for entry in by_family[family]]
    source = f"an encoder from {name_source(plan)}"
    further = f"{source} that continues to learn from your own images"
    groups = [
        (
            Question(_name_pretraining(plan), "Train from scratch; it costs less."),
            [entry for entry in pretrained if not is_foreign(entry["arm"])],
        ),
        (
            Question(source),
            [e for e in pretrained if is_foreign(e["arm"]) and not is_chain(e["arm"])],
        ),
        # What a chain gains may be its second half's.
        (Question(further), [entry for entry in pretrained if is_chain(entry["arm"])]),
        (Question("learning from the unlabeled images without pretraining"), by_family[UNLABELED]),
    ]
    first, details = [], []
    for question, entries in groups:
        if entries:
            found, more = answer(entries, question, plan=plan)
            first += found
            details += more
    rivals = describe_rivals(by_family[RIVALS], plan)
    if _only_controlled(plan) and not any(e["outcome"] == BETTER for e in by_family[RIVALS]):
        rivals.append(
            "No pretrained arm is shown to be better than its rival without pretraining, which "
            "learns from the same unlabeled images."
        )
    details += [*rivals, *credit_baselines(verdict, plan=plan)]
    # Where nothing is compared with training from scratch, the details are the answer.
    return (" ".join(first), details) if first else (" ".join(details), [])


def _name_pretraining(plan: StudyPlan) -> str:
    what = "pretraining on your unlabeled images"
    if plan.encoders is None or plan.encoders >= MIN_SEEDS:
        return what
    return (
        f"{what} (this encoder per method)"
        if plan.encoders == 1
        else (f"{what} (these {plan.encoders} encoders per method)")
    )


def answer(
    entries: list[dict[str, Any]], question: Question, *, plan: StudyPlan
) -> tuple[list[str], list[str]]:
    """Returns what comparisons with training from scratch say on average, and at each count.

    At a single label count there is no average: that count's sentence is the first.
    """
    averages = [entry for entry in entries if entry["num_labels"] is AVERAGE]
    singles = [entry for entry in entries if entry["num_labels"] is not AVERAGE]
    if not averages:
        return _answer_at_counts(singles, question, plan=plan), []
    found = _summarize(averages)
    span = words.name_span(AVERAGE, plan.label_counts)
    first = [_say(averages, found, span, question, plan=plan)]
    by_count = {
        _summarize([entry for entry in singles if entry["num_labels"] == count])
        for count in {entry["num_labels"] for entry in singles}
    }
    if by_count == {CANNOT_TELL} == {found}:
        return first, [f"It cannot tell whether {question.what} helps at any single count either."]
    return first, _answer_at_counts(singles, question, plan=plan)


def _answer_at_counts(
    entries: list[dict[str, Any]], question: Question, *, plan: StudyPlan
) -> list[str]:
    groups: dict[str, list[int]] = {}
    for count in sorted({entry["num_labels"] for entry in entries}):
        mine = [entry for entry in entries if entry["num_labels"] == count]
        groups.setdefault(_summarize(mine), []).append(count)
    return [
        _say(
            [entry for entry in entries if entry["num_labels"] in counts],
            outcome,
            f"at {words.join(counts)} labels",
            question,
            plan=plan,
        )
        for outcome, counts in groups.items()
    ]


def _summarize(entries: Sequence[dict[str, Any]]) -> str:
    """Returns the outcome of the best of several arms.

    One arm that wins is a road, and so is one that may still win. An arm that loses beside it is
    a bad choice of arm.
    """
    outcomes = {entry["outcome"] for entry in entries}
    return next(each for each in (BETTER, CANNOT_TELL, NO_DIFFERENCE, WORSE) if each in outcomes)


def _say(
    entries: list[dict[str, Any]], outcome: str, span: str, question: Question, *, plan: StudyPlan
) -> str:
    """Returns a sentence or two on what several comparisons of one span say together."""
    advice = f" {question.advice}" if question.advice else ""
    highest = max(entries, key=lambda entry: entry["difference"])
    if outcome == BETTER:
        wins = [entry for entry in entries if entry["outcome"] == BETTER]
        best = max(wins, key=lambda entry: entry["difference"])
        others = list(dict.fromkeys(e["arm"] for e in wins if e["arm"] != best["arm"]))
        also = f" So {'does' if len(others) == 1 else 'do'} {words.join(others)}." if others else ""
        return words.capitalize(
            f"{span}, {words.name_arm(best)} beats training from scratch by "
            f"{_points_of(best, wins)}.{also}"
        )
    if outcome == CANNOT_TELL:
        return words.capitalize(
            f"{span}, this study cannot tell whether {question.what} helps. The highest, "
            f"{words.name_arm(highest)}, differs from training from scratch by {_points(highest)}."
        )
    worse = "" if outcome == NO_DIFFERENCE and _all(entries, NO_DIFFERENCE) else "is worse or "
    if outcome == WORSE:
        return words.capitalize(
            f"{span}, {question.what} is worse than training from scratch. The best, "
            f"{words.name_arm(highest)}, differs by {_points(highest)}.{advice}"
        )
    return words.capitalize(
        f"{span}, {question.what} {worse}makes no difference worth having: less than "
        f"{words.describe_margin(plan.margin)}.{advice}"
    )


def _all(entries: list[dict[str, Any]], outcome: str) -> bool:
    return all(entry["outcome"] == outcome for entry in entries)


def _points(entry: dict[str, Any]) -> str:
    low, high = words.format_points(entry["low"]), words.format_points(entry["high"])
    return f"{words.format_points(entry['difference'], sign='+')} points ({low} to {high})"


def _points_of(best: dict[str, Any], wins: list[dict[str, Any]]) -> str:
    """Returns by how much the best wins; several label counts share a sentence."""
    low, high = words.format_points(best["low"]), words.format_points(best["high"])
    interval, points = f"({low} to {high})", words.format_points(best["difference"])
    if len({entry["num_labels"] for entry in wins}) > 1:
        return f"up to {points} points {interval}"
    return f"{points} points {interval}"


def credit_baselines(verdict: dict[str, Any], *, plan: StudyPlan) -> list[str]:
    """Returns which arms that pretrain no network lead all others, a sentence for each.

    An arm leads where training from scratch is detectably behind it. What it gains is not
    pretraining's, and a pretrained arm that gains no more has no case.
    """
    pretrained = {arm for arm in plan.arms if read_init(arm.init).is_pretrained}
    leads: dict[str, list[int]] = {}
    for entry in verdict["best"]:
        arm = entry["highest"]
        if SCRATCH not in entry["arms"] and len(entry["arms"]) > 1 and arm in pretrained:
            arm = next((other for other in entry["arms"] if other not in pretrained), arm)
        if SCRATCH in plan.arms and SCRATCH not in entry["arms"] and arm not in pretrained:
            leads.setdefault(arm, []).append(entry["num_labels"])
    return [
        f"At {words.join(counts)} labels no pretrained arm is shown to be better than {arm}, "
        "which pretrains no network and is better than training from scratch."
        for arm, counts in leads.items()
    ]


def _only_controlled(plan: StudyPlan) -> bool:
    """Returns whether all pretrained arms are judged by a rival without pretraining."""
    families = {family.id: family.pairs for family in list_families(plan.arms)}
    pairs = families.get(RIVALS, ())
    return not families.keys() & set(PRETRAINED) and any(
        control_of(arm) == other for arm, other in pairs
    )


def _no_verdict(plan: StudyPlan) -> str:
    if SCRATCH not in plan.arms:
        return f"No verdict: pretraining is judged against {SCRATCH}, which is not among the arms."
    if plan.seeds < MIN_SEEDS:
        return (
            f"No verdict: the study has {count_of(plan.seeds, 'seed')}, and a verdict needs "
            f"{MIN_SEEDS} (`seeds`). It shows figures only."
        )
    if not list_families(plan.arms):
        return "No verdict on pretraining: no arm of this study uses a pretrained encoder."
    return f"No verdict: fewer than {MIN_SEEDS} replicates of any comparison have a result."
