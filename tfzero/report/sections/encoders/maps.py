"""Where encoders put test images: a map of each init, and the nearest neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfzero.common.arm import Arm
from tfzero.report import formatting
from tfzero.report.canvas import Canvas, Chart
from tfzero.report.inits import describe_init
from tfzero.report.pictures import Image, mosaic
from tfzero.report.run import Reading, Run, load_arrays
from tfzero.report.sections.encoders.figures import feature_map

_READING = "map-"  # and the init: the name of what was recorded
_MOST_ROWS = 10
_WIDTH = 420  # CSS pixels
Arrays = dict[str, np.ndarray]


def list_maps(run: Run, canvas: Canvas, images: Arrays) -> list[dict[str, Any]]:
    """Returns the maps of each init whose features were laid out, or why there is none.

    Args:
        run: The run folder.
        canvas: Draws them.
        images: The small test images, their labels and rows; may be empty.
    """
    found = []
    first = _first_init(run)
    for init in sorted(run.inits, key=lambda init: init != first):
        reading = run.readings.get(f"{_READING}{init}")
        if reading is None:
            continue
        entry: dict[str, Any] = {"name": describe_init(init), "reason": reading.said.get("reason")}
        entry["like"] = None
        arrays = load_arrays(reading.arrays)
        if not images or "pca" not in arrays:
            entry["reason"] = entry["reason"] or "its file is missing"
        else:
            names = run.name_classes(int(images["labels"].max(initial=-1)) + 1)
            entry["charts"] = _map_charts(canvas, init, reading, arrays, images, names)
            entry["neighbours"] = _neighbours(init, arrays, images, names)
            entry["like"] = _likeness(reading)
        found.append(entry)
    return found


def _first_init(run: Run) -> str:
    """Returns the init whose map stands first: the recommended one; empty if there is none."""
    arm = run.recommended.get("arm")
    return Arm.parse(arm).init if arm else ""


def _map_charts(
    canvas: Canvas, init: str, reading: Reading, arrays: Arrays, images: Arrays, names: list[str]
) -> list[Chart]:
    shown = " and ".join(
        formatting.percent(share, 0) for share in reading.said.get("explained", [])
    )
    titles = {
        "tsne": "t-SNE: neighbours on the map are similar; distances between groups mean little.",
        "pca": f"PCA: the two directions of largest variance, {shown} of it.",
    }
    labels = images["labels"]
    keys = {
        f"points-{k}": [
            canvas.say([names[k], f"test image {images['rows'][place]:,}"], thumbnail=int(place))
            for place in np.flatnonzero(labels == k)
        ]
        for k in np.unique(labels).tolist()
    }
    return [
        canvas.chart(
            lambda width, points=arrays[kind]: feature_map(points, labels, names, width=width),
            alt=f"Map of {len(arrays[kind])} test images by the features of {init}, {title} "
            "Colour and marker show the class.",
            caption=title,
            wide=4.2,
            narrow=None,
            keys=keys,
        )
        for kind, title in titles.items()
        if kind in arrays
    ]


def _likeness(reading: Reading) -> str | None:
    """Returns how many nearest neighbours are of the same class, in words."""
    like, chance = reading.said.get("like_neighbours"), reading.said.get("by_chance")
    if like is None:
        return None
    return (
        f"Of the nearest neighbours of a test image, {formatting.percent(like, 0)} have its "
        f"class; by chance it would be {formatting.percent(chance, 0)}."
    )


def _neighbours(init: str, arrays: Arrays, images: Arrays, names: list[str]) -> Image | None:
    if "neighbours" not in arrays or not len(arrays["neighbours"]):
        return None
    queries, nearest = arrays["queries"][:_MOST_ROWS], arrays["neighbours"][:_MOST_ROWS]
    thumbnails, labels = images["thumbnails"], images["labels"]
    words = "; ".join(
        f"{names[labels[query]]}: {(labels[row] == labels[query]).sum()}"
        for query, row in zip(queries, nearest, strict=True)
    )
    return mosaic(
        [thumbnails[[query, *row]] for query, row in zip(queries, nearest, strict=True)],
        alt=f"{len(queries)} test images, each with its {nearest.shape[1]} nearest by the features "
        f"of {init}. Of the same class among them: {words}.",
        caption="A test image, and to its right the images with the nearest features.",
        width=_WIDTH,
        apart=True,
    )
