"""Losses by epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tfzero.report.drawing.colors import FAINT, INK, QUIET
from tfzero.report.drawing.layout import dress, new_figure, place_axes, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Curve = Sequence[float | None]


def training_curves(
    history: Mapping[str, Curve],
    *,
    others: Sequence[Mapping[str, Curve]] = (),
    width: float = 8.0,
) -> Figure:
    """One small panel per quantity, over epochs, each on its own scale.

    Args:
        history: Name to one number per epoch. None and infinity leave a gap.
        others: The same of other replicates, drawn quietly.
        width: Inches.
    """
    columns = max(1, min(int(width // 1.9), len(history)))
    rows = max(1, math.ceil(len(history) / columns))
    figure = new_figure(width, 1.75 * rows + 0.25)
    wide, high = width / columns, (1.75 * rows + 0.25) / rows
    for index, (name, values) in enumerate(history.items()):
        row, column = divmod(index, columns)
        axes = place_axes(
            figure,
            left=column * wide + 0.5,
            right=width - (column + 1) * wide + 0.1,
            top=row * high + 0.35,
            bottom=(rows - row - 1) * high + 0.45,
        )
        for other in others:
            _draw_curve(axes, other.get(name, []), FAINT, 0.9)
        _draw_curve(axes, values, INK, 1.4)
        _finish_panel(axes, name)
    return figure


def _draw_curve(axes: Axes, values: Curve, color: str, thick: float) -> None:
    numbers = np.array([np.nan if value is None else value for value in values], float)
    numbers[~np.isfinite(numbers)] = np.nan
    epochs = np.arange(1, len(numbers) + 1)
    marker = "o" if len(numbers) < 3 else None
    axes.plot(epochs, numbers, color=color, linewidth=thick, marker=marker, markersize=4)


def _finish_panel(axes: Axes, name: str) -> None:
    from matplotlib.ticker import MaxNLocator

    dress(axes)
    axes.locator_params(axis="y", nbins=4)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.tick_params(labelsize=8)
    title = plain(name, 30).replace("_", " ")
    axes.set_title(title, size=9, color=INK, loc="left", parse_math=False)
    axes.set_xlabel("epoch", size=8, color=QUIET)
