"""How figures look: the colour and marker of an arm, bare axes, a key beside the lines."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#1f2933"
QUIET = "#5b6570"
GRID = "#dde1e6"
FAINT = "#a9b2bb"

# Inits without a pretrained network: drawn quietly, so that the eye compares against them.
BASELINE_INITS = ("scratch", "pixels", "kmeans")

# Okabe & Ito 2008 and Tol 2021, darkened to a contrast of 3:1 on white. One colour an init,
# the same in every report; strategies of one init differ by marker and dash.
INIT_COLORS = {
    "gan": "#d55e00",
    "vae": "#0072b2",
    "denoising": "#00876a",
    "simclr": "#aa4499",
    "rotation": "#a87900",
    "supervised": "#882255",
    "public": "#332288",
}
_SPARE_COLORS = ("#117783", "#8c510a", "#5e4fa2", "#999933", "#c51b7d")
_BASELINE_COLORS = ("#868e97", "#6b737c")
# Okabe & Ito 2008, the yellow and the black made fit for white and for dark pages.
_CLASS_COLORS = (
    "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#8a7f00", "#6b737c",
)  # fmt: skip
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "*")
_DASHES = ("-", (0, (6, 2)), (0, (2, 1.5)), (0, (6, 2, 1.5, 2)), (0, (1, 2)))


@dataclasses.dataclass(frozen=True)
class ArmStyle:
    """How one arm is drawn in every figure of a report."""

    color: str
    marker: str
    dash: object
    width: float
    order: int
    index: int


def is_baseline(arm: str) -> bool:
    """Returns whether an arm uses no pretrained network."""
    init = arm.split("/")[0]
    return init in BASELINE_INITS or init.startswith("scratch")


def arm_styles(arms: Sequence[str]) -> dict[str, ArmStyle]:
    """Returns a style for each arm, no two arms alike.

    Args:
        arms: Names such as `vae/lpft`, in the order of the study.
    """
    colors = dict(INIT_COLORS)
    seen: dict[str, int] = {}
    styles = {}
    for index, arm in enumerate(arms):
        marker = _MARKERS[index % len(_MARKERS)]
        if arm == "scratch/finetune":
            styles[arm] = ArmStyle(INK, marker, "-", 1.5, 4, index)
            continue
        init = arm.split("/")[0]
        group = "baseline" if is_baseline(arm) else init
        turn = seen[group] = seen.get(group, -1) + 1
        if group == "baseline":
            color = _BASELINE_COLORS[turn % len(_BASELINE_COLORS)]
            styles[arm] = ArmStyle(color, marker, _DASHES[1 + turn % 4], 1.1, 3, index)
            continue
        if init not in colors:
            spare = len(colors) - len(INIT_COLORS)
            colors[init] = _SPARE_COLORS[spare % len(_SPARE_COLORS)]
        styles[arm] = ArmStyle(colors[init], marker, _DASHES[turn % len(_DASHES)], 2.2, 5, index)
    return styles


def class_styles(count: int) -> list[tuple[str, str]]:
    """Returns a colour and a marker for each class; all pairs of the first 88 differ."""
    return [(_CLASS_COLORS[k % 8], _MARKERS[k % 11]) for k in range(count)]


def plain(text: object, limit: int = 24) -> str:
    """Returns text that an SVG can hold: printable, and of at most `limit` characters.

    What is too long loses its middle: names that begin alike often end in what tells them apart.
    """
    printable = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text))
    if len(printable) <= limit:
        return printable
    end = (limit - 1) // 3
    return f"{printable[: limit - 1 - end]}…{printable[len(printable) - end :]}"


def luminance(color: Sequence[float]) -> float:
    """Returns the relative luminance of red, green and blue in 0..255 (WCAG 2.2)."""
    parts = [part / 255 for part in color]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def text_on(color: Sequence[float], alpha: float) -> str:
    """Returns black or white, whichever is easier to read on a colour laid over white."""
    blended = [255 - alpha * (255 - part) for part in color]
    # Where both have the same contrast, 4.6.
    return "#ffffff" if luminance(blended) < 0.179 else "#000000"


def text_width(texts: Sequence[str], size: float) -> float:
    """Returns about how many inches the longest of `texts` takes at `size` points."""
    return max((len(text) for text in texts), default=0) * 0.56 * size / 72


def new_figure(width: float, height: float) -> Figure:
    """Returns an empty white figure, in inches, that no global state knows of."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), facecolor="white")


def place_axes(figure: Figure, *, left: float, right: float, top: float, bottom: float) -> Axes:
    """Returns axes that leave these margins, in inches."""
    width, height = figure.get_size_inches()
    wide, high = max(width - left - right, 0.5), max(height - top - bottom, 0.5)
    return figure.add_axes((left / width, bottom / height, wide / width, high / height))


def dress(axes: Axes) -> None:
    """Removes the box and leaves horizontal lines to read values by."""
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(QUIET)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(axis="both", which="both", labelsize=9, colors=QUIET, length=0, pad=5)
    axes.tick_params(axis="x", which="major", length=3)


