"""A data set as a notebook shows it: counts, and sample images."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping, Sequence

import numpy as np

from tfzero.common.page import render_page
from tfzero.common.thumbnails import encode_thumbnail
from tfzero.common.version import __version__
from tfzero.data.overview import list_samples, spread_rows

_TEMPLATE = pathlib.Path(__file__).parent / "templates" / "data.html"


def render_data(
    name: str,
    image_shape: tuple[int, int, int],
    *,
    parts: Mapping[str, np.ndarray],
    class_names: Sequence[str],
    images: np.ndarray,
    pool: np.ndarray | None,
    notes: Sequence[str] = (),
) -> str:
    """Returns HTML for the output of a notebook's cell, light and dark.

    Args:
        name: Of the data set.
        image_shape: `(H, W, C)`.
        parts: By name of a part its labels, int `(N,)`; the first is that of `images`.
        class_names: K names.
        images: uint8 `(N, H, W, C)`, those of the first part, of which some are shown.
        pool: uint8 `(P, H, W, C)`; None where the pool is the training images.
        notes: Sentences on what was done on loading.
    """
    counts = {
        part: np.bincount(labels, minlength=len(class_names)) for part, labels in parts.items()
    }
    first = next(iter(parts.values()))
    samples = list(list_samples(first, class_names))
    shown = {sample.name for sample in samples}
    rows = [
        {
            "name": sample.name,
            "counts": [
                int(found[list(class_names).index(sample.name)]) for found in counts.values()
            ],
            "pictures": [encode_thumbnail(images[row]) for row in sample.rows],
        }
        for sample in samples
    ]
    unlabeled = []
    if pool is not None:
        unlabeled = [encode_thumbnail(pool[row]) for row in spread_rows(np.arange(len(pool)))]
    values = {
        "name": name,
        "version": __version__,
        "size": "x".join(str(side) for side in image_shape),
        "totals": {part: len(labels) for part, labels in parts.items()},
        "num_pool": len(images) if pool is None else len(pool),
        "pool_is_train": pool is None,
        "rows": rows,
        "unlabeled": unlabeled,
        "num_classes": len(class_names),
        "num_hidden": len(class_names) - len(shown),
        "notes": list(notes),
    }
    return render_page(_TEMPLATE, values)
