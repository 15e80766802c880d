"""One self-contained page of the images to label, in the order of the table."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np

from tfzero.common.files import write_text_file
from tfzero.common.numbers import count_of
from tfzero.common.page import render_page
from tfzero.common.thumbnails import encode_image_file, encode_thumbnail
from tfzero.common.version import __version__
from tfzero.data.collection import Part
from tfzero.export.sights import encode_clip
from tfzero.jobs.style import read_style
from tfzero.jobs.suggesting import Chosen

_TEMPLATE = pathlib.Path(__file__).parent / "templates" / "suggest.html"
# Images of each kind on a page. More would make it slow to open; the table has all.
MOST_SHOWN = 500


def write_suggestions_page(path: pathlib.Path, pool: pathlib.Path, chosen: Chosen) -> None:
    """Writes the page; it needs no network and no file beside it.

    Args:
        path: The HTML file.
        pool: The folder that the images lie in.
        chosen: What to show.

    Raises:
        StopError: If the file cannot be written.
    """
    count = len(chosen.suggested.images)
    stands_for = [count_of(size, "image") for size in chosen.sizes]
    values = {
        "name": pool.resolve().name,
        "version": __version__,
        "style": read_style(),
        "title": chosen.title,
        "features": chosen.features,
        "suggested": _describe(pool, chosen.suggested, first=1, stands_for=stands_for),
        "num_suggested": count,
        "test": [] if chosen.test is None else _describe(pool, chosen.test, first=count + 1),
        "num_test": 0 if chosen.test is None else len(chosen.test.images),
        "notes": chosen.notes,
    }
    write_text_file(path, render_page(_TEMPLATE, values))


def _describe(
    pool: pathlib.Path, part: Part, *, first: int, stands_for: list[str] | None = None
) -> list[dict[str, Any]]:
    """Returns what the page shows of the first images of a part."""
    shown = []
    for row in range(min(MOST_SHOWN, len(part.images))):
        path = pool / part.names[row]
        is_clip = path.suffix.lower() == ".wav"
        picture = "" if is_clip else encode_image_file(path)
        shown.append(
            {
                "number": first + row,
                "name": part.names[row],
                # What Pillow cannot show is shown as features see it.
                "picture": picture or encode_thumbnail(np.asarray(part.images[row])),
                "sound": encode_clip(path) if is_clip else "",
                "stands_for": "" if stands_for is None else stands_for[row],
            }
        )
    return shown
