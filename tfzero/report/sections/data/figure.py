"""How many images of each class there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tfzero.report.drawing.colors import GRID, QUIET
from tfzero.report.drawing.layout import new_figure, place_axes, plain, text_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_NAMED = 30
_COLORS = {"train": "#0072b2", "test": "#d55e00"}


def class_counts(
    counts: Mapping[str, Sequence[int]], class_names: Sequence[str], *, width: float = 8.0
) -> Figure:
    """Images of each class, one bar per part: "train" and "test".

    Up to 30 classes each has its bars and name; of more, the counts are drawn from the largest to
    the smallest.

    Args:
        counts: Name of a part to its K counts.
        class_names: K names.
        width: Inches.
    """
    if len(class_names) > _MOST_NAMED:
        return _ranked(counts, width)
    names = [plain(name, 18) for name in class_names]
    left = min(text_width(names, 9) + 0.15, width / 3)
    high = 0.26 * len(names) + 0.55
    figure = new_figure(width, high)
    axes = place_axes(figure, left=left, right=0.55, top=0.32, bottom=0.08)
    thick = 0.8 / len(counts)
    for place, (part, values) in enumerate(counts.items()):
        heights = np.arange(len(names)) + (place - (len(counts) - 1) / 2) * thick
        axes.barh(heights, values, thick * 0.92, color=_COLORS.get(part, QUIET), label=part)
        for height, value in zip(heights, values, strict=True):
            look = {"textcoords": "offset points", "va": "center", "size": 7, "color": QUIET}
            axes.annotate(f"{value:,}", (value, height), (3, 0), **look)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), labels=names, parse_math=False)
    _dress(axes)
    axes.set_xticks([])
    return figure


def _ranked(counts: Mapping[str, Sequence[int]], width: float) -> Figure:
    figure = new_figure(width, 2.6)
    axes = place_axes(figure, left=0.6, right=0.2, top=0.32, bottom=0.5)
    for part, values in counts.items():
        ranked = np.sort(values)[::-1]
        places, color = np.arange(1, len(ranked) + 1), _COLORS.get(part, QUIET)
        axes.plot(places, ranked, drawstyle="steps-mid", label=part, color=color)
    axes.set_ylim(0, None)
    _dress(axes)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_xlabel("classes, the largest first", size=9, color=QUIET)
    return figure


def _dress(axes: Axes) -> None:
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0, labelsize=9, colors=QUIET)
    look = {"frameon": False, "fontsize": 9, "labelcolor": QUIET, "borderpad": 0}
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, handlelength=1, **look)
