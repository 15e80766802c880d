"""Accuracy against labels and against time, an arm a line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tfzero.report.figures import _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SCRATCH = "scratch/finetune"
Table = Sequence[Mapping[str, Any]]


def label_efficiency(
    table: Table,
    *,
    arms: Sequence[str],
    label_counts: Sequence[int],
    saved: Table = (),
    crossovers: Table = (),
    width: float = 8.0,
) -> Figure:
    """Test accuracy against the number of labels, an arm a line.

    Vertical bars are 95 % intervals. Arms are set apart sideways by a few percent of a label
    count, so that their bars do not hide one another. Arms without pretraining are drawn quietly,
    without a band, `scratch/finetune` always dark.

    Args:
        table: Rows with `arm`, `num_labels`, `mean` and `half_width` in percent (the latter
            may be None). An arm may lack some counts, or have none: it is then left out.
        arms: Which arms, in the order of the study; the order decides the markers.
        label_counts: Ticks of the axis.
        saved: Entries of `labels_saved` of a verdict: an arrow of the arm's colour leads from its
            point to where scratch has as many labels as it takes to do as well. Those that are
            censored are left out.
        crossovers: Entries of `crossovers` of a verdict: an upright line where an arm falls
            behind scratch.
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
        _arm_line(axes, places, rows, arm, styles[arm], gid=f"arm-{index}")
        if arm == SCRATCH or not _style.is_baseline(arm):
            _band(axes, places, rows, styles[arm], gid=f"arm-{index}-band")
        ends[arm] = (places[-1], rows[-1]["mean"])
        drawn += rows
    _style.percent_limits(axes, drawn)
    _mark_saved(axes, table, saved, arms, styles)
    _mark_crossovers(axes, crossovers, arms, styles)
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
    for index, arm in enumerate(arms):
        for row in _rows(table, arm, [num_labels])[:1]:
            if row.get("transfer_seconds") is None:
                continue
            # A logarithm has no 0; a millisecond is below what a run can measure.
            transfer = max(float(row["transfer_seconds"]), 1e-3)
            total = transfer + float(row.get("pretrain_seconds") or 0)
            color = styles[arm].color
            axes.plot([transfer, total], [row["mean"]] * 2, color=color, alpha=0.35, linewidth=2,
                      gid=f"arm-{index}-tail")  # fmt: skip
            _arm_line(axes, [total], [row], arm, styles[arm], gid=f"arm-{index}")
            ends[arm] = (total, row["mean"])
            drawn.append((row, transfer, total))
    low = min((start for _, start, _ in drawn), default=1.0) / 1.5
    high = max((end for _, _, end in drawn), default=1.0) * 1.5
    ticks = _style.time_ticks(low, high, 6 if width > 5 else 3)
    _style.log_ticks(axes, [tick for tick, _ in ticks], [words for _, words in ticks])
    axes.set_xlim(low, high)
    what = "pretraining and transfer" if width > 5 else "time"  # what has room below the axis
    axes.set_xlabel(f"{what} (log scale)", size=9, color=_style.QUIET)
    _style.percent_limits(axes, [row for row, _, _ in drawn])
    _style.add_key(axes, ends, styles)
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
    axes: Axes, places: Sequence[float], rows: Table, arm: str, style: _style.ArmStyle, *, gid: str
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
        gid=gid,
    )
    axes.vlines(
        places,
        [row["mean"] - (row.get("half_width") or 0.0) for row in rows],
        [row["mean"] + (row.get("half_width") or 0.0) for row in rows],
        color=style.color,
        linewidth=min(style.width, 1.3),
        zorder=style.order,
        gid=f"{gid}-bars",
    )


def _band(axes: Axes, places, rows: Table, style: _style.ArmStyle, *, gid: str) -> None:
    """Fills between the ends of the intervals."""
    axes.fill_between(
        places,
        [row["mean"] - (row.get("half_width") or 0.0) for row in rows],
        [row["mean"] + (row.get("half_width") or 0.0) for row in rows],
        color=style.color,
        alpha=0.09,
        linewidth=0,
        zorder=1,
        gid=gid,
    )


def _mark_saved(axes: Axes, table: Table, saved: Table, arms, styles) -> None:
    """Draws an arrow from each arm's point to as far right as scratch must go for as much."""
    means = {(row["arm"], row["num_labels"]): row.get("mean") for row in table}
    for entry in saved:
        arm, count = entry["arm"], entry["num_labels"]
        height = means.get((arm, count))
        if arm not in styles or height is None or entry.get("bound") is not None:
            continue
        if abs(math.log(entry["labels"] / count)) < 0.05:
            continue  # too short to see
        line = {"arrowstyle": "->", "color": styles[arm].color, "linewidth": 1.1}
        line |= {"linestyle": (0, (1, 1.5)), "shrinkA": 0, "shrinkB": 0}
        mark = axes.annotate("", (entry["labels"], height), (count, height), arrowprops=line,
                             zorder=6)  # fmt: skip
        if mark.arrow_patch is not None:
            mark.arrow_patch.set_gid(f"arm-{arms.index(arm)}-saved")


def _mark_crossovers(axes: Axes, crossovers: Table, arms, styles) -> None:
    """Draws an upright line where an arm falls behind scratch; whole where it is shown."""
    for entry in crossovers:
        if entry["arm"] in styles:
            axes.axvline(
                entry["num_labels"], color=styles[entry["arm"]].color, linewidth=1, zorder=2,
                linestyle="-" if entry.get("shown") else (0, (1, 3)),
                gid=f"arm-{arms.index(entry['arm'])}-crossover",
            )  # fmt: skip
