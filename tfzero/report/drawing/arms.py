"""How an arm looks in every figure: its colour, marker and dash, and the key beside the lines."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tfzero.common.arm import Arm
from tfzero.report.drawing.colors import INK, QUIET
from tfzero.report.drawing.layout import plain, points_wide
from tfzero.report.inits import is_baseline

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SCRATCH = "scratch/finetune"

# Okabe & Ito 2008 and Tol 2021, darkened to a contrast of 3:1 on white. One colour per init,
# the same in every report; strategies of one init differ by marker and dash.
INIT_COLORS = {
    "gan": "#d55e00",
    "vae": "#0072b2",
    "denoising": "#00876a",
    "simclr": "#aa4499",
    "rotation": "#a87900",
    "distillation": "#4d7c0f",
    "supervised": "#882255",
    "public": "#332288",
}
_SPARE_COLORS = ("#117783", "#8c510a", "#5e4fa2", "#999933", "#c51b7d")
_BASELINE_COLORS = ("#868e97", "#6b737c")
# Of a winner that would be gray.
_WINNER_COLOR = "#117783"
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "*")
_DASHES = ("-", (0, (6, 2)), (0, (2, 1.5)), (0, (6, 2, 1.5, 2)), (0, (1, 2)))


@dataclasses.dataclass(frozen=True)
class ArmStyle:
    """How one arm is drawn in every figure of a report.

    `index` is the arm's place in the study. A quiet arm uses no pretrained network: the eye
    compares the others against it. The winner is the one that stands out.
    """

    color: str
    marker: str
    dash: object
    width: float
    order: int
    index: int
    is_quiet: bool = False
    is_winner: bool = False

    @property
    def gid(self) -> str:
        """The name of what is drawn of the arm, by which the page finds it."""
        return f"arm-{self.index}"


def arm_styles(arms: Sequence[str], winner: str | None = None) -> dict[str, ArmStyle]:
    """Returns a style for each arm, no two arms alike.

    Args:
        arms: Names such as `vae/lpft`, in the order of the study.
        winner: The arm that stands out from all others, which are drawn thinner then.
    """
    styles = _styles_alike(arms)
    if winner not in styles:
        return styles
    for arm, style in styles.items():
        thinner = dataclasses.replace(style, width=min(style.width, 1.3))
        styles[arm] = _stand_out(style) if arm == winner else thinner
    return styles


def _stand_out(style: ArmStyle) -> ArmStyle:
    """Returns the winner's style: thick, above all others, and never gray."""
    color = _WINNER_COLOR if style.color in _BASELINE_COLORS else style.color
    return dataclasses.replace(
        style, color=color, dash="-", width=3.4, order=7, is_quiet=False, is_winner=True
    )


def _styles_alike(arms: Sequence[str]) -> dict[str, ArmStyle]:
    colors = dict(INIT_COLORS)
    seen: dict[str, int] = {}
    styles = {}
    for index, arm in enumerate(arms):
        marker = _MARKERS[index % len(_MARKERS)]
        if arm == SCRATCH:
            styles[arm] = ArmStyle(INK, marker, "-", 1.5, 4, index)
            continue
        init = Arm.parse(arm).init
        group = "baseline" if is_baseline(init) else init
        turn = seen[group] = seen.get(group, -1) + 1
        if group == "baseline":
            color = _BASELINE_COLORS[turn % len(_BASELINE_COLORS)]
            dash = _DASHES[1 + turn % 4]
            styles[arm] = ArmStyle(color, marker, dash, 1.1, 3, index, is_quiet=True)
            continue
        if init not in colors:
            spare = len(colors) - len(INIT_COLORS)
            colors[init] = _SPARE_COLORS[spare % len(_SPARE_COLORS)]
        styles[arm] = ArmStyle(colors[init], marker, _DASHES[turn % len(_DASHES)], 2.2, 5, index)
    return styles


def add_key(
    axes: Axes, ends: Mapping[str, tuple[float, float]], styles: Mapping[str, ArmStyle]
) -> None:
    """Writes each arm's name right of the axes, at the height of its point, joined by a line.

    Args:
        axes: Axes whose limits and scales are final.
        ends: The data point each name belongs to.
        styles: From `arm_styles`.
    """
    high = points_wide(axes)[1]
    to_axes = axes.transData + axes.transAxes.inverted()
    wanted = [float(to_axes.transform(point)[1]) for point in ends.values()]
    heights = spread(wanted, 13 / high, 0.0, 1.0)
    for (arm, point), height in zip(ends.items(), heights, strict=True):
        _add_name(axes, arm, styles[arm], point, height)


def _add_name(
    axes: Axes, arm: str, style: ArmStyle, point: tuple[float, float], height: float
) -> None:
    """Writes one arm's name, with its marker, and joins it to a data point."""
    wide = points_wide(axes)[0]
    line = {"arrowstyle": "-", "color": style.color, "linewidth": 0.8, "alpha": 0.7}
    line |= {"linestyle": (0, (1, 2.5)), "shrinkA": 0, "shrinkB": 0}
    start = (1 + 12 / wide, height)
    gid = f"{style.gid}-key"
    lead = axes.annotate(
        "", point, start, "data", "axes fraction", arrowprops=line, annotation_clip=False
    )
    if lead.arrow_patch is not None:
        lead.arrow_patch.set_gid(gid)
    dot = {"s": 26, "marker": style.marker, "color": style.color, "clip_on": False, "gid": gid}
    axes.scatter([1 + 16 / wide], [height], transform=axes.transAxes, **dot)
    axes.text(
        1 + 23 / wide,
        height,
        plain(arm),
        transform=axes.transAxes,
        va="center",
        size=9,
        color=QUIET if style.is_quiet else INK,
        weight="bold" if style.is_winner else "normal",
        parse_math=False,
        gid=gid,
    )


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Moves positions apart by at least `gap`, each as near as can be to where it wants to be.

    Args:
        wanted: Positions in any order.
        gap: Least distance. Made smaller where they would not fit.
        low: Least position allowed.
        high: Greatest position allowed.

    Returns:
        New positions, in the order of `wanted`.
    """
    if not wanted:
        return []
    gap = min(gap, (high - low) / max(len(wanted) - 1, 1))
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    # Pool neighbours that collide; each pool sits at the mean of what its members want.
    pools: list[list[float]] = []
    for rank, index in enumerate(order):
        pools.append([wanted[index] - rank * gap])
        while len(pools) > 1 and _mean(pools[-2]) > _mean(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    starts = [_mean(pool) for pool in pools for _ in pool]
    limit = high - (len(wanted) - 1) * gap
    placed = [0.0] * len(wanted)
    for rank, index in enumerate(order):
        placed[index] = min(max(starts[rank], low), limit) + rank * gap
    return placed


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
