"""What an encoder learnt: maps of features, the nearest of each image, and images it makes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tfzero.report.drawing.colors import GRID, INK, QUIET
from tfzero.report.drawing.layout import new_figure, place_axes, plain, text_width
from tfzero.report.drawing.mosaic import image_rows, lay_out, pair_rows, show_pixels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# More classes than this have no key: nobody can tell so many apart.
_MOST_IN_KEY = 20
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h")
# Okabe & Ito 2008, the yellow and the black made fit for white and for dark pages.
_COLORS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#8a7f00", "#6b737c")


def feature_map(
    points: np.ndarray,
    labels: np.ndarray,
    class_names: Sequence[str],
    *,
    width: float = 4.0,
    key: bool = True,
) -> Figure:
    """Points in the plane, one colour and marker per class.

    Args:
        points: `(N, 2)`.
        labels: int `(N,)` in 0..K-1.
        class_names: K names.
        width: Inches.
        key: Whether a key of the classes stands below, up to 20 classes.
    """
    names = [plain(name, 16) for name in class_names]
    present = [int(k) for k in np.unique(labels)]
    columns = max(1, int(width / (text_width([names[k] for k in present], 8) + 0.3)))
    keyed = key and len(present) <= _MOST_IN_KEY
    below = 0.19 * -(-len(present) // columns) + 0.1 if keyed else 0.05
    figure = new_figure(width, width + below)
    axes = place_axes(figure, left=0.05, right=0.05, top=0.05, bottom=below)
    styles = class_styles(len(class_names))
    handles = []
    for k in present:
        look = {"color": styles[k][0], "marker": styles[k][1], "alpha": 0.8, "linewidths": 0}
        handles.append(axes.scatter(*points[labels == k].T, s=15, gid=f"points-{k}", **look))
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color(GRID)
    if keyed:
        _add_class_key(figure, handles, [names[k] for k in present], columns)
    return figure


def class_styles(count: int) -> list[tuple[str, str]]:
    """Returns a colour and a marker for each class; all pairs of the first 88 differ."""
    return [(_COLORS[k % 8], _MARKERS[k % 11]) for k in range(count)]


def _add_class_key(figure: Figure, handles: Sequence, names: Sequence[str], columns: int) -> None:
    """Writes the names of the classes below the map."""
    # A key is filled column by column; this reads row by row.
    order = [k for start in range(columns) for k in range(start, len(names), columns)]
    key = figure.legend(
        [handles[k] for k in order],
        [names[k] for k in order],
        loc="lower left",
        ncols=columns,
        frameon=False,
        fontsize=8,
        borderpad=0,
        bbox_to_anchor=(0.05 / figure.get_figwidth(), 0),
        handlelength=0.8,
        columnspacing=1,
        labelcolor=QUIET,
        labelspacing=0.3,
        handletextpad=0.3,
    )
    for text in key.get_texts():
        text.set_parse_math(False)  # a class may be called "$"


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
    return image_rows(rows, width=width, apart=True)


def image_grid(
    images: np.ndarray, *, columns: int = 8, title: str | None = None, width: float = 7.0
) -> Figure:
    """Images side by side, every pixel a crisp square.

    Args:
        images: uint8 `(N, H, W, C)`, C 1 (gray) or 3 (RGB); of other C the first channel.
        columns: Images per row.
        title: Text above.
        width: Inches.
    """
    images = np.asarray(images)
    columns = max(1, min(columns, len(images)))
    rows = [images[start : start + columns] for start in range(0, len(images), columns)]
    mosaic, _ = lay_out(rows, columns)
    head = 0.35 if title else 0.0
    figure = new_figure(width, width * mosaic.shape[0] / mosaic.shape[1] + head)
    axes = place_axes(figure, left=0, right=0, top=head, bottom=0)
    show_pixels(axes, mosaic)
    if title:
        axes.set_title(plain(title, 80), size=10, color=INK, parse_math=False)
    return figure


def reconstructions(
    originals: np.ndarray,
    reconstructions: np.ndarray,
    *,
    columns: int = 8,
    width: float = 7.0,
) -> Figure:
    """Each image above what the decoder made of its code, rows labelled.

    Args:
        originals: uint8 `(R, H, W, C)`.
        reconstructions: uint8 of the same shape, in the same order.
        columns: Pairs per row.
        width: Inches.

    Raises:
        ValueError: If the two differ in shape.
    """
    if np.shape(originals) != np.shape(reconstructions):
        raise ValueError(
            f"`originals` has shape {np.shape(originals)} and `reconstructions` "
            f"{np.shape(reconstructions)}; expected one reconstruction per original."
        )
    rows = pair_rows(originals, reconstructions, columns)
    mosaic, middles = lay_out(rows, len(rows[0]))
    left = 0.95
    figure = new_figure(width, (width - left) * mosaic.shape[0] / mosaic.shape[1])
    axes = place_axes(figure, left=left, right=0, top=0, bottom=0)
    show_pixels(axes, mosaic)
    names = ["original", "reconstruction"] * (len(rows) // 2)
    axes.set_yticks(middles, labels=names, size=9, color=QUIET)
    axes.tick_params(length=0)
    return figure
