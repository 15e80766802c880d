"""How fast accuracy falls as images get worse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tfzero.report.figures import _style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def robustness(
    accuracy: Mapping[str, Mapping[str, Sequence[float]]], *, arms: Sequence[str],
    width: float = 8.0,
) -> Figure:  # fmt: skip
    """A panel a kind of damage: accuracy in percent against its strength, an arm a line.

    Args:
        accuracy: Arm to kind of damage to percentages: of the images as they are, then at each
            strength.
        arms: All arms of the study, in order; they decide colours and markers.
        width: Inches.
    """
    styles = _style.arm_styles(arms)
    kinds = list(dict.fromkeys(kind for found in accuracy.values() for kind in found))
    columns = min(len(kinds), 4 if width > 5 else 2) or 1
    rows = -(-len(kinds) // columns)
    in_key = max(1, int(width / (_style.text_width(list(accuracy), 9) + 0.6)))
    key = 0.18 * (-(-len(accuracy) // in_key) - 1)  # below its first row
    figure = _style.new_figure(width, 2.05 * rows + 0.3 + key)
    values = [value for found in accuracy.values() for line in found.values() for value in line]
    low, high = min(values, default=0), max(values, default=100)
    wide = width / columns
    for place, kind in enumerate(kinds):
        row, column = divmod(place, columns)
        axes = _style.place_axes(
            figure, left=column * wide + 0.42, right=width - (column + 1) * wide + 0.1,
            top=row * 2.05 + 0.6 + key, bottom=(rows - row - 1) * 2.05 + 0.4,
        )  # fmt: skip
        for arm, found in accuracy.items():
            style = styles[arm]
            axes.plot(
                range(len(found[kind])), found[kind], color=style.color, marker=style.marker,
                markersize=5, linewidth=min(style.width, 1.8), linestyle=style.dash, label=arm,
                markeredgewidth=0,
            )  # fmt: skip
        _style.dress(axes)
        axes.set_ylim(max(low - 4, -1), min(high + 4, 101))
        strengths = ["none", *map(str, range(1, max(len(f[kind]) for f in accuracy.values())))]
        axes.set_xticks(range(len(strengths)), labels=strengths)
        axes.tick_params(labelsize=8)
        axes.set_title(kind, size=9, color=_style.INK, loc="left", parse_math=False)
    handles = figure.axes[0].get_legend_handles_labels() if figure.axes else ([], [])
    figure.legend(*handles, loc="upper left", ncols=in_key, frameon=False, fontsize=9, borderpad=0,
                  bbox_to_anchor=(0.3 / width, 1), labelcolor=_style.INK)  # fmt: skip
    return figure
