"""What a person sees of a file that a model classified: a small picture, or a clip to listen to."""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tfzero.common.checks import InputError
from tfzero.common.thumbnails import encode_image_file, encode_thumbnail, to_address
from tfzero.export.fresh_process import SPEC_FILE
from tfzero.export.layout import find_version

# Clips that are longer, in bytes, are seen and not heard.
_LARGEST_CLIP = 400_000


class Sight(NamedTuple):
    """One file on a page.

    Attributes:
        picture: A `data:` address; empty if the file cannot be shown.
        sound: A `data:` address of a clip; empty if there is none.
    """

    picture: str = ""
    sound: str = ""


def find_sights(directory: str | os.PathLike[str]) -> Callable[[pathlib.Path], Sight]:
    """Returns what makes a sight of a file that a model takes.

    Args:
        directory: The exported model, as in `predict_files`.

    Returns:
        A function of a file. Of a clip of sound it shows the spectrogram that the model sees.
    """
    spec = json.loads((find_version(directory) / SPEC_FILE).read_text("utf-8"))
    if spec.get("sound"):
        return lambda path: _see_clip(path, spec["sound"])
    return lambda path: _see_image(path, spec)


def _see_image(path: pathlib.Path, spec: dict) -> Sight:
    """Returns the picture in a file; what Pillow cannot show is shown as the model sees it."""
    if picture := encode_image_file(path):
        return Sight(picture)
    return _see_as_the_model_does(path, spec)


def _see_as_the_model_does(path: pathlib.Path, spec: dict) -> Sight:
    from tfzero.data.decode import decode_image

    height, width, channels = spec["image_shape"]
    pixel_range = tuple(spec["file_range"]) if "file_range" in spec else None
    try:
        pixels = decode_image(
            path,
            channels=channels,
            size=(height, width),
            resize=spec.get("resize", "stretch"),
            pixel_range=pixel_range,
        )
    except InputError:
        return Sight()
    return Sight(encode_thumbnail(np.asarray(pixels).astype(np.uint8)))


def _see_clip(path: pathlib.Path, sound: dict) -> Sight:
    import tensorflow as tf

    from tfzero.data.clips import read_clip
    from tfzero.data.logmel import LogMel, make_image

    settings = LogMel(**sound)
    with tf.device("/CPU:0"):
        image = make_image(tf.constant(read_clip(path, rate=settings.rate)), settings).numpy()
    return Sight(encode_thumbnail(image.astype(np.uint8)), encode_clip(path))


def encode_clip(path: pathlib.Path) -> str:
    """Returns a WAV file as a `data:` address; "" if it is too long for a page."""
    content = path.read_bytes()
    return to_address(content, "audio/wav") if len(content) <= _LARGEST_CLIP else ""
