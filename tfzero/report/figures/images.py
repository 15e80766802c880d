"""Pictures made of images: grids, and images above what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tfzero.report.figures import _style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def image_grid(
    images: np.ndarray, *, columns: int = 8, title: str | None = None, width: float = 7.0
) -> Figure:
    """Images side by side, every pixel a crisp square.

    Args:
        images: uint8 `(N, H, W, C)`, C 1 (gray) or 3 (RGB); of other C the first channel.
        columns: Images a row.
        title: Text above.
        width: Inches.
    """
    images = np.asarray(images)
    columns = max(1, min(columns, len(images)))
    rows = [images[start : start + columns] for start in range(0, len(images), columns)]
    mosaic, _ = _style.lay_out(rows, columns)
    head = 0.35 if title else 0.0
    figure = _style.new_figure(width, width * mosaic.shape[0] / mosaic.shape[1] + head)
    axes = _style.place_axes(figure, left=0, right=0, top=head, bottom=0)
    _style.show_pixels(axes, mosaic)
    if title:
        axes.set_title(_style.plain(title, 80), size=10, color=_style.INK, parse_math=False)
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
        columns: Pairs a row.
        width: Inches.

    Raises:
        ValueError: If the two differ in shape.
    """
    if np.shape(originals) != np.shape(reconstructions):
        raise ValueError(
            f"originals has shape {np.shape(originals)} and reconstructions "
            f"{np.shape(reconstructions)}; expected one reconstruction an original."
        )
    rows = pair_rows(originals, reconstructions, columns)
    columns = len(rows[0])
    mosaic, middles = _style.lay_out(rows, columns)
    left = 0.95
    figure = _style.new_figure(width, (width - left) * mosaic.shape[0] / mosaic.shape[1])
    axes = _style.place_axes(figure, left=left, right=0, top=0, bottom=0)
    _style.show_pixels(axes, mosaic)
    names = ["original", "reconstruction"] * (len(rows) // 2)
    axes.set_yticks(middles, labels=names, size=9, color=_style.QUIET)
    axes.tick_params(length=0)
    return figure


def pair_rows(above: np.ndarray, below: np.ndarray, columns: int) -> list[np.ndarray]:
    """Returns rows of at most `columns` images, each followed by the row that belongs below it."""
    columns = max(1, min(columns, len(above)))
    rows = []
    for start in range(0, len(above), columns):
        rows += [above[start : start + columns], below[start : start + columns]]
    return rows


def image_rows(rows: Sequence[np.ndarray], *, width: float) -> Figure:
    """Rows of images, the first column set apart.

    Args:
        rows: uint8 `(n, H, W, C)` each.
        width: Inches.
    """
    mosaic, _ = _style.lay_out(rows, max(len(row) for row in rows), apart=True)
    figure = _style.new_figure(width, width * mosaic.shape[0] / mosaic.shape[1])
    _style.show_pixels(_style.place_axes(figure, left=0, right=0, top=0, bottom=0), mosaic)
    return figure
