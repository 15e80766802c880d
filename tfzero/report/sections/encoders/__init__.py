"""What the encoders learnt: maps of features, nearest neighbours, and what methods make."""

from __future__ import annotations

import pathlib
from typing import Any

from tfzero.report.canvas import Canvas
from tfzero.report.run import Run, load_arrays
from tfzero.report.section import Section
from tfzero.report.sections.encoders.generated import method_pictures
from tfzero.report.sections.encoders.maps import list_maps


def build(run: Run, canvas: Canvas) -> dict[str, Any]:
    """Returns what the template shows."""
    # The small test images have no JSON file of their own.
    images = load_arrays(run.folder / "readings" / "images.npz")
    if images:
        canvas.keep_thumbnails(images["thumbnails"])
    return {
        "maps": list_maps(run, canvas, images),
        "methods": method_pictures(run),
        "has_images": bool(images),
    }


SECTION = Section(
    id="encoders",
    title="Encoders",
    template=pathlib.Path(__file__).with_name("section.html"),
    build=build,
)
