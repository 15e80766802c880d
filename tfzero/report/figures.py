"""Figures of a study. Each function returns a matplotlib `Figure` that no global state knows of.

In a notebook, `%matplotlib inline` shows a returned figure; anywhere, `figure.savefig(...)`
writes it. Accuracies are in percent, times in seconds, images uint8 `(N, H, W, C)`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tfzero.report import _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Table = Sequence[Mapping[str, Any]]


def label_efficiency(
    table: Table, *, arms: Sequence[str], label_counts: Sequence[int], width: float = 8.0
) -> Figure:
    """Test accuracy against the number of labels, an arm a line.

    Vertical bars are 95 % intervals. Arms are set apart sideways by a few percent of a
    label count, so that their bars do not hide one another. Arms without pretraining are
    drawn quietly, `scratch/finetune` always dark.

    Args:
        table: Rows with `arm`, `num_labels`, `mean` and `half_width` in percent (the latter
            may be None). An arm may lack some counts, or have none: it is then left out.
        arms: Which arms, in the order of the study; the order decides the markers.
        label_counts: Ticks of the axis.
        width: Inches.
    """
    styles = _style.arm_styles(arms)
    figure, axes = _chart(width, arms)
    counts = sorted(label_counts)
    _style.log_ticks(axes, counts, [f"{count:,}" for count in counts])
    axes.set_xlabel("labels (log scale)", size=9, color=_style.QUIET)
    gaps = [math.log(b / a) for a, b in zip(counts, counts[1:], strict=False) if b > a]
    step = min(0.3 * min(gaps, default=0.3), 0.12) / max(len(arms), 1)
    ends, drawn = {}, []
    for index, arm in enumerate(arms):
        rows = sorted(_rows(table, arm, counts), key=lambda row: row["num_labels"])
        if not rows:
            continue
        shift = math.exp(step * (index - (len(arms) - 1) / 2))
        places = [row["num_labels"] * shift for row in rows]
        _arm_line(axes, places, rows, arm, styles[arm])
        ends[arm] = (places[-1], rows[-1]["mean"])
        drawn += rows
    _style.percent_limits(axes, drawn)
    _style.add_key(axes, ends, styles)
    return figure


def accuracy_against_seconds(
    table: Table, *, arms: Sequence[str], num_labels: int, width: float = 8.0
) -> Figure:
    """Test accuracy against the time of pretraining and transfer, at one label count.

    The tail left of a marker starts where the arm would stand if its pretraining were free.

    Args:
        table: Rows as for `label_efficiency`, with `pretrain_seconds` (None counts as 0) and
            `transfer_seconds`.
        arms: Which arms, in the order of the study.
        num_labels: Which rows.
        width: Inches.
    """
    styles = _style.arm_styles(arms)
    figure, axes = _chart(width, arms)
    ends, drawn = {}, []
    for arm in arms:
        for row in _rows(table, arm, [num_labels])[:1]:
            if row.get("transfer_seconds") is None:
                continue
            # A logarithm has no 0; a millisecond is below what a run can measure.
            transfer = max(float(row["transfer_seconds"]), 1e-3)
            total = transfer + float(row.get("pretrain_seconds") or 0)
            color = styles[arm].color
            axes.plot([transfer, total], [row["mean"]] * 2, color=color, alpha=0.35, linewidth=2)
            _arm_line(axes, [total], [row], arm, styles[arm])
            ends[arm] = (total, row["mean"])
            drawn.append((row, transfer, total))
    low = min((start for _, start, _ in drawn), default=1.0) / 1.5
    high = max((end for _, _, end in drawn), default=1.0) * 1.5
    ticks = _style.nice_ticks(low, high, 6 if width > 5 else 3)
    _style.log_ticks(axes, ticks, [f"{tick:,g}" for tick in ticks])
    axes.set_xlim(low, high)
    axes.set_xlabel("seconds (log scale)", size=9, color=_style.QUIET)
    _style.percent_limits(axes, [row for row, _, _ in drawn])
    _style.add_key(axes, ends, styles)
    return figure


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
    columns = max(1, min(columns, len(originals)))
    rows = []
    for start in range(0, len(originals), columns):
        rows += [originals[start : start + columns], reconstructions[start : start + columns]]
    mosaic, middles = _style.lay_out(rows, columns)
    left = 0.95
    figure = _style.new_figure(width, (width - left) * mosaic.shape[0] / mosaic.shape[1])
    axes = _style.place_axes(figure, left=left, right=0, top=0, bottom=0)
    _style.show_pixels(axes, mosaic)
    names = ["original", "reconstruction"] * (len(rows) // 2)
    axes.set_yticks(middles, labels=names, size=9, color=_style.QUIET)
    axes.tick_params(length=0)
    return figure


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
    axes.imshow(np.sqrt(shares), cmap="Blues", vmin=0, vmax=1, interpolation="none", aspect="auto")
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


def training_curves(history: Mapping[str, Sequence[float | None]], *, width: float = 8.0) -> Figure:
    """One small panel a quantity, over epochs, each on its own scale.

    Args:
        history: Name to one number an epoch. None and infinity leave a gap.
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
        numbers = np.array([np.nan if value is None else value for value in values], float)
        numbers[~np.isfinite(numbers)] = np.nan
        epochs = np.arange(1, len(numbers) + 1)
        marker = "o" if len(numbers) < 3 else None
        axes.plot(epochs, numbers, color=_style.INK, linewidth=1.4, marker=marker, markersize=4)
        _style.dress(axes)
        axes.locator_params(axis="y", nbins=4)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.tick_params(labelsize=8)
        title = _style.plain(name, 30).replace("_", " ")
        axes.set_title(title, size=9, color=_style.INK, loc="left", parse_math=False)
        axes.set_xlabel("epoch", size=8, color=_style.QUIET)
    return figure


