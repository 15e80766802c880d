"""A file that an exported model can be tried on: one of the user's own, where there are files."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator

import numpy as np

from tfzero.common.files import atomic_file
from tfzero.data import ImageData
from tfzero.study.records import RunFolder

# Unlabeled files first: these are what a person wants to know the classes of.
_PARTS = ("pool", "test", "train")


def find_example(data: ImageData, run: RunFolder) -> str | None:
    """Returns the path of a file that the study's exported model takes.

    Args:
        data: The images of the study. Where they came as arrays, one of them becomes a PNG file in
            the run folder.
        run: The run folder.

    Returns:
        The path; None where the images are neither from files nor something a PNG file can hold.
    """
    for path in _list_files(data):
        if os.path.isfile(path):
            return path
    channels = data.image_shape[2]
    if data.sound is not None or data.pixel_range is not None or channels not in (1, 3):
        return None
    image = np.asarray(data.test_images[0])
    if not run.example.exists():
        from PIL import Image

        with atomic_file(run.example) as file:
            Image.fromarray(image[..., 0] if channels == 1 else image).save(file, "PNG")
    return str(run.example)


def _list_files(data: ImageData) -> Iterator[str]:
    """Yields where the first files of each part may be: their names are relative to the source."""
    source = pathlib.Path(data.source)
    for part in _PARTS:
        for name in list(data.names.get(part, ())[:1]):
            yield os.path.join(source, name)
            yield os.path.join(source.parent, name)
            yield name
