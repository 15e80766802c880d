"""One self-contained page of what a check found, with the pictures."""

from __future__ import annotations

import base64
import functools
import io
import os
from pathlib import Path

import numpy as np
from PIL import Image

from tfzero.common.page import render_page, write_page_file
from tfzero.data.check.findings import CheckResult, Sight

_TEMPLATE = Path(__file__).parent / "templates" / "check.html"
_SMALLEST_SIDE, _LARGEST_SIDE = 72, 128  # Pixels of a picture on the page.


def write_page(result: CheckResult, path: str | os.PathLike[str], *, style: str = "") -> None:
    """Writes the page, whole or not at all; it needs no network and no file beside it.

    Args:
        result: What was found.
        path: The HTML file.
        style: CSS that comes before the page's own.

    Raises:
        StopError: If the file cannot be written.
    """
    values = {"result": result, "style": style, "picture": functools.partial(_encode, result)}
    page = render_page(_TEMPLATE, values)
    write_page_file(Path(path), page)


def _encode(result: CheckResult, sight: Sight) -> str:
    """Returns an image as a data address, enlarged by whole factors so that pixels stay sharp."""
    pixels = np.asarray(result.subject.parts[sight.part].images[sight.row])
    if pixels.shape[-1] not in (1, 3):
        pixels = pixels[..., :1]
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    image.thumbnail((_LARGEST_SIDE, _LARGEST_SIDE))
    factor = max(1, -(-_SMALLEST_SIDE // max(image.size)))
    enlarged = (image.width * factor, image.height * factor)
    stream = io.BytesIO()
    image.resize(enlarged, Image.Resampling.NEAREST).save(stream, "PNG")
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
