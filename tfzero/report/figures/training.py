"""How pretraining went."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tfzero.report.figures import _style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def training_curves(
    history: Mapping[str, Sequence[float | None]],
    *,
    others: Sequence[Mapping[str, Sequence[float | None]]] = (),
    width: float = 8.0,
) -> Figure:
    """One small panel a quantity, over epochs, each on its own scale.

    Args:
        history: Name to one number an epoch. None and infinity leave a gap.
        others: The same of other replicates, drawn quietly.
        width: Inches.
    """
    from matplotlib.ticker import MaxNLocator

    columns = max(1, min(int(width // 1.9), len(history)))
    rows = max(1, math.ceil(len(history) / columns))
    figure = _style.new_figure(width, 1.75 * rows + 0.25)
    wide, high = width / columns, (1.75 * rows + 0.25) / rows
    for index, (name, values) in enumerate(history.items()):
        row, column = divmod(index, columns)
        axes = _style.place_axes(
            figure,
            left=column * wide + 0.5,
            right=width - (column + 1) * wide + 0.1,
            top=row * high + 0.35,
            bottom=(rows - row - 1) * high + 0.45,
        )
        for line, color, thick in (
            *((other.get(name, []), _style.FAINT, 0.9) for other in others),
            (values, _style.INK, 1.4),
        ):
            numbers = np.array([np.nan if value is None else value for value in line], float)
            numbers[~np.isfinite(numbers)] = np.nan
            epochs = np.arange(1, len(numbers) + 1)
            marker = "o" if len(numbers) < 3 else None
            axes.plot(epochs, numbers, color=color, linewidth=thick, marker=marker, markersize=4)
        _style.dress(axes)
        axes.locator_params(axis="y", nbins=4)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.tick_params(labelsize=8)
        title = _style.plain(name, 30).replace("_", " ")
        axes.set_title(title, size=9, color=_style.INK, loc="left", parse_math=False)
        axes.set_xlabel("epoch", size=8, color=_style.QUIET)
    return figure
