"""Where an encoder puts images: maps of features, and the nearest of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tfzero.report.figures import _style
from tfzero.report.figures.images import image_rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# More classes than this have no key: nobody can tell so many apart.
_MOST_IN_KEY = 20


def feature_map(
    points: np.ndarray, labels: np.ndarray, class_names: Sequence[str], *, width: float = 4.0,
    key: bool = True,
) -> Figure:  # fmt: skip
    """Points in the plane, a colour and a marker a class.

    Args:
        points: `(N, 2)`.
        labels: int `(N,)` in 0..K-1.
        class_names: K names.
        width: Inches.
        key: Whether a key of the classes stands below, up to 20 classes.
    """
    names = [_style.plain(name, 16) for name in class_names]
    present = [int(k) for k in np.unique(labels)]
    columns = max(1, int(width / (_style.text_width([names[k] for k in present], 8) + 0.3)))
    keyed = key and len(present) <= _MOST_IN_KEY
    below = 0.19 * -(-len(present) // columns) + 0.1 if keyed else 0.05
    figure = _style.new_figure(width, width + below)
    axes = _style.place_axes(figure, left=0.05, right=0.05, top=0.05, bottom=below)
    styles = _style.class_styles(len(class_names))
    handles = []
    for k in present:
        color, marker = styles[k]
        handles.append(
            axes.scatter(*points[labels == k].T, s=15, marker=marker, color=color, alpha=0.8,
                         linewidths=0, gid=f"points-{k}")
        )  # fmt: skip
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color(_style.GRID)
    if keyed:
        # A key is filled column by column; this reads row by row.
        order = [k for start in range(columns) for k in range(start, len(present), columns)]
        said = figure.legend(
            [handles[k] for k in order], [names[present[k]] for k in order],
            loc="lower left", ncols=columns, frameon=False, fontsize=8, borderpad=0,
            bbox_to_anchor=(0.05 / width, 0), handlelength=0.8, columnspacing=1,
            labelcolor=_style.QUIET, labelspacing=0.3, handletextpad=0.3,
        )  # fmt: skip
        for text in said.get_texts():
            text.set_parse_math(False)  # a class may be called "$"
    return figure


def neighbours(
    images: np.ndarray, queries: np.ndarray, nearest: np.ndarray, *, width: float = 5.0
) -> Figure:
    """Each query, and right of it the images whose features are nearest.

    Args:
        images: uint8 `(N, H, W, C)`.
        queries: int `(Q,)`, places in `images`.
        nearest: int `(Q, k)`, likewise, the nearest first.
        width: Inches.
    """
    rows = [images[[query, *row]] for query, row in zip(queries, nearest, strict=True)]
    return image_rows(rows, width=width)
