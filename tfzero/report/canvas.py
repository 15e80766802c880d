"""The figures of one page as it holds them, and what is said of their points."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from tfzero.report.drawing.svg import inline_svg
from tfzero.report.pictures import encode

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Widths in inches. A phone gets a figure of its own: a wide one, shrunk, could not be read.
WIDE, NARROW = 8.0, 3.6


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
class Thumbnails:
    """Small images as one picture, row by row; each is `width` by `height` pixels."""

    source: str
    columns: int
    width: int
    height: int


class Canvas:
    """Draws the figures of one page and keeps what is said of their points.

    Attributes:
        tips: What is said of each point: its lines of text, and perhaps the number of its
            thumbnail.
        thumbnails: The images those numbers count, or None.
    """

    def __init__(self):
        self.tips: list[dict] = []
        self.thumbnails: Thumbnails | None = None
        self._count = itertools.count()

    def say(self, lines: Sequence[str], *, thumbnail: int | None = None) -> int:
        """Returns the number under which the page's script finds what is said of a point."""
        tip: dict = {"lines": list(lines)}
        if thumbnail is not None:
            tip["thumbnail"] = thumbnail
        self.tips.append(tip)
        return len(self.tips) - 1

    def keep_thumbnails(self, images: np.ndarray) -> None:
        """Keeps small images, uint8 `(N, H, W, C)`, that points can show by their number."""
        count, high, wide, _ = images.shape
        columns = max(1, round((count * high / wide) ** 0.5))
        rows = -(-count // columns)
        sheet = np.zeros((rows * columns, *images.shape[1:]), np.uint8)
        sheet[:count] = images
        sheet = sheet.reshape(rows, columns, high, wide, -1).swapaxes(1, 2)
        sheet = sheet.reshape(rows * high, columns * wide, -1)
        self.thumbnails = Thumbnails(encode(sheet), columns, wide, high)

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
        widest = self._draw(draw, wide, keys or {})
        narrowest = None if narrow is None else self._draw(draw, narrow, keys or {})
        return Chart(alt, caption, widest, narrowest, kind, values)

    def _draw(self, draw: Callable[[float], Figure], width: float, keys) -> Markup:
        # Made by matplotlib, which escapes all text: it may stand in the page as it is.
        return Markup(inline_svg(draw(width), prefix=f"f{next(self._count)}-", keys=keys))
