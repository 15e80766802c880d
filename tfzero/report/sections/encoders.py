"""What the encoders learnt: maps of features, nearest neighbours, and what methods make."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfzero.report import _format, _pictures, figures
from tfzero.report._pictures import Canvas, Chart, Image
from tfzero.report._read import Reading, Run, load_arrays
from tfzero.report.figures.images import pair_rows

# Images shown of one encoder: enough to judge by, and a page of bearable size.
_MOST_IMAGES, _MOST_LARGE_IMAGES, _LARGE_SIDE = 64, 24, 64
_MOST_ROWS = 10
_WIDTH = 420  # CSS pixels
_INITS = {
    "scratch": "random weights",
    "pixels": "raw pixels",
    "kmeans": "k-means patches",
}


def sprite(run: Run) -> dict[str, Any] | None:
    """Returns all small test images as one picture, and how to find one in it."""
    found = _images(run)
    if found is None:
        return None
    thumbnails = found["thumbnails"]
    count, high, wide, _ = thumbnails.shape
    columns = max(1, round((count * high / wide) ** 0.5))
    rows = -(-count // columns)
    sheet = np.zeros((rows * columns, *thumbnails.shape[1:]), np.uint8)
    sheet[:count] = thumbnails
    sheet = sheet.reshape(rows, columns, high, wide, -1).swapaxes(1, 2)
    sheet = sheet.reshape(rows * high, columns * wide, -1)
    return {"source": _pictures.encode(sheet), "columns": columns, "width": wide, "height": high}


def maps(run: Run, canvas: Canvas) -> list[dict[str, Any]]:
    """Returns the maps of each init whose features were laid out, or why there is none."""
    images = _images(run)
    found = []
    shown = str((run.verdict.get("recommended") or {}).get("arm")).partition("/")[0]
    if f"map-{shown}" not in run.readings:
        shown = next((name[4:] for name in run.readings if name.startswith("map-")), "")
    for init in dict.fromkeys(arm.partition("/")[0] for arm in run.study["arms"]):
        reading = run.readings.get(f"map-{init}")
        if reading is None:
            continue
        name = f"{init} ({_INITS[init]})" if init in _INITS else init
        entry: dict[str, Any] = {"name": name, "reason": reading.said.get("reason")}
        entry |= {"is_open": init == shown, "like": None}
        arrays = load_arrays(reading.arrays)
        if images is None or "pca" not in arrays:
            entry["reason"] = entry["reason"] or "its file is missing"
        else:
            entry |= _maps_of(run, canvas, init, reading, arrays, images)
        found.append(entry)
    return found


def _maps_of(run: Run, canvas: Canvas, init: str, reading: Reading, arrays, images) -> dict:
    names = class_names(run, images["labels"])
    said = reading.said
    like, chance = said.get("like_neighbours"), said.get("by_chance")
    charts = []
    titles = {"tsne": "t-SNE: keeps near what is near; distances between groups mean little."}
    shown = " and ".join(_format.percent(share, 0) for share in said.get("explained", []))
    titles["pca"] = f"PCA: the two directions of most variance, {shown} of it."
    keys = {
        f"points-{k}": [
            canvas.say([names[k], f"test image {images['rows'][place]:,}"], thumbnail=int(place))
            for place in np.flatnonzero(images["labels"] == k)
        ]
        for k in np.unique(images["labels"]).tolist()
    }
    for kind, title in titles.items():
        if kind in arrays:
            charts.append(_map_chart(canvas, init, kind, title, arrays[kind], images, names, keys))
    neighbours = _neighbours(init, arrays, images, names)
    return {
        "charts": charts,
        "neighbours": neighbours,
        "like": None
        if like is None
        else f"Of the nearest neighbours of a test image, {_format.percent(like, 0)} are of its "
        f"class; by chance {_format.percent(chance, 0)} would be.",
    }


def _map_chart(canvas: Canvas, init, kind, title, points, images, names, keys) -> Chart:
    return canvas.chart(
        lambda width: figures.feature_map(points, images["labels"], names, width=width),
        alt=f"Map of {len(points)} test images by the features of {init}, {title} "
        f"Colour and marker are the class.",
        caption=title,
        wide=4.2,
        narrow=None,
        keys=keys,
    )


def _neighbours(init: str, arrays, images, names: list[str]) -> Image | None:
    if "neighbours" not in arrays or not len(arrays["neighbours"]):
        return None
    queries, nearest = arrays["queries"][:_MOST_ROWS], arrays["neighbours"][:_MOST_ROWS]
    thumbnails, labels = images["thumbnails"], images["labels"]
    words = "; ".join(
        f"{names[labels[query]]}: {(labels[row] == labels[query]).sum()}"
        for query, row in zip(queries, nearest, strict=True)
    )
    return _pictures.mosaic(
        [thumbnails[[query, *row]] for query, row in zip(queries, nearest, strict=True)],
        alt=f"{len(queries)} test images, each with its {nearest.shape[1]} nearest by the features "
        f"of {init}. Of the same class among them: {words}.",
        caption="A test image, and right of it those whose features are nearest.",
        width=_WIDTH,
        apart=True,
    )


def class_names(run: Run, labels: np.ndarray) -> list[str]:
    """Returns a name for every class there is, numbers for those without."""
    names = run.class_names
    largest = int(labels.max(initial=-1))
    return names + [str(k) for k in range(len(names), largest + 1)]


def method_pictures(run: Run) -> list[dict[str, Any]]:
    """Returns, for each method, what the encoder of its first replicate makes."""
    sections = []
    for method in dict.fromkeys(encoder.method for encoder in run.encoders):
        encoder = next(found for found in run.encoders if found.method == method)
        shown = _encoder_images(method, load_arrays(encoder.arrays))
        if shown:
            sections.append({"method": method, "replicate": encoder.replicate, "pictures": shown})
    return sections


def _encoder_images(method: str, arrays: dict[str, np.ndarray]) -> list[Image]:
    """Returns pictures of whatever a method stored."""
    pictures = []
    samples = arrays.get("samples")
    if samples is not None and len(samples):
        most = _MOST_LARGE_IMAGES if max(samples.shape[1:3]) > _LARGE_SIDE else _MOST_IMAGES
        shown = samples[:most]
        pictures.append(
            _pictures.mosaic(
                [shown[start : start + 8] for start in range(0, len(shown), 8)],
                alt=f"{len(shown)} images drawn from the {method} decoder.",
                caption="Samples: images that the decoder invents from random codes.",
                width=_WIDTH,
            )
        )
    originals, restored = arrays.get("originals"), arrays.get("reconstructions")
    if originals is not None and restored is not None and len(originals):
        shown = min(16, len(originals))
        pictures.append(
            _pictures.mosaic(
                pair_rows(originals[:shown], restored[:shown], 4),
                alt=f"{shown} images, each above its reconstruction by {method}.",
                caption="Reconstructions: each image above what is left of it after its code.",
                width=_WIDTH,
            )
        )
    told = {
        "traversals": "Traversals: along a row one latent alone goes from −3 to 3 standard "
        "deviations; the latents that change the picture most come first.",
        "interpolations": "Interpolations: from one random code to another, on the great circle "
        "between them.",
    }
    for name, caption in told.items():
        if name in arrays:
            pictures.append(
                _pictures.picture(
                    arrays[name],
                    alt=f"Grid of images that the {method} decoder makes: {name}.",
                    caption=caption,
                    width=_WIDTH,
                )
            )
    return pictures


def _images(run: Run) -> dict[str, np.ndarray] | None:
    """Returns the small test images; they have no JSON file of their own."""
    return load_arrays(run.folder / "readings" / "images.npz") or None
