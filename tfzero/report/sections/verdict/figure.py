"""Accuracy against the number of labels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tfzero.report.drawing.accuracy import (
    Table,
    accuracy_chart,
    draw_arm,
    interval_ends,
    rows_with_mean,
)
from tfzero.report.drawing.arms import ArmStyle, add_key, arm_styles
from tfzero.report.drawing.colors import QUIET
from tfzero.report.drawing.layout import log_ticks, percent_limits

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def label_efficiency(
    table: Table,
    *,
    arms: Sequence[str],
    label_counts: Sequence[int],
    saved: Table = (),
    crossovers: Table = (),
    winner: str | None = None,
    width: float = 8.0,
) -> Figure:
    """Test accuracy against the number of labels, one line per arm.

    Vertical bars are 95 % intervals. Arms are set apart sideways by a few percent of a label
    count, so that their bars do not hide one another. Arms without pretraining are drawn quietly,
    without a band, `scratch/finetune` always dark. The vertical axis is zoomed to the means:
    intervals far wider than these run out of the frame.

    Args:
        table: Rows with `arm`, `num_labels`, `mean` and `half_width` in percent (the latter
            may be None). An arm may lack some counts, or have none: it is then left out.
        arms: Which arms, in the order of the study; the order decides the markers.
        label_counts: Ticks of the axis.
        saved: Entries of `labels_saved` of a verdict: an arrow of the arm's colour leads from its
            point to where scratch has as many labels as it takes to do as well. Those that are
            censored are left out.
        crossovers: Entries of `crossovers` of a verdict: an upright line where an arm falls
            behind scratch.
        winner: The arm to highlight: its line is thick, and only its interval is a band, too.
        width: Inches.
    """
    styles = arm_styles(arms, winner)
    figure, axes = accuracy_chart(width, arms)
    counts = sorted(label_counts)
    log_ticks(axes, counts, [f"{count:,}" for count in counts])
    axes.set_xlabel("labels (log scale)", size=9, color=QUIET)
    shifts = _shifts(len(arms), counts)
    ends, drawn = {}, []
    for arm, shift in zip(arms, shifts, strict=True):
        rows = sorted(rows_with_mean(table, arm, counts), key=lambda row: row["num_labels"])
        if not rows:
            continue
        places = [row["num_labels"] * shift for row in rows]
        draw_arm(axes, places, rows, arm, styles[arm])
        if arm == winner or (winner is None and not styles[arm].is_quiet):
            _draw_band(axes, places, rows, styles[arm])
        ends[arm] = (places[-1], rows[-1]["mean"])
        drawn += rows
    percent_limits(axes, drawn)
    _mark_saved(axes, table, saved, styles)
    _mark_crossovers(axes, crossovers, styles)
    add_key(axes, ends, styles)
    return figure


def _shifts(num_arms: int, counts: Sequence[int]) -> list[float]:
    """Returns the factor by which each arm's points are moved sideways."""
    gaps = [math.log(b / a) for a, b in zip(counts, counts[1:], strict=False) if b > a]
    step = min(0.3 * min(gaps, default=0.3), 0.12) / max(num_arms, 1)
    return [math.exp(step * (index - (num_arms - 1) / 2)) for index in range(num_arms)]


def _draw_band(axes: Axes, places: Sequence[float], rows: Table, style: ArmStyle) -> None:
    """Fills between the ends of the intervals."""
    low, high = interval_ends(rows)
    look = {"color": style.color, "alpha": 0.09, "linewidth": 0, "zorder": 1}
    axes.fill_between(places, low, high, gid=f"{style.gid}-band", **look)


def _mark_saved(axes: Axes, table: Table, saved: Table, styles: Mapping[str, ArmStyle]) -> None:
    """Draws an arrow from each arm's point to as far right as scratch must go for as much."""
    means = {(row["arm"], row["num_labels"]): row.get("mean") for row in table}
    for entry in saved:
        arm, count = entry["arm"], entry["num_labels"]
        height = means.get((arm, count))
        if arm not in styles or height is None or entry.get("bound") is not None:
            continue
        if abs(math.log(entry["labels"] / count)) < 0.05:
            continue  # too short to see
        line = {"arrowstyle": "->", "color": styles[arm].color, "linewidth": 1.1}
        line |= {"linestyle": (0, (1, 1.5)), "shrinkA": 0, "shrinkB": 0}
        start, end = (count, height), (entry["labels"], height)
        mark = axes.annotate("", end, start, arrowprops=line, zorder=6)
        if mark.arrow_patch is not None:
            mark.arrow_patch.set_gid(f"{styles[arm].gid}-saved")


def _mark_crossovers(axes: Axes, crossovers: Table, styles: Mapping[str, ArmStyle]) -> None:
    """Draws an upright line where an arm falls behind scratch; whole where it is shown."""
    for entry in crossovers:
        if entry["arm"] in styles:
            style = styles[entry["arm"]]
            dash = "-" if entry.get("shown") else (0, (1, 3))
            look = {"color": style.color, "linewidth": 1, "zorder": 2, "linestyle": dash}
            axes.axvline(entry["num_labels"], gid=f"{style.gid}-crossover", **look)
