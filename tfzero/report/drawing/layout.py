"""Figures and bare axes, laid out in inches, and the text on them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tfzero.report.drawing.colors import GRID, QUIET

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# How much farther than the means a vertical axis goes for intervals: a share of the means' range,
# and points at least.
_REACH, _SMALLEST_REACH = 1.0, 8.0


def plain(text: object, limit: int = 24) -> str:
    """Returns text that an SVG can hold: printable, and of at most `limit` characters.

    What is too long loses its middle: names that begin alike often end in what tells them apart.
    """
    printable = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text))
    if len(printable) <= limit:
        return printable
    end = (limit - 1) // 3
    return f"{printable[: limit - 1 - end]}…{printable[len(printable) - end :]}"


def text_width(texts: Sequence[str], size: float) -> float:
    """Returns about how many inches the longest of `texts` takes at `size` points."""
    return max((len(text) for text in texts), default=0) * 0.56 * size / 72


def new_figure(width: float, height: float) -> Figure:
    """Returns an empty white figure, in inches, that no global state knows of."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), facecolor="white")


def place_axes(figure: Figure, *, left: float, right: float, top: float, bottom: float) -> Axes:
    """Returns axes that leave these margins, in inches."""
    width, height = figure.get_size_inches()
    wide, high = max(width - left - right, 0.5), max(height - top - bottom, 0.5)
    return figure.add_axes((left / width, bottom / height, wide / width, high / height))


def dress(axes: Axes) -> None:
    """Removes the box and leaves horizontal lines to read values by."""
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(QUIET)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(axis="both", which="both", labelsize=9, colors=QUIET, length=0, pad=5)
    axes.tick_params(axis="x", which="major", length=3)


def points_wide(axes: Axes) -> tuple[float, float]:
    """Returns the width and height of axes in points."""
    width, height = axes.get_figure().get_size_inches()  # type: ignore[union-attr]
    box = axes.get_position()
    return box.width * width * 72, box.height * height * 72


def percent_limits(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """Sets the vertical limits around means and intervals, within 0 to 100.

    It zooms to where the means are: intervals that reach much farther are cut by the frame.
    """
    if not rows:
        axes.text(0.5, 0.5, "no results", transform=axes.transAxes, ha="center", color=QUIET)
        axes.set_ylim(0, 100)
        return
    means = [row["mean"] for row in rows]
    reach = max(_REACH * (max(means) - min(means)), _SMALLEST_REACH)
    halves = [min(row.get("half_width") or 0, reach) for row in rows]
    low = min(mean - half for mean, half in zip(means, halves, strict=True))
    high = max(mean + half for mean, half in zip(means, halves, strict=True))
    room = max(0.05 * (high - low), 1.0)
    axes.set_ylim(max(low - room, -0.5), min(high + room, 100.5))


def log_ticks(axes: Axes, places: Sequence[float], labels: Sequence[str]) -> None:
    """Makes the horizontal axis logarithmic with exactly these plain ticks."""
    from matplotlib.ticker import NullLocator

    axes.set_xscale("log")
    axes.set_xticks(list(places), labels=list(labels))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlim(min(places) / 1.25, max(places) * 1.25)
    if len(places) > 1:
        wide = points_wide(axes)[0]
        total = math.log(max(places) / min(places) * 1.25**2)
        gaps = [math.log(b / a) / total * wide for a, b in zip(places, places[1:], strict=False)]
        if min(gaps) < max(map(len, labels)) * 5.5 + 4:
            _turn_labels(axes, max(map(len, labels)) * 5.5 - 6)


def _turn_labels(axes: Axes, points: float) -> None:
    """Turns the labels of the horizontal axis upright, lifting the axes to make room."""
    axes.tick_params(axis="x", labelrotation=90)
    box = axes.get_position()
    lift = points / points_wide(axes)[1] * box.height
    axes.set_position((box.x0, box.y0 + lift, box.width, box.height - lift))
