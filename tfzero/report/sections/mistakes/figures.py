"""What a classifier gets wrong: which classes, how sure it was, where it looked, worse images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from tfzero.report.drawing.arms import ArmStyle, arm_styles
from tfzero.report.drawing.colors import GRID, INK, QUIET, text_on
from tfzero.report.drawing.layout import dress, new_figure, place_axes, plain, text_width
from tfzero.report.drawing.mosaic import image_rows, pair_rows
from tfzero.report.sections.mistakes.counts import calibration_bins

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CELL, _CURVE = (0, 114, 178), "#0072b2"


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
            f"`matrix` has shape {matrix.shape}; expected ({num_classes}, {num_classes}), "
            f"for {num_classes} class names."
        )
    names = [plain(name, 16) for name in class_names]
    label = min(text_width(names, 8), width / 4) + 0.45
    side = width - label - 0.15
    figure = new_figure(width, side + label + 0.1)
    axes = place_axes(figure, left=label, right=0.15, top=0.1, bottom=label)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    # No colour where there is nothing, so that it looks well on white and on dark pages.
    color = np.empty((*matrix.shape, 4))
    color[..., :3], color[..., 3] = np.array(_CELL) / 255, np.sqrt(shares)
    axes.imshow(color, interpolation="none", aspect="auto")
    cell = side * 72 / num_classes
    _name_classes(axes, names, cell)
    _write_counts(axes, matrix, shares, cell)
    return figure


def _name_classes(axes: Axes, names: Sequence[str], cell: float) -> None:
    """Writes as many classes as fit beside cells of `cell` points, and what the axes are."""
    step = max(1, math.ceil(9 / cell))
    places = list(range(0, len(names), step))
    shown = [names[place] for place in places]
    upright = max(map(len, shown)) * 4.6 < cell * step
    axes.set_yticks(places, labels=shown, parse_math=False)
    axes.set_xticks(places, labels=shown, parse_math=False, rotation=0 if upright else 90)
    axes.tick_params(length=0, labelsize=8, colors=INK)
    axes.set_xlabel("predicted class", size=9, color=QUIET)
    axes.set_ylabel("true class", size=9, color=QUIET)
    for spine in axes.spines.values():
        spine.set_color(GRID)


def _write_counts(axes: Axes, matrix: np.ndarray, shares: np.ndarray, cell: float) -> None:
    """Writes counts other than 0 into the cells where they fit."""
    size = min(9.0, cell * 0.85 / (0.58 * len(f"{matrix.max():.0f}")))
    if size < 5.5:
        return
    for row, column in zip(*np.nonzero(matrix), strict=True):
        look = {"ha": "center", "va": "center", "size": size}
        look["color"] = text_on(_CELL, math.sqrt(shares[row, column]))
        axes.text(column, row, f"{matrix[row, column]:.0f}", **look)


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
    figure = new_figure(width, min(width, 4.2))
    axes = place_axes(figure, left=0.5, right=0.15, top=0.35, bottom=0.5)
    axes.plot([0, 100], [0, 100], color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
    axes.plot(sure, share, color=_CURVE, linewidth=1.5)
    sizes = [20 + 380 * row["answers"] / len(confidences) for row in found]
    look = {"color": _CURVE, "linewidths": 0, "alpha": 0.75}
    axes.scatter(sure, share, s=sizes, gid="points-0", **look)
    axes.set_xlim(-2, 102)
    axes.set_ylim(-4, 104)
    dress(axes)
    axes.set_xlabel("confidence (%)", size=9, color=QUIET)
    axes.set_title("right (%)", size=9, color=QUIET, loc="left", pad=8)
    return figure


def attention(
    images: np.ndarray, heat: np.ndarray, *, columns: int = 6, width: float = 6.0
) -> Figure:
    """Each image above itself under a map of what spoke for the answer (Grad-CAM), in orange.

    Args:
        images: uint8 `(N, H, W, C)`.
        heat: uint8 `(N, h, w)`, 255 where most spoke for it.
        columns: Images per row.
        width: Inches.
    """
    return image_rows(attention_rows(images, heat, columns), width=width)


def attention_rows(images: np.ndarray, heat: np.ndarray, columns: int) -> list[np.ndarray]:
    """Returns rows of images in colour, each followed by the same under their maps."""
    return pair_rows(_as_color(images), heat_images(images, heat), columns)


def heat_images(images: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Returns images, paled to gray, under their maps in orange: uint8 `(N, H, W, 3)`."""
    size = images.shape[2], images.shape[1]
    smooth = [Image.fromarray(one).resize(size, Image.Resampling.BILINEAR) for one in heat]
    share = np.stack([np.asarray(one) for one in smooth])[..., None] / 255 * 0.75
    gray = _as_color(images).mean(axis=-1, keepdims=True)
    return np.rint((1 - share) * gray + share * np.array([255, 140, 0])).astype(np.uint8)