def _chart(width: float, arms: Sequence[str]) -> tuple[Figure, Axes]:
    """Returns dressed axes that leave room for the key on the right."""
    names = [_style.plain(arm) for arm in arms]
    figure = _style.new_figure(width, min(width * 0.62, 4.6) if width > 5 else 3.6)
    right = _style.text_width(names, 9) + 0.4
    axes = _style.place_axes(figure, left=0.4, right=right, top=0.32, bottom=0.5)
    _style.dress(axes)
    axes.set_title("test accuracy (%)", size=9, color=_style.QUIET, loc="left", x=-0.02, pad=8)
    return figure, axes


def _rows(table: Table, arm: str, counts: Sequence[int]) -> list[Mapping[str, Any]]:
    """Returns the rows of an arm that have a mean, at these counts."""
    return [
        row
        for row in table
        if row["arm"] == arm and row["num_labels"] in counts and row.get("mean") is not None
    ]


def _arm_line(
    axes: Axes, places: Sequence[float], rows: Table, arm: str, style: _style.ArmStyle
) -> None:
    """Draws one arm: line, markers, intervals."""
    axes.plot(
        places,
        [row["mean"] for row in rows],
        label=arm,
        color=style.color,
        linestyle=style.dash,
        linewidth=style.width,
        marker=style.marker,
        markersize=5.5 if style.width > 2 else 4.5,
        markeredgewidth=0,
        zorder=style.order,
    )
    axes.vlines(
        places,
        [row["mean"] - (row.get("half_width") or 0.0) for row in rows],
        [row["mean"] + (row.get("half_width") or 0.0) for row in rows],
        color=style.color,
        linewidth=min(style.width, 1.3),
        zorder=style.order,
    )


def _write_counts(axes: Axes, matrix: np.ndarray, shares: np.ndarray, cell: float) -> None:
    """Writes counts other than 0 into the cells where they fit."""
    size = min(9.0, cell * 0.85 / (0.58 * len(f"{matrix.max():.0f}")))
    if size < 5.5:
        return
    for row, column in zip(*np.nonzero(matrix), strict=True):
        color = "white" if shares[row, column] > 0.36 else _style.INK
        axes.text(
            column,
            row,
            f"{matrix[row, column]:.0f}",
            ha="center",
            va="center",
            size=size,
            color=color,
        )
