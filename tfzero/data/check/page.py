"""One self-contained page of what a check found, with the pictures."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tfzero.common.files import write_text_file
from tfzero.common.page import render_page
from tfzero.common.thumbnails import encode_thumbnail
from tfzero.common.version import __version__
from tfzero.data.check.findings import CheckResult, Sight
from tfzero.data.overview import MOST_BARS, count_sizes, list_samples, spread_rows

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
    values = {
        "result": result,
        "style": style,
        "version": __version__,
        "picture": functools.partial(_encode, result),
        "samples": list(_list_samples(result)),
        "bars": count_sizes(result.sizes) if len(result.sizes) > 1 else [],
        "sides_alone": len(result.sizes) > MOST_BARS,
    }
    page = render_page(_TEMPLATE, values)
    write_text_file(Path(path), page)


def _list_samples(result: CheckResult) -> Iterator[tuple[str, int, list[str]]]:
    """Yields classes, and the unlabeled images, each with its number of images and pictures."""
    for part in result.subject.parts.values():
        if part.labels is None:
            continue
        for samples in list_samples(part.labels, result.subject.class_names):
            pictures = [encode_thumbnail(part.images[row]) for row in samples.rows]
            yield samples.name, samples.count, pictures
        break  # the test images look alike
    pool = result.subject.parts.get("pool")
    if pool is not None and len(pool.images):
        rows = spread_rows(np.arange(len(pool.images)))
        yield "unlabeled", len(pool.images), [encode_thumbnail(pool.images[row]) for row in rows]


def _encode(result: CheckResult, sight: Sight) -> str:
    return encode_thumbnail(result.subject.parts[sight.part].images[sight.row])