def _as_color(images: np.ndarray) -> np.ndarray:
    return images if images.shape[-1] == 3 else np.repeat(images[..., :1], 3, axis=-1)


def robustness(
    accuracy: Mapping[str, Mapping[str, Sequence[float]]],
    *,
    arms: Sequence[str],
    width: float = 8.0,
) -> Figure:
    """One panel per kind of damage: accuracy in percent against its strength, one line per arm.

    Args:
        accuracy: Arm to kind of damage to percentages: of the images as they are, then at each
            strength.
        arms: All arms of the study, in order; they decide colours and markers.
        width: Inches.
    """
    styles = arm_styles(arms)
    kinds = list(dict.fromkeys(kind for found in accuracy.values() for kind in found))
    columns = min(len(kinds), 4 if width > 5 else 2) or 1
    rows = -(-len(kinds) // columns)
    in_key = max(1, int(width / (text_width(list(accuracy), 9) + 0.6)))
    key = 0.18 * (-(-len(accuracy) // in_key) - 1)  # below its first row
    figure = new_figure(width, 2.05 * rows + 0.3 + key)
    values = [value for found in accuracy.values() for line in found.values() for value in line]
    low, high = min(values, default=0), max(values, default=100)
    wide = width / columns
    for place, kind in enumerate(kinds):
        row, column = divmod(place, columns)
        axes = place_axes(
            figure,
            left=column * wide + 0.42,
            right=width - (column + 1) * wide + 0.1,
            top=row * 2.05 + 0.6 + key,
            bottom=(rows - row - 1) * 2.05 + 0.4,
        )
        lines = {arm: found[kind] for arm, found in accuracy.items()}
        _draw_damage(axes, kind, lines, styles)
        axes.set_ylim(max(low - 4, -1), min(high + 4, 101))
    handles = figure.axes[0].get_legend_handles_labels() if figure.axes else ([], [])
    look = {"frameon": False, "fontsize": 9, "borderpad": 0, "labelcolor": INK}
    anchor = (0.3 / width, 1)
    figure.legend(*handles, loc="upper left", bbox_to_anchor=anchor, ncols=in_key, **look)
    return figure


def _draw_damage(
    axes: Axes, kind: str, lines: Mapping[str, Sequence[float]], styles: Mapping[str, ArmStyle]
) -> None:
    """Draws the panel of one kind of damage."""
    for arm, values in lines.items():
        style = styles[arm]
        look = {"color": style.color, "linestyle": style.dash, "marker": style.marker}
        look |= {"linewidth": min(style.width, 1.8), "markersize": 5, "markeredgewidth": 0}
        axes.plot(range(len(values)), values, label=arm, **look)
    dress(axes)
    strengths = ["none", *map(str, range(1, max(map(len, lines.values()))))]
    axes.set_xticks(range(len(strengths)), labels=strengths)
    axes.tick_params(labelsize=8)
    axes.set_title(kind, size=9, color=INK, loc="left", parse_math=False)
