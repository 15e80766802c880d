"""Which arm to export, and what is said of the file that was exported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tfzero.common.numbers import write_number
from tfzero.study.verdict.family import BETTER, WORSE
from tfzero.study.verdict.words import describe_margin, join

# Seconds that differ by less than this share are equal: what else a machine does moves them more.
_SAME_SECONDS = 0.1


def recommend(
    verdict: dict[str, Any], *, exportable: Sequence[str], margin: float
) -> dict[str, Any] | None:
    """Returns the arm to export and why; None if no exportable arm was scored.

    Of the arms that can be exported, at the largest label count, for the export is trained on all
    labels: those within the margin of the highest mean and not shown to be worse than it. The
    cheapest of these, pretraining and transfer together; of equally cheap ones the first of the
    study.

    Args:
        verdict: As `verdict.json` holds it.
        exportable: The arms that can be exported.
        margin: Smallest difference worth having, in points of accuracy.
    """
    if not verdict["best"]:
        return None
    last = verdict["best"][-1]
    count = last["num_labels"]
    rows = {row["arm"]: row for row in verdict["table"] if row["num_labels"] == count}
    candidates = [arm for arm in rows if arm in exportable]
    if not candidates:
        return None
    top = max(candidates, key=lambda arm: rows[arm]["mean"])
    level = [
        arm
        for arm in candidates
        if rows[top]["mean"] - rows[arm]["mean"] <= margin and not _is_below(verdict, arm, top)
    ]
    seconds = {arm: rows[arm]["pretrain_seconds"] + rows[arm]["transfer_seconds"] for arm in level}
    cheapest = (1 + _SAME_SECONDS) * min(seconds.values())
    arm = next(arm for arm in level if seconds[arm] <= cheapest)
    return {
        "arm": arm,
        "reason": _give_reason(arm, top, level, count, margin),
        "notes": _compare_with_best(arm, last, rows, candidates),
        "study": {name: rows[arm][name] for name in ("num_labels", "mean", "half_width", "seeds")},
        "file": None,
        "savedmodel": None,
    }


def _is_below(verdict: dict[str, Any], arm: str, top: str) -> bool:
    """Returns whether an arm is shown to be below the highest exportable one."""
    last = verdict["best"][-1]
    if last["highest"] == top and arm not in last["arms"]:
        return True
    below = {(arm, top): WORSE, (top, arm): BETTER}
    return any(
        below.get((entry["arm"], entry["baseline"])) == entry["outcome"]
        for entry in verdict["comparisons"]
        if entry["num_labels"] == last["num_labels"]
    )


def _give_reason(arm: str, top: str, level: list[str], count: int, margin: float) -> str:
    if len(level) == 1:
        return f"the exportable arm with the highest mean at {count:,} labels"
    if arm == top:
        return (
            f"the exportable arm with the highest mean at {count:,} labels, and the cheapest "
            f"of the {len(level)} within {describe_margin(margin)} of it"
        )
    return (
        f"the cheapest of the {len(level)} arms within {describe_margin(margin)} of the "
        f"highest mean at {count:,} labels ({top}), and not shown to be worse than it"
    )


def _compare_with_best(
    arm: str, last: dict[str, Any], rows: dict[str, Any], candidates: list[str]
) -> list[str]:
    """Returns a sentence on arms that may be as good, or that are better and no model."""
    count, highest = last["num_labels"], last["highest"]
    if highest in candidates:
        rest = [name for name in last["arms"] if name != highest]
        near = f"does not differ detectably from {join(rest)}"
        return [f"At {count:,} labels, {highest} {near}."] if rest else []
    gap = rows[highest]["mean"] - rows[arm]["mean"]
    told = (
        "does not differ detectably from it" if arm in last["arms"] else "is detectably behind it"
    )
    return [
        f"The baseline {highest} scored {write_number(gap)} points more at {count:,} labels, "
        f"but it cannot be exported. The exported arm, {arm}, {told}."
    ]


def why_not_exported(verdict: dict[str, Any], *, asked: bool) -> str | None:
    """Returns why nothing is exported and how to get it, as a sentence; None if something is.

    Args:
        verdict: As `verdict.json` holds it.
        asked: Whether the user said where the export goes.
    """
    recommended = verdict["recommended"]
    if recommended is None:
        return (
            "Nothing is exported: no arm with a result at the largest number of labels "
            "becomes a Keras model. Add one that does, such as scratch/finetune."
        )
    if asked or verdict["comparisons"]:
        return None  # also where all that is said is that it cannot be told
    return (
        "Nothing is exported, because this study gives no verdict. To export "
        f"{recommended['arm']} anyway, choose a folder with `export`."
    )


def describe_file(recommended: dict[str, Any], *, minutes: float | None) -> list[str]:
    """Returns what is known of the exported file itself, in sentences.

    Args:
        recommended: Of `verdict.json`, with its `file` and `study`.
        minutes: What the study was to take, or None.
    """
    arm, file, study = recommended["arm"], recommended["file"], recommended["study"]
    margin = "" if study["half_width"] is None else f" ± {write_number(study['half_width'])}"
    mean = f", the mean of {study['seeds']} seeds" if study["seeds"] > 1 else ""
    what = arm
    if file["network"] != arm:
        what = f"a network ({file['network']}) that learned from {arm}"
    right = write_number(file["accuracy"])
    trained = f"Exported {what}, trained on {_count_labels(file, minutes)}"
    in_study = (
        f"in the study {arm} has {write_number(study['mean'])}{margin} % at "
        f"{study['num_labels']:,} labels{mean}"
    )
    if file["num_folds"] > 1:
        told = [
            f"{trained}. No image is left to test this file on.",
            f"Cross-fitting estimates its accuracy: {file['num_folds']} networks, each "
            f"trained in the same way on the other folds, classify {right} % of the "
            f"{file['num_test']:,} labelled images correctly. To compare: {in_study}.",
        ]
    else:
        told = [
            f"{trained}. This file classifies {right} % of the {file['num_test']:,} test "
            f"images correctly; {in_study}."
        ]
    return [*told, _describe_calibration(file)]


def _count_labels(file: dict[str, Any], minutes: float | None) -> str:
    trained, labelled = file["num_labels"], file["num_labelled"]
    if trained == labelled:
        return f"all {labelled:,} labels"
    if file["cut"]:
        within = f"a fifth of {minutes:g} minutes"
        return f"{trained:,} of {labelled:,} labels, as many as fit into {within}"
    return f"{trained:,} of {labelled:,} labels; the other labels calibrate it"


def _describe_calibration(file: dict[str, Any]) -> str:
    calibration = file["calibration"]
    on = "by cross-fitting" if file["num_folds"] > 1 else "on the test images"
    before, after = (
        write_number(100 * calibration[f"error_{when}"]) for when in ("before", "after")
    )
    if not calibration["num_held_out"]:
        return (
            "Its probabilities are not calibrated, because no labels were left for it "
            f"(calibration error {after} % {on})."
        )
    return (
        "Its probabilities are calibrated by one temperature, "
        f"{calibration['temperature']:.2f}, fitted on {calibration['num_held_out']:,} "
        f"labelled images that training did not use. The calibration error {on} is {before} "
        f"% before and {after} % after."
    )
