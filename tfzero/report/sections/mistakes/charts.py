"""The confusion matrix and the calibration curve as the page holds them."""

from __future__ import annotations

import json

from tfzero.report import formatting
from tfzero.report.canvas import Canvas, Chart
from tfzero.report.sections.mistakes.counts import Confusion, Mistakes, calibration_bins, focus
from tfzero.report.sections.mistakes.figures import calibration, confusion

_MOST_IN_MATRIX = 100


def matrix_chart(found: Mistakes, worst: list[Confusion], canvas: Canvas) -> Chart:
    """Returns the confusion matrix; of very many classes those of the most mistakes."""
    shown = focus(found, from_classes=_MOST_IN_MATRIX)
    words = "; ".join(
        f"{true} classified as {taken} {count} times" for true, taken, count, _ in worst
    )
    named = len(shown.class_names) - (shown is not found)
    values = {"matrix": shown.matrix.tolist(), "names": shown.class_names, "named": named}
    return canvas.chart(
        lambda width: confusion(shown.matrix, shown.class_names, width=width),
        alt=f"Confusion matrix of {found.arm}. Most frequent mistakes: {words or 'none'}.",
        caption="Rows are true classes, and columns are predictions. Numbers, where they fit, are "
        "counts over all replicates. A darker cell is a larger share of its row, on a "
        "square-root scale."
        + ("" if shown is found else " Only the classes of the most frequent mistakes are named."),
        wide=7.0,
        kind="matrix",
        values=json.dumps(values),
    )


def calibration_chart(found: Mistakes, canvas: Canvas) -> Chart:
    """Returns how often answers of a given confidence are right."""
    bins = calibration_bins(found.confidences, found.right)
    keys = []
    for row in bins:
        low, high = formatting.percent(row["low"], 0), formatting.percent(row["high"], 0)
        answers = f"{row['answers']:,} answers, {formatting.percent(row['right'])} right"
        keys.append(canvas.say([f"confidence {low} to {high}", answers]))
    words = "; ".join(
        f"of confidence {formatting.percent(row['confidence'], 0)}: "
        f"{formatting.percent(row['right'], 0)} right"
        for row in bins
    )
    return canvas.chart(
        lambda width: calibration(found.confidences, found.right, width=width),
        alt=f"Calibration curve of {found.arm}. Answers {words}.",
        caption="How often answers of a given confidence are right. On the dashed line, confidence "
        "equals accuracy; below it, the network is too confident. Larger points hold more "
        "answers.",
        wide=4.2,
        keys={"points-0": keys},
    )
