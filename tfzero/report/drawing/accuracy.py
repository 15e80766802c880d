"""Arms in charts of accuracy, one line per arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tfzero.report.drawing.arms import ArmStyle
from tfzero.report.drawing.colors import QUIET
from tfzero.report.drawing.layout import dress, new_figure, place_axes, plain, text_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Table = Sequence[Mapping[str, Any]]


def accuracy_chart(width: float, arms: Sequence[str]) -> tuple[Figure, Axes]:
    """Returns a figure and its axes, which leave room for the key on the right."""
    names = [plain(arm) for arm in arms]
    figure = new_figure(width, min(width * 0.62, 4.6) if width > 5 else 3.6)
    right = text_width(names, 9) + 0.4
    axes = place_axes(figure, left=0.4, right=right, top=0.32, bottom=0.5)
    dress(axes)
    axes.set_title("test accuracy (%)", size=9, color=QUIET, loc="left", x=-0.02, pad=8)
    return figure, axes


def rows_with_mean(table: Table, arm: str, counts: Sequence[int]) -> list[Mapping[str, Any]]:
    """Returns the rows of an arm that have a mean, at these label counts."""
    return [
        row
        for row in table
        if row["arm"] == arm and row["num_labels"] in counts and row.get("mean") is not None
    ]


def interval_ends(rows: Table) -> tuple[list[float], list[float]]:
    """Returns the low and the high end of each row's interval: its mean where it has none."""
    halves = [row.get("half_width") or 0.0 for row in rows]
    low = [row["mean"] - half for row, half in zip(rows, halves, strict=True)]
    high = [row["mean"] + half for row, half in zip(rows, halves, strict=True)]
    return low, high


def draw_arm(axes: Axes, places: Sequence[float], rows: Table, arm: str, style: ArmStyle) -> None:
    """Draws one arm at horizontal `places`: line, markers, intervals."""
    axes.plot(
        places,
        [row["mean"] for row in rows],
        label=arm,
        color=style.color,
        linestyle=style.dash,
        linewidth=style.width,
        marker=style.marker,
        markersize=7 if style.is_winner else 5.5 if style.width > 2 else 4.5,
        markeredgewidth=0,
        zorder=style.order,
        gid=style.gid,
    )
    low, high = interval_ends(rows)
    thick, gid = min(style.width, 1.3), f"{style.gid}-bars"
    axes.vlines(places, low, high, color=style.color, linewidth=thick, zorder=style.order, gid=gid)
