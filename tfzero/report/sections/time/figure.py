"""Accuracy against time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tfzero.report.drawing.accuracy import Table, accuracy_chart, draw_arm, rows_with_mean
from tfzero.report.drawing.arms import add_key, arm_styles
from tfzero.report.drawing.colors import QUIET
from tfzero.report.drawing.layout import log_ticks, percent_limits

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def accuracy_against_seconds(
    table: Table,
    *,
    arms: Sequence[str],
    num_labels: int,
    winner: str | None = None,
    width: float = 8.0,
) -> Figure:
    """Test accuracy against the time of pretraining and transfer, at one label count.

    The tail left of a marker starts where the arm would stand if its pretraining were free.

    Args:
        table: Rows as for `label_efficiency`, with `pretrain_seconds` (None counts as 0) and
            `transfer_seconds`.
        arms: Which arms, in the order of the study.
        num_labels: Which rows.
        winner: The arm to highlight.
        width: Inches.
    """
    styles = arm_styles(arms, winner)
    figure, axes = accuracy_chart(width, arms)
    ends, drawn = {}, []
    for arm in arms:
        style = styles[arm]
        for row in rows_with_mean(table, arm, [num_labels])[:1]:
            if row.get("transfer_seconds") is None:
                continue
            # A logarithm has no 0; a millisecond is below what a run can measure.
            transfer = max(float(row["transfer_seconds"]), 1e-3)
            total = transfer + float(row.get("pretrain_seconds") or 0)
            tail = {"color": style.color, "alpha": 0.35, "linewidth": 2}
            axes.plot([transfer, total], [row["mean"]] * 2, gid=f"{style.gid}-tail", **tail)
            draw_arm(axes, [total], [row], arm, style)
            ends[arm] = (total, row["mean"])
            drawn.append((row, transfer, total))
    low = min((start for _, start, _ in drawn), default=1.0) / 1.5
    high = max((end for _, _, end in drawn), default=1.0) * 1.5
    ticks = time_ticks(low, high, 6 if width > 5 else 3)
    log_ticks(axes, [tick for tick, _ in ticks], [words for _, words in ticks])
    axes.set_xlim(low, high)
    what = "pretraining and transfer" if width > 5 else "time"  # what has room below the axis
    axes.set_xlabel(f"{what} (log scale)", size=9, color=QUIET)
    percent_limits(axes, [row for row, _, _ in drawn])
    add_key(axes, ends, styles)
    return figure


def time_ticks(low: float, high: float, most: int) -> list[tuple[float, str]]:
    """Returns at least one and at most `most` round times between two, in seconds, and in words."""
    units = (("s", 1.0), ("min", 60.0), ("h", 3600.0), ("days", 86400.0))
    known = [(0.001, "1 ms"), (0.01, "10 ms"), (0.1, "0.1 s")]
    for place, (unit, scale) in enumerate(units):
        limit = units[place + 1][1] if place + 1 < len(units) else float("inf")
        for number in (1, 3, 10, 30, 100, 300, 1000):
            if number * scale < limit and (number < 60 or unit == "days"):
                known.append((number * scale, f"{number} {unit}"))
    inside = [tick for tick in known if low <= tick[0] <= high]
    if not inside:
        middle = math.sqrt(low * high)
        unit, scale = next((u for u in reversed(units) if u[1] <= middle), units[0])
        return [(middle, f"{middle / scale:.3g} {unit}")]
    return inside[:: math.ceil(len(inside) / most)]
