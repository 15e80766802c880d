"""Rows of images as one picture, every pixel a crisp square."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tfzero.report.drawing.layout import new_figure, place_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def lay_out(
    rows: Sequence[np.ndarray], columns: int, *, apart: bool = False
) -> tuple[np.ndarray, list[float]]:
    """Lays rows of images out on nothing.

    Args:
        rows: uint8 `(n, H, W, C)` each.
        columns: Places per row.
        apart: Whether the first column is set apart.

    Returns:
        uint8 `(height, width, 4)`, transparent where there is no image, and the vertical middle
        of each row.
    """
    high, wide, channels = rows[0].shape[1:]
    gap = max(1, wide // 12)
    wider = 3 * gap if apart else 0
    canvas = np.zeros(
        (len(rows) * (high + gap) - gap, columns * (wide + gap) - gap + wider, 4), np.uint8
    )
    for row, images in enumerate(rows):
        for column, image in enumerate(images):
            top, left = row * (high + gap), column * (wide + gap) + (wider if column else 0)
            color = image if channels == 3 else image[..., :1]
            canvas[top : top + high, left : left + wide, :3] = color
            canvas[top : top + high, left : left + wide, 3] = 255
    return canvas, [row * (high + gap) + (high - 1) / 2 for row in range(len(rows))]


def pair_rows(above: np.ndarray, below: np.ndarray, columns: int) -> list[np.ndarray]:
    """Returns rows of at most `columns` images, each followed by the row that belongs below it."""
    columns = max(1, min(columns, len(above)))
    rows = []
    for start in range(0, len(above), columns):
        rows += [above[start : start + columns], below[start : start + columns]]
    return rows


def show_pixels(axes: Axes, mosaic: np.ndarray) -> None:
    """Fills the axes with an image, without smoothing or frame."""
    axes.imshow(mosaic, interpolation="nearest", aspect="auto")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def image_rows(rows: Sequence[np.ndarray], *, width: float, apart: bool = False) -> Figure:
    """Draws rows of images and nothing else.

    Args:
        rows: uint8 `(n, H, W, C)` each.
        width: Inches.
        apart: Whether the first column is set apart.
    """
    mosaic, _ = lay_out(rows, max(len(row) for row in rows), apart=apart)
    figure = new_figure(width, width * mosaic.shape[0] / mosaic.shape[1])
    show_pixels(place_axes(figure, left=0, right=0, top=0, bottom=0), mosaic)
    return figure
