"""Figures as `data:` URIs, so that the page needs no other file."""

from __future__ import annotations

import base64
import dataclasses
import io
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Text stays text, in the reader's font; a fixed salt makes equal figures equal bytes.
_SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "tfzero",
    "text.usetex": False,
    "font.family": "sans-serif",
    "font.sans-serif": ["Arial", "Liberation Sans", "Helvetica", "DejaVu Sans"],
}
# Widths in inches. A phone gets a figure of its own: a wide one, shrunk, could not be read.
WIDE, NARROW = 8.0, 3.7


@dataclasses.dataclass(frozen=True)
class Picture:
    """One figure of the page, in a wide and perhaps a narrow drawing."""

    alt: str
    caption: str
    wide: str
    size: tuple[int, int]
    narrow: str = ""
    narrow_size: tuple[int, int] = (0, 0)


def chart(
    draw: Callable[[float], Figure], *, alt: str, caption: str, wide: float = WIDE
) -> Picture:
    """Draws a chart as SVG, once for wide and once for narrow screens.

    Args:
        draw: Returns the figure for a width in inches.
        alt: What the figure says, for who cannot see it.
        caption: What stands below it.
        wide: Inches on wide screens.
    """
    large, size = _encode(draw, wide, "svg", 72)
    small, narrow_size = _encode(draw, NARROW, "svg", 72)
    return Picture(alt, caption, large, size, small, narrow_size)


def photograph(draw: Callable[[float], Figure], *, alt: str, caption: str, wide: float) -> Picture:
    """Draws a figure made of pixels as PNG, at twice its size on a screen."""
    large, size = _encode(draw, wide, "png", 192)
    return Picture(alt, caption, large, size)


def _encode(
    draw: Callable[[float], Figure], width: float, kind: str, dpi: int
) -> tuple[str, tuple[int, int]]:
    """Returns a `data:` URI and the size in CSS pixels, 96 an inch."""
    import matplotlib

    stream = io.BytesIO()
    # A class called in letters the fonts here lack warns; the reader's fonts may have them.
    with matplotlib.rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = draw(width)
        metadata = {"Date": None} if kind == "svg" else {"Software": None}
        figure.savefig(stream, format=kind, dpi=dpi, transparent=True, metadata=metadata)
    inches = figure.get_size_inches()
    mime = "image/svg+xml" if kind == "svg" else "image/png"
    data = base64.b64encode(stream.getvalue()).decode("ascii")
    return f"data:{mime};base64,{data}", (round(inches[0] * 96), round(inches[1] * 96))
