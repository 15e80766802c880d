"""What the winner gets wrong, and how it fares with worse images."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np

from tfzero.common.numbers import write_number
from tfzero.report import formatting
from tfzero.report.canvas import Canvas
from tfzero.report.run import Run
from tfzero.report.section import Section
from tfzero.report.sections.mistakes.charts import calibration_chart, matrix_chart
from tfzero.report.sections.mistakes.counts import (
    Mistakes,
    calibration_bins,
    class_accuracies,
    find_mistakes,
    worst_confusions,
)
from tfzero.report.sections.mistakes.images import find_images
from tfzero.report.sections.mistakes.robustness import robustness_rows, show_robustness
from tfzero.report.tables import Rows, Tables

# Classes whose accuracy is on the page at once, worst first; the others are a click away.
_SHOWN_CLASSES = 60
# By their words in the glossary, and their names on the page.
_MEASURES = {
    "accuracy": ("accuracy", "accuracy", 100.0, 1, " %"),
    "macro_f1": ("macro F1", "macro F1", 1.0, 3, ""),
    "negative_log_likelihood": ("negative log-likelihood",) * 2 + (1.0, 3, " nats"),
    "calibration_error": ("calibration", "calibration error", 1.0, 3, ""),
}


def build(run: Run, canvas: Canvas) -> dict[str, Any]:
    """Returns what the template shows."""
    return {"mistakes": describe_mistakes(run, canvas), "shown_classes": _SHOWN_CLASSES}


def list_tables(run: Run) -> Tables:
    """Returns the confusions, calibration, accuracy by class and robustness of one arm."""
    found = find(run)
    if found is None:
        return {"confusion": [], "calibration": [], "class_accuracy": [], "robustness": []}
    return {
        "confusion": _confusion_rows(found),
        "calibration": calibration_bins(found.confidences, found.right),
        "class_accuracy": [
            {"arm": found.arm, "class": name, "accuracy": share, "right": right, "images": total}
            for name, share, right, total in class_accuracies(found)
        ],
        "robustness": robustness_rows(run, found.arm),
    }


def find(run: Run) -> Mistakes | None:
    """Returns the mistakes of the recommended arm, or else of the highest with predictions."""
    best = {row["num_labels"]: row.get("highest") for row in run.verdict.get("best", [])}
    highest = best.get(max(run.label_counts))
    return find_mistakes(run, [run.recommended.get("arm"), highest, *run.arms])


def describe_mistakes(run: Run, canvas: Canvas) -> dict[str, Any] | None:
    """Returns everything the section shows; None without predictions."""
    found = find(run)
    if found is None:
        return None
    worst = worst_confusions(found)
    right, total = int(np.trace(found.matrix)), int(found.matrix.sum())
    return {
        "arm": found.arm,
        "is_recommended": found.arm == run.recommended.get("arm"),
        "num_labels": found.num_labels,
        "replicates": found.replicates,
        "right": f"{right:,}",
        "total": f"{total:,}",
        "measures": _measures(found.means),
        "worst": [
            (true, taken, f"{count:,}", formatting.percent(share))
            for true, taken, count, share in worst
        ],
        "classes": [
            (name, None if share is None else write_number(100 * share), f"{good:,}", f"{all_:,}")
            for name, share, good, all_ in class_accuracies(found)
        ],
        "bars_start": _start_of_bars(found),
        "matrix": matrix_chart(found, worst, canvas),
        "calibration": calibration_chart(found, canvas),
        **find_images(run, found.arm),
        "robustness": show_robustness(run, found.arm, canvas),
    }


def _start_of_bars(found: Mistakes) -> int:
    """Returns where bars of accuracy begin, in percent: near the lowest, so that they differ."""
    shares = [share for _, share, _, _ in class_accuracies(found) if share is not None]
    return max(0, 10 * int((100 * min(shares, default=0.0) - 1) // 10))


def _measures(means: dict[str, float]) -> list[tuple[str, str, str]]:
    """Returns the measures of an arm, mean over its replicates: glossary word, name, value."""
    rows = []
    for key, value in means.items():
        word, name, scale, digits, unit = _MEASURES[key]
        rows.append((word, name, formatting.number(value * scale, digits) + unit))
    return rows


def _confusion_rows(found: Mistakes) -> Rows:
    names = found.class_names
    return [
        {"arm": found.arm, "true": names[row], "predicted": names[column], "count": int(count)}
        for row, counts in enumerate(found.matrix)
        for column, count in enumerate(counts)
        if count
    ]


SECTION = Section(
    id="mistakes",
    title="Mistakes",
    template=pathlib.Path(__file__).with_name("section.html"),
    build=build,
    tables=list_tables,
)
