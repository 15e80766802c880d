"""What is done to files before a model sees them, in sentences."""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Iterator, Sequence

from tfzero.data.clips import read_clip_header
from tfzero.data.decode import read_header
from tfzero.export.fresh_process import SPEC_FILE
from tfzero.export.layout import find_version

_HOW = {"stretch": "stretched", "pad": "padded and reduced", "crop": "cropped and reduced"}


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
    # A range that is not known here is no reason to refuse what was classified.
    found = [(path, read_header(path, ranged=True)) for path in paths]
    other = [(path, head) for path, head in found if (head.height, head.width) != (height, width)]
    if other:
        path, head = other[0]
        how = _HOW[spec.get("resize", "stretch")]
        yield (
            f"{len(other):,} of {len(paths):,} images are {how} to the model's {width}x{height} "
            f"pixels, for example {path} of {head.width}x{head.height}."
        )
    recolored = [path for path, head in found if {head.channels, channels} == {1, 3}]
    if recolored:
        takes, gives = ("gray", "in colour") if channels == 1 else ("colour", "gray")
        yield (
            f"{len(recolored):,} of {len(paths):,} images are {gives} and the model takes {takes}, "
            f"for example {recolored[0]}; they are converted."
        )


def _describe_rates(rate: int, paths: Sequence[pathlib.Path]) -> Iterator[str]:
    rates = [(path, read_clip_header(path).rate) for path in paths]
    other = [(path, found) for path, found in rates if found != rate]
    if other:
        path, found = other[0]
        yield (
            f"{len(other):,} of {len(paths):,} clips are resampled to the model's {rate:,} "
            f"samples per second, for example {path} of {found:,}."
        )
