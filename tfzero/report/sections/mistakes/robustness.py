"""How accuracy falls as images get worse."""

from __future__ import annotations

from typing import Any

from tfzero.common.numbers import write_number
from tfzero.report import formatting
from tfzero.report.canvas import Canvas, Chart
from tfzero.report.drawing.arms import SCRATCH
from tfzero.report.run import Reading, Run
from tfzero.report.sections.mistakes.figures import robustness
from tfzero.report.tables import Rows

Accuracy = dict[str, dict[str, list[float]]]


def network_reading(run: Run, arm: str) -> Reading | None:
    """Returns what was recorded of an arm's network."""
    readings = run.readings.values()
    found = (one for one in readings if one.said.get("spec", {}).get("arm") == arm)
    return next(found, None)


def robustness_rows(run: Run, arm: str) -> Rows:
    """Returns accuracy by arm, kind of damage and strength, for an arm and for scratch."""
    rows = []
    for name in dict.fromkeys((arm, SCRATCH)):
        reading = network_reading(run, name)
        found = {} if reading is None else reading.said.get("robustness", {})
        for kind, values in found.get("accuracy", {}).items():
            for level, value in enumerate(values):
                measured = {"strength": level, "accuracy": value, "images": found["images"]}
                rows.append({"arm": name, "damage": kind, **measured})
    return rows


def show_robustness(run: Run, arm: str, canvas: Canvas) -> dict[str, Any] | None:
    """Returns the chart and the table; None where nothing was measured."""
    rows = robustness_rows(run, arm)
    if not rows:
        return None
    accuracy: Accuracy = {}
    for row in rows:
        of_arm = accuracy.setdefault(row["arm"], {})
        of_arm.setdefault(row["damage"], []).append(100 * row["accuracy"])
    lacking = [name for name in dict.fromkeys((arm, SCRATCH)) if name not in accuracy]
    table = [
        (name, kind, [formatting.number(value) for value in values])
        for name, found in accuracy.items()
        for kind, values in found.items()
    ]
    return {"chart": _chart(run, accuracy, rows[0]["images"], lacking, canvas), "table": table}


def _chart(
    run: Run, accuracy: Accuracy, num_images: int, lacking: list[str], canvas: Canvas
) -> Chart:
    words = "; ".join(
        f"{name} under strongest {kind} {write_number(values[-1])} %"
        for name, found in accuracy.items()
        for kind, values in found.items()
    )
    only = "".join(f" {name} is not shown." for name in lacking)
    return canvas.chart(
        lambda width: robustness(accuracy, arms=run.arms, width=width),
        alt=f"Accuracy on damaged images: {words}.",
        caption=f"Test accuracy in percent on {num_images:,} test images, unchanged and at three "
        "strengths of damage. The networks are those of the first replicate, on the most "
        f"labels. Each arm has one network, so small gaps mean nothing.{only}",
    )