def points_wide(axes: Axes) -> tuple[float, float]:
    """Returns the width and height of axes in points."""
    width, height = axes.get_figure().get_size_inches()  # type: ignore[union-attr]
    box = axes.get_position()
    return box.width * width * 72, box.height * height * 72


def percent_limits(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """Sets the vertical limits around means and intervals, within 0 to 100."""
    if not rows:
        axes.text(0.5, 0.5, "no results", transform=axes.transAxes, ha="center", color=QUIET)
        axes.set_ylim(0, 100)
        return
    low = min(row["mean"] - (row.get("half_width") or 0) for row in rows)
    high = max(row["mean"] + (row.get("half_width") or 0) for row in rows)
    room = max(0.05 * (high - low), 1.0)
    axes.set_ylim(max(low - room, -0.5), min(high + room, 100.5))


def log_ticks(axes: Axes, places: Sequence[float], labels: Sequence[str]) -> None:
    """Makes the horizontal axis logarithmic with exactly these plain ticks."""
    from matplotlib.ticker import NullLocator

    axes.set_xscale("log")
    axes.set_xticks(list(places), labels=list(labels))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlim(min(places) / 1.25, max(places) * 1.25)
    if len(places) > 1:
        wide = points_wide(axes)[0]
        total = math.log(max(places) / min(places) * 1.25**2)
        gaps = [math.log(b / a) / total * wide for a, b in zip(places, places[1:], strict=False)]
        if min(gaps) < max(map(len, labels)) * 5.5 + 4:
            _turn_labels(axes, max(map(len, labels)) * 5.5 - 6)


def _turn_labels(axes: Axes, points: float) -> None:
    """Turns the labels of the horizontal axis upright, lifting the axes to make room."""
    axes.tick_params(axis="x", labelrotation=90)
    box = axes.get_position()
    lift = points / points_wide(axes)[1] * box.height
    axes.set_position((box.x0, box.y0 + lift, box.width, box.height - lift))


def time_ticks(low: float, high: float, most: int) -> list[tuple[float, str]]:
    """Returns at least one and at most `most` round times between two, in seconds, and in words."""
    units = (("s", 1.0), ("min", 60.0), ("h", 3600.0), ("days", 86400.0))
    known = [(0.001, "1 ms"), (0.01, "10 ms"), (0.1, "0.1 s")]
    for place, (unit, scale) in enumerate(units):
        limit = units[place + 1][1] if place + 1 < len(units) else float("inf")
        for number in (1, 3, 10, 30, 100, 300, 1000):
            if number * scale < limit and (number < 60 or unit == "days"):
                known.append((number * scale, f"{number} {unit}"))
    inside = [tick for tick in known if low <= tick[0] <= high]
    if not inside:
        middle = math.sqrt(low * high)
        unit, scale = next((u for u in reversed(units) if u[1] <= middle), units[0])
        return [(middle, f"{middle / scale:.3g} {unit}")]
    return inside[:: math.ceil(len(inside) / most)]


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


def add_key(
    axes: Axes, ends: Mapping[str, tuple[float, float]], styles: Mapping[str, ArmStyle]
) -> None:
    """Writes each arm's name right of the axes, at the height of its point, joined by a line.

    Args:
        axes: Axes whose limits and scales are final.
        ends: The data point each name belongs to.
        styles: From `arm_styles`.
    """
    wide, high = points_wide(axes)
    to_axes = axes.transData + axes.transAxes.inverted()
    wanted = [float(to_axes.transform(point)[1]) for point in ends.values()]
    heights = spread(wanted, 13 / high, 0.0, 1.0)
    for (arm, point), height in zip(ends.items(), heights, strict=True):
        style = styles[arm]
        line = {"arrowstyle": "-", "color": style.color, "linewidth": 0.8, "alpha": 0.7}
        line |= {"linestyle": (0, (1, 2.5)), "shrinkA": 0, "shrinkB": 0}
        start = (1 + 12 / wide, height)
        gid = f"arm-{style.index}-key"
        lead = axes.annotate(
            "", point, start, "data", "axes fraction", arrowprops=line, annotation_clip=False
        )
        if lead.arrow_patch is not None:
            lead.arrow_patch.set_gid(gid)
        dot = {"s": 26, "marker": style.marker, "color": style.color, "clip_on": False, "gid": gid}
        axes.scatter([1 + 16 / wide], [height], transform=axes.transAxes, **dot)
        is_quiet = is_baseline(arm) and arm != "scratch/finetune"
        axes.text(
            1 + 23 / wide,
            height,
            plain(arm),
            transform=axes.transAxes,
            va="center",
            size=9,
            color=QUIET if is_quiet else INK,
            parse_math=False,
            gid=gid,
        )


def lay_out(
    rows: Sequence[np.ndarray], columns: int, *, apart: bool = False
) -> tuple[np.ndarray, list[float]]:
    """Lays rows of images out on nothing.

    Args:
        rows: uint8 `(n, H, W, C)` each.
        columns: Places a row.
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


def show_pixels(axes: Axes, mosaic: np.ndarray) -> None:
    """Fills the axes with an image, without smoothing or frame."""
    axes.imshow(mosaic, interpolation="nearest", aspect="auto")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
