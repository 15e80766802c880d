"""Figures and images as the page holds them: nothing is in another file."""

from __future__ import annotations

import base64
import dataclasses
import io
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from tfzero.report._svg import inline_svg

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Widths in inches. A phone gets a figure of its own: a wide one, shrunk, could not be read.
WIDE, NARROW = 8.0, 3.6
# Gray images stay whole; of colour nobody sees the difference, and it is a sixth of the size.
_QUALITY = 85
# CSS pixels of one image among others.
_LARGEST = 96


@dataclasses.dataclass(frozen=True)
class Chart:
    """One figure of the page, in a wide and perhaps a narrow drawing.

    `kind` says how the page's script answers a pointer: "points", "matrix" or not at all.
    """

    alt: str
    caption: str
    wide: Markup
    narrow: Markup | None = None
    kind: str = ""
    values: str = ""


@dataclasses.dataclass(frozen=True)
class Image:
    """One picture made of pixels, shown enlarged and sharp."""

    alt: str
    caption: str
    source: str
    size: tuple[int, int]


class Canvas:
    """Draws the figures of one page and keeps what is said of their points.

    Attributes:
        tips: What is said of each point: its lines of text, and perhaps the number of its
            thumbnail.
    """

    def __init__(self):
        self.tips: list[dict] = []
        self._count = itertools.count()

    def say(self, lines: Sequence[str], *, thumbnail: int | None = None) -> int:
        """Returns the number under which the page's script finds what is said of a point."""
        tip: dict = {"lines": list(lines)}
        if thumbnail is not None:
            tip["thumbnail"] = thumbnail
        self.tips.append(tip)
        return len(self.tips) - 1

    def chart(
        self,
        draw: Callable[[float], Figure],
        *,
        alt: str,
        caption: str,
        wide: float = WIDE,
        narrow: float | None = NARROW,
        keys: Mapping[str, Sequence[int]] | None = None,
        kind: str = "",
        values: str = "",
    ) -> Chart:
        """Draws a chart, once for wide and once for narrow screens.

        Args:
            draw: Returns the figure for a width in inches.
            alt: What the figure says, for who cannot see it.
            caption: What stands below it.
            wide: Inches on wide screens.
            narrow: Inches on narrow ones; None shrinks the wide drawing.
            keys: See `inline_svg`.
            kind: See `Chart`.
            values: What the script needs to know of it, as JSON.
        """
        kind = kind or ("points" if keys else "")
        drawings = [
            None if width is None else self._draw(draw, width, keys or {})
            for width in (wide, narrow)
        ]
        assert drawings[0] is not None
        return Chart(alt, caption, drawings[0], drawings[1], kind, values)

    def _draw(self, draw: Callable[[float], Figure], width: float, keys) -> Markup:
        # Made by matplotlib, which escapes all text: it may stand in the page as it is.
        return Markup(inline_svg(draw(width), prefix=f"f{next(self._count)}-", keys=keys))


def mosaic(
    rows: Sequence[np.ndarray], *, alt: str, caption: str, width: int, apart: bool = False
) -> Image:
    """Returns rows of images as one picture.

    Args:
        rows: uint8 `(n, H, W, C)` each.
        alt: What it shows, for who cannot see it.
        caption: What stands below it.
        width: Most CSS pixels it is shown in.
        apart: Whether the first column is set apart.
    """
    from tfzero.report.figures._style import lay_out

    columns = max(len(row) for row in rows)
    pixels, _ = lay_out(rows, columns, apart=apart)
    return picture(pixels, alt=alt, caption=caption, width=min(width, columns * _LARGEST))


def picture(pixels: np.ndarray, *, alt: str, caption: str, width: int) -> Image:
    """Returns pixels as a picture at most `width` CSS pixels wide."""
    scale = width / pixels.shape[1]
    if scale > 2:
        scale = min(12.0, float(int(scale)))  # whole factors keep squares square
    size = round(pixels.shape[1] * scale), round(pixels.shape[0] * scale)
    return Image(alt, caption, encode(pixels), size)


def encode(pixels: np.ndarray) -> str:
    """Returns uint8 `(H, W, 1, 3 or 4)` as a `data:` address: PNG for gray, else WebP."""
    from PIL import Image as Pixels

    pixels = np.asarray(pixels)
    color = pixels.shape[-1] >= 3 and not (
        (pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 0] == pixels[..., 2]).all()
    )
    stream = io.BytesIO()
    if color:
        Pixels.fromarray(pixels).save(stream, "WEBP", quality=_QUALITY, method=4)
    else:
        opaque = pixels.shape[-1] != 4 or (pixels[..., 3] == 255).all()
        gray = pixels[..., 0] if opaque else np.ascontiguousarray(pixels[..., [0, 3]])
        Pixels.fromarray(gray, "L" if opaque else "LA").save(stream, "PNG", optimize=True)
    kind = "webp" if color else "png"
    return f"data:image/{kind};base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"
