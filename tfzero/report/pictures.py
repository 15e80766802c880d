"""Images as the page holds them: nothing is in another file."""

from __future__ import annotations

import base64
import dataclasses
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image as Pixels

from tfzero.report.drawing.mosaic import lay_out

# Gray images stay whole; of colour nobody sees the difference, and it is a sixth of the size.
_QUALITY = 85
# CSS pixels of one image among others.
_LARGEST = 96


@dataclasses.dataclass(frozen=True)
class Image:
    """One picture made of pixels, shown enlarged and sharp."""

    alt: str
    caption: str
    source: str
    size: tuple[int, int]


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
