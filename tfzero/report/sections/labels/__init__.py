"""What a label buys: accuracy against the number of labels."""

from __future__ import annotations

import pathlib
from typing import Any

from tfzero.report import formatting
from tfzero.report.canvas import Canvas, Chart
from tfzero.report.drawing.arms import arm_styles
from tfzero.report.drawing.svg import as_variable
from tfzero.report.run import Run
from tfzero.report.section import Section
from tfzero.report.sections.labels.figure import label_efficiency


def build(run: Run, canvas: Canvas) -> dict[str, Any]:
    """Returns what the template shows."""
    return {"switches": switches(run.arms), "efficiency": efficiency_chart(run, canvas)}


def switches(arms: list[str]) -> list[dict[str, Any]]:
    """Returns what switches an arm off in all charts, drawn as its line is."""
    styles = arm_styles(arms)
    return [
        {"arm": arm, "color": as_variable(styles[arm].color), "index": styles[arm].index}
        for arm in arms
    ]


def efficiency_chart(run: Run, canvas: Canvas) -> Chart:
    """Returns accuracy against labels."""
    arms, counts, table = run.arms, run.label_counts, run.table
    saved, crossovers = run.verdict.get("labels_saved", []), run.verdict.get("crossovers", [])
    said = ""
    if any(entry.get("bound") is None for entry in saved):
        said += (
            " A dotted arrow leads to as many labels as training from scratch needs to do as well."
        )
    if crossovers:
        said += (
            " An upright line, dotted where the verdict does not show it, is where an arm falls "
            "behind training from scratch."
        )
    return canvas.chart(
        lambda width: label_efficiency(
            table, arms=arms, label_counts=counts, saved=saved, crossovers=crossovers, width=width
        ),
        alt="Line chart of test accuracy against the number of labels. "
        + formatting.means_in_words(table, arms, max(counts)),
        caption="Mean over seeds; vertical bars and bands are 95 % intervals, the arms set apart "
        f"a little sideways. Gray and black arms use no pretrained network.{said}",
        keys=_point_keys(run, canvas),
    )


def _point_keys(run: Run, canvas: Canvas) -> dict[str, list[int]]:
    """Returns what is said of each point: mean, interval and every cell."""
    rows = {(row["arm"], row["num_labels"]): row for row in run.table}
    scores: dict[tuple[str, int], dict[int, float]] = {}
    for cell in run.cells:
        place = scores.setdefault((cell.arm, cell.num_labels), {})
        place[cell.replicate] = 100 * cell.result["accuracy"]
    keys: dict[str, list[int]] = {}
    for index, arm in enumerate(run.arms):
        for count in sorted(run.label_counts):
            row = rows.get((arm, count))
            if row is None or row.get("mean") is None:
                continue
            half = row.get("half_width")
            margin = "" if half is None else f" ± {formatting.number(half)}"
            cells = sorted(scores.get((arm, count), {}).items())
            listed = ", ".join(f"{formatting.number(score)}" for _, score in cells)
            lines = [f"{arm}, {count:,} labels", f"{formatting.number(row['mean'])}{margin} %"]
            if cells:
                lines.append(f"its {len(cells)} cells, by seed: {listed}")
            keys.setdefault(f"arm-{index}", []).append(canvas.say(lines))
    return keys


SECTION = Section(
    id="labels",
    title="Labels",
    template=pathlib.Path(__file__).with_name("section.html"),
    build=build,
)
