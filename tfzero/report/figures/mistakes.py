"""What a classifier gets wrong: which classes, how sure it was, and on which images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tfzero.report._mistakes import calibration_bins
from tfzero.report.figures import _style
from tfzero.report.figures.images import pair_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CELL = (0, 114, 178)


def confusion(matrix: np.ndarray, class_names: Sequence[str], *, width: float = 7.0) -> Figure:
    """Confusion matrix: colour is the share of the true class, numbers are counts.

    The colour scale is a square root, so that rare mistakes show. Where cells are too small
    (from about 30 classes) counts are left out and not every class is named.

    Args:
        matrix: Counts `(K, K)`; row true class, column predicted class.
        class_names: K names.
        width: Inches.

    Raises:
        ValueError: If the matrix is not `(K, K)` for K names.
    """
    matrix = np.asarray(matrix)
    num_classes = len(class_names)
    if matrix.shape != (num_classes, num_classes):
        raise ValueError(
            f"matrix has shape {matrix.shape}; expected ({num_classes}, {num_classes}), "
            f"for {num_classes} class names."
        )
    names = [_style.plain(name, 16) for name in class_names]
    label = min(_style.text_width(names, 8), width / 4) + 0.45
    side = width - label - 0.15
    figure = _style.new_figure(width, side + label + 0.1)
    axes = _style.place_axes(figure, left=label, right=0.15, top=0.1, bottom=label)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    # No colour where there is nothing, so that it looks well on white and on dark pages.
    color = np.empty((*matrix.shape, 4))
    color[..., :3], color[..., 3] = np.array(_CELL) / 255, np.sqrt(shares)
    axes.imshow(color, interpolation="none", aspect="auto")
    cell = side * 72 / num_classes
    step = max(1, math.ceil(9 / cell))
    places = list(range(0, num_classes, step))
    shown = [names[place] for place in places]
    upright = max(map(len, shown)) * 4.6 < cell * step
    axes.set_yticks(places, labels=shown, parse_math=False)
    axes.set_xticks(places, labels=shown, parse_math=False, rotation=0 if upright else 90)
    axes.tick_params(length=0, labelsize=8, colors=_style.INK)
    axes.set_xlabel("predicted class", size=9, color=_style.QUIET)
    axes.set_ylabel("true class", size=9, color=_style.QUIET)
    for spine in axes.spines.values():
        spine.set_color(_style.GRID)
    _write_counts(axes, matrix, shares, cell)
    return figure


def calibration(
    confidences: np.ndarray, right: np.ndarray, *, bins: int = 10, width: float = 4.2
) -> Figure:
    """How often answers of a given confidence are right; on the diagonal they mean what they say.

    The area of a point is the share of answers in its bin.

    Args:
        confidences: `(N,)` in 0..1, of the predicted class.
        right: bool `(N,)`.
        bins: Bins of equal width.
        width: Inches.

    Reference:
        Guo et al. 2017, arXiv:1706.04599, figure 1.
    """
    found = calibration_bins(np.asarray(confidences), np.asarray(right), bins=bins)
    sure = [100 * row["confidence"] for row in found]
    share = [100 * row["right"] for row in found]
    figure = _style.new_figure(width, min(width, 4.2))
    axes = _style.place_axes(figure, left=0.5, right=0.15, top=0.35, bottom=0.5)
    axes.plot([0, 100], [0, 100], color=_style.QUIET, linewidth=1, linestyle=(0, (4, 3)))
    axes.plot(sure, share, color="#0072b2", linewidth=1.5)
    sizes = [20 + 380 * row["answers"] / len(confidences) for row in found]
    axes.scatter(sure, share, s=sizes, color="#0072b2", linewidths=0,
                 alpha=0.75, gid="points-0")  # fmt: skip
    axes.set_xlim(-2, 102)
    axes.set_ylim(-4, 104)
    _style.dress(axes)
    axes.set_xlabel("confidence (%)", size=9, color=_style.QUIET)
    axes.set_title("right (%)", size=9, color=_style.QUIET, loc="left", pad=8)
    return figure


def attention(
    images: np.ndarray, heat: np.ndarray, *, columns: int = 6, width: float = 6.0
) -> Figure:
    """Each image above itself under a map of what spoke for the answer (Grad-CAM), in orange.

    Args:
        images: uint8 `(N, H, W, C)`.
        heat: uint8 `(N, h, w)`, 255 where most spoke for it.
        columns: Images a row.
        width: Inches.
    """
    rows = pair_rows(_as_color(images), heat_images(images, heat), columns)
    mosaic, _ = _style.lay_out(rows, len(rows[0]))
    figure = _style.new_figure(width, width * mosaic.shape[0] / mosaic.shape[1])
    _style.show_pixels(_style.place_axes(figure, left=0, right=0, top=0, bottom=0), mosaic)
    return figure


def heat_images(images: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Returns images, paled to gray, under their maps in orange: uint8 `(N, H, W, 3)`."""
    from PIL import Image

    size = images.shape[2], images.shape[1]
    smooth = [Image.fromarray(one).resize(size, Image.Resampling.BILINEAR) for one in heat]
    share = np.stack([np.asarray(one) for one in smooth])[..., None] / 255 * 0.75
    gray = _as_color(images).mean(axis=-1, keepdims=True)
    return np.rint((1 - share) * gray + share * np.array([255, 140, 0])).astype(np.uint8)


def _as_color(images: np.ndarray) -> np.ndarray:
    return images if images.shape[-1] == 3 else np.repeat(images[..., :1], 3, axis=-1)


def _write_counts(axes: Axes, matrix: np.ndarray, shares: np.ndarray, cell: float) -> None:
    """Writes counts other than 0 into the cells where they fit."""
    size = min(9.0, cell * 0.85 / (0.58 * len(f"{matrix.max():.0f}")))
    if size < 5.5:
        return
    for row, column in zip(*np.nonzero(matrix), strict=True):
        color = _style.text_on(_CELL, math.sqrt(shares[row, column]))
        axes.text(
            column,
            row,
            f"{matrix[row, column]:.0f}",
            ha="center",
            va="center",
            size=size,
            color=color,
        )
