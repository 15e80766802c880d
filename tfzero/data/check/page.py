"""One self-contained page of what a check found, with the pictures."""

from __future__ import annotations

import functools
import os
from pathlib import Path

from tfzero.common.page import render_page, write_page_file
from tfzero.common.thumbnails import encode_thumbnail
from tfzero.data.check.findings import CheckResult, Sight

_TEMPLATE = Path(__file__).parent / "templates" / "check.html"


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
    return encode_thumbnail(result.subject.parts[sight.part].images[sight.row])
