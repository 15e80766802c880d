"""The chart of the first screen: accuracy against the number of labels, the winner first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tfzero.report import formatting
from tfzero.report.canvas import Canvas, Chart
from tfzero.report.drawing.accuracy import Table
from tfzero.report.drawing.arms import SCRATCH, arm_styles
from tfzero.report.drawing.svg import as_variable
from tfzero.report.run import Run
from tfzero.report.sections.verdict.figure import label_efficiency
from tfzero.study.plain_names import plain_name

# Arms that the charts show at first; the others are a click away.
_SHOWN = 5
# Inches: it stands beside the answer on wide screens.
_WIDE = 6.6


def list_switches(run: Run) -> list[dict[str, Any]]:
    """Returns what switches an arm on and off in all charts, drawn as its line is.

    Those that are shown at first come first.
    """
    styles, shown, winner = (
        arm_styles(run.arms, run.winner),
        top_arms(run.table, run.arms, run.winner),
        run.winner,
    )
    return [
        {
            "arm": arm,
            "name": plain_name(arm),
            "color": as_variable(styles[arm].color),
            "index": styles[arm].index,
            "is_shown": arm in shown,
            "is_winner": arm == winner,
        }
        for arm in [*shown, *(arm for arm in run.arms if arm not in shown)]
    ]


def top_arms(table: Table, arms: Sequence[str], winner: str | None) -> list[str]:
    """Returns the arms that charts show at first.

    They are the recommended one, training from scratch, and those of the highest mean accuracy
    over the label counts.

    Args:
        table: Of the verdict.
        arms: Of the study, in its order.
        winner: The recommended one, or None.
    """
    means: dict[str, list[float]] = {}
    for row in table:
        if row.get("mean") is not None:
            means.setdefault(row["arm"], []).append(row["mean"])
    known = [arm for arm in arms if arm in means]
    ranked = sorted(known, key=lambda arm: -sum(means[arm]) / len(means[arm]))
    first = [arm for arm in arms if arm == winner] + [arm for arm in arms if arm == SCRATCH]
    return list(dict.fromkeys([*first, *ranked, *arms]))[:_SHOWN]


def efficiency_chart(run: Run, canvas: Canvas) -> Chart:
    """Returns accuracy against labels."""
    arms, counts, table = run.arms, run.label_counts, run.table
    saved, crossovers = run.verdict.get("labels_saved", []), run.verdict.get("crossovers", [])
    said = ""
    if any(entry.get("bound") is None for entry in saved):
        said += (
            " A dotted arrow ends at the number of labels that training from scratch needs "
            "for the same accuracy."
        )
    if crossovers:
        said += (
            " A vertical line marks where an arm falls behind training from scratch; it is "
            "dotted if the verdict does not show it."
        )
    return canvas.chart(
        lambda width: label_efficiency(
            table,
            arms=arms,
            label_counts=counts,
            saved=saved,
            crossovers=crossovers,
            winner=run.winner,
            width=width,
        ),
        alt="Line chart of test accuracy against the number of labels. "
        + formatting.means_in_words(table, arms, max(counts)),
        caption="Mean over seeds with 95 % intervals. The thick line is the recommended arm. Gray "
        f"and black arms use no pretrained network.{said}",
        wide=_WIDE,
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
