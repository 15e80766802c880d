"""What is done to files before a model sees them, in sentences."""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Iterator, Sequence

import PIL.ExifTags
import PIL.Image

from tfzero.data.clips import read_clip_header
from tfzero.export.fresh_process import SPEC_FILE
from tfzero.export.layout import find_version

_HOW = {"stretch": "stretched", "pad": "padded and reduced", "crop": "cropped and reduced"}
# Orientations from here on stand for a picture that lies on its side.
_LYING = 5


def describe_changes(
    directory: str | os.PathLike[str], paths: Sequence[pathlib.Path]
) -> Iterator[str]:
    """Yields sentences on files that are not as the model takes them: size, colour, rate.

    Args:
        directory: The exported model, as in `predict_files`.
        paths: Files that it has classified.
    """
    spec = json.loads((find_version(directory) / SPEC_FILE).read_text("utf-8"))
    if spec.get("sound"):
        yield from _describe_rates(spec["sound"]["rate"], paths)
        return
    height, width, channels = spec["image_shape"]
    found = [(path, *_read_header(path)) for path in paths]
    other = [(path, size) for path, size, _ in found if size != (width, height)]
    if other:
        path, size = other[0]
        how = _HOW[spec.get("resize", "stretch")]
        yield (
            f"{len(other):,} of {len(paths):,} images are {how} to the model's {width}x{height} "
            f"pixels, for example {path} of {size[0]}x{size[1]}."
        )
    gray = channels == 1
    recolored = [path for path, _, is_gray in found if is_gray != gray]
    if recolored:
        takes, gives = ("gray", "in colour") if gray else ("colour", "gray")
        yield (
            f"{len(recolored):,} of {len(paths):,} images are {gives} and the model takes {takes}, "
            f"for example {recolored[0]}; they are converted."
        )


def _read_header(path: pathlib.Path) -> tuple[tuple[int, int], bool]:
    """Returns an image's width and height as it is shown, and whether it is gray."""
    with PIL.Image.open(path) as image:
        size = (image.width, image.height)
        if image.getexif().get(PIL.ExifTags.Base.Orientation, 1) >= _LYING:
            size = (image.height, image.width)
        mode = image.mode
        if mode == "P" and image.palette is not None:
            colors = image.getpalette() or []
            is_gray = colors[0::3] == colors[1::3] == colors[2::3]
        else:
            is_gray = mode[0] in "1LIF" and mode != "LAB"
        return size, is_gray


def _describe_rates(rate: int, paths: Sequence[pathlib.Path]) -> Iterator[str]:
    rates = [(path, read_clip_header(path).rate) for path in paths]
    other = [(path, found) for path, found in rates if found != rate]
    if other:
        path, found = other[0]
        yield (
            f"{len(other):,} of {len(paths):,} clips are resampled to the model's {rate:,} samples "
            f"a second, for example {path} of {found:,}."
        )
