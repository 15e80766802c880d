"""The answer in a few plain words: what stands first on a report, in a notebook, in a terminal.

It is read from what `verdict.json` holds, and claims no more than that. The headline says the same
with the words of arms, and `sentences` say all of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from tfzero.common.arm import Arm
from tfzero.study.inits import parse_init
from tfzero.study.plain_names import plain_name
from tfzero.study.planning.families import PRETRAINED, UNLABELED
from tfzero.study.verdict.claims import AVERAGE
from tfzero.study.verdict.family import BETTER, CANNOT_TELL, NO_DIFFERENCE, WORSE
from tfzero.study.verdict.pairing import MIN_SEEDS
from tfzero.study.verdict.words import (
    capitalize,
    describe_margin,
    format_points,
    name_span,
)

QUESTION = "Is pretraining worth it on these images?"


def answer_plainly(verdict: dict[str, Any], label_counts: Sequence[int]) -> list[str]:
    """Returns the answer to `QUESTION` in one to three sentences, the shortest answer first.

    Args:
        verdict: As `verdict.json` holds it. Its "answered_at" is the label count of the answer;
            none means on average over all. The answer is on average, too, where nothing is
            claimed at that count yet.
        label_counts: Of the study. One of a single count has no average.

    Returns:
        Sentences; the headline where nothing is compared with training from scratch.
    """
    found = verdict.get("comparisons", [])
    num_labels = verdict.get("answered_at", AVERAGE)
    if not any(entry["num_labels"] == num_labels for entry in found):
        num_labels = label_counts[0] if len(label_counts) == 1 else AVERAGE
    entries = [entry for entry in found if entry["num_labels"] == num_labels]
    pretrained = [entry for entry in entries if entry["family"] in PRETRAINED]
    span = name_span(num_labels, label_counts)
    if not pretrained:
        return [verdict.get("headline") or "No verdict."]
    own = [entry for entry in pretrained if not _is_foreign(entry["arm"])]
    foreign = [entry for entry in pretrained if _is_foreign(entry["arm"])]
    if own and foreign:
        answers = [
            f"Pretraining on your images: {_answer(own, span, verdict, capital=False)}",
            f"An encoder from elsewhere: {_answer(foreign, span, verdict, capital=False)}",
        ]
    else:
        answers = [_answer(own or foreign, span, verdict, capital=True)]
    return [*answers, *_credit_unlabeled(entries)]


def shorten(answers: Sequence[str]) -> tuple[str, list[str]]:
    """Returns the shortest answer, of two sentences at most, and what else there is to say.

    Args:
        answers: From `answer_plainly`.
    """
    first, *others = answers
    sentences = re.split(r"(?<=[.:]) (?=[A-Z])", first)
    short, rest = " ".join(sentences[:2]), " ".join(sentences[2:])
    return short, [rest, *others] if rest else others


def _is_foreign(arm: str) -> bool:
    init = parse_init(Arm.parse(arm).init)
    return init is not None and init.is_foreign


def _answer(
    entries: Sequence[dict[str, Any]], span: str, verdict: dict[str, Any], *, capital: bool
) -> str:
    """Returns the answer of several arms together: one that wins is a yes."""
    outcomes = {entry["outcome"] for entry in entries}
    outcome = next(o for o in (BETTER, CANNOT_TELL, NO_DIFFERENCE, WORSE) if o in outcomes)
    of_outcome = [entry for entry in entries if entry["outcome"] == outcome]
    best = max(of_outcome, key=lambda entry: entry["difference"])
    name, points = _name(best), _points(best)
    if outcome == BETTER:
        text = f"yes. {capitalize(name)} beats training from scratch by {points}, {span}."
    elif outcome == CANNOT_TELL:
        text = (
            "not shown. No pretrained network is detectably better than training from scratch "
            f"{span}. The highest, {name}, differs by {points}."
        )
    elif outcome == NO_DIFFERENCE:
        worth = describe_margin(verdict.get("margin", 1.0))
        text = f"no. {capitalize(span)}, it gains less than {worth} over training from scratch."
    else:
        text = (
            f"no. {capitalize(span)}, it is worse than training from scratch. The best, {name}, "
            f"differs by {points}."
        )
    return capitalize(text) if capital else text


def _credit_unlabeled(entries: Sequence[dict[str, Any]]) -> list[str]:
    """Returns a sentence on the best arm that wins without pretraining, if one does."""
    wins = [e for e in entries if e["family"] == UNLABELED and e["outcome"] == BETTER]
    if not wins:
        return []
    best = max(wins, key=lambda entry: entry["difference"])
    return [f"Without pretraining, {_name(best)} beats training from scratch by {_points(best)}."]


def _name(entry: dict[str, Any]) -> str:
    """Returns the plain name, and which encoders the claim is about if not the method."""
    name, encoders = plain_name(entry["arm"], capital=False), entry.get("encoders", MIN_SEEDS)
    if encoders >= min(MIN_SEEDS, entry["seeds"]):
        return name
    return f"{name} ({'this encoder' if encoders == 1 else f'these {encoders} encoders'})"


def _points(entry: dict[str, Any]) -> str:
    low, high = format_points(entry["low"]), format_points(entry["high"])
    sign = "-" if entry["outcome"] == BETTER else "+"
    return f"{format_points(entry['difference'], sign=sign)} points ({low} to {high})"


def advise_plainly(verdict: dict[str, Any]) -> str:
    """Returns what to do now, as one or two sentences: which model to use, and why that one.

    Args:
        verdict: As `verdict.json` holds it.
    """
    recommended = verdict.get("recommended")
    if not recommended:
        return verdict.get("not_exported") or "The study recommends no arm."
    arm = recommended["arm"]
    name = plain_name(arm, capital=False)
    reason = say_plainly(recommended.get("reason") or "", [row["arm"] for row in verdict["table"]])
    why = f" {reason}"  # of a study of before, a sentence of its own
    if not reason[:1].isupper():
        why = f" It is {reason}." if reason else ""
    return f"Use {name}.{why}"


def say_plainly(text: str, arms: Sequence[str]) -> str:
    """Returns a sentence with the plain names of arms in the place of their words.

    Args:
        text: Such as "vae/lpft beats training from scratch".
        arms: Those of the study.
    """
    if not arms:
        return text
    # The longest first: "vae/lpft" stands within "supervised+vae/lpft".
    longest_first = sorted(set(arms), key=len, reverse=True)
    pattern = rf"(?<![\w/+@-])({'|'.join(map(re.escape, longest_first))})(?![\w/])"

    def replace(found: re.Match[str]) -> str:
        before = text[: found.start()]
        return plain_name(found[0], capital=not before or before.endswith(". "))

    return re.sub(pattern, replace, text)
