"""How files of images or sound reach an exported model: by its graph, or decoded beforehand."""

from __future__ import annotations

import dataclasses
import io
import os
import pathlib
from collections.abc import Callable

import numpy as np
import PIL.ExifTags
import PIL.Image
import tensorflow as tf

from tfzero.common.checks import InputError
from tfzero.common.pixels import Extents, PixelRange, is_inside, write_range
from tfzero.data import tiff
from tfzero.data.clips import SUFFIX, read_clip, read_clip_header
from tfzero.data.decode import SUFFIXES, decode_image, read_header
from tfzero.data.logmel import LogMel, make_image
from tfzero.data.passed_over import OTHER_KIND, PassedOver
from tfzero.data.regular import require_file
from tfzero.data.scan import find_known
from tfzero.export.decoding import DECODABLE_CHANNELS
from tfzero.export.fresh_process import MAX_PIXELS

# What the graph brings to gray or RGB as training does; others, such as CMYK, it refuses.
_GRAPH_MODES = ("1", "L", "LA", "P", "RGB", "RGBA")
# A PNG with one of these may have to be turned, which the graph does not do.
_ORIENTED_PNG = (b"eXIf", b"tiff:Orientation", b"Raw profile type exif")


@dataclasses.dataclass(frozen=True)
class Reader:
    """How files reach a model.

    Attributes:
        suffixes: What the files' names end in.
        word: What they are.
        whole: What the graph expects of one.
        check: Refuses a file by its header, before all of it is read.
        suits_graph: Whether the graph decodes a file's content to what training would see.
        decode: Makes of a file the image that training would see.
        count_left: Returns how many pages or frames of a file are not read.
    """

    suffixes: frozenset[str]
    word: str
    whole: str
    check: Callable[[pathlib.Path], object]
    suits_graph: Callable[[bytes], bool]
    decode: Callable[[pathlib.Path], np.ndarray]
    count_left: Callable[[pathlib.Path], int]


def find_reader(spec: dict) -> Reader:
    """Returns how files reach the model that a spec describes."""
    if spec.get("sound"):
        return _read_sound(LogMel(**spec["sound"]))
    file_range = tuple(spec["file_range"]) if "file_range" in spec else None
    resize = spec.get("resize", "stretch")  # older versions have none
    return _read_images(tuple(spec["image_shape"]), resize, file_range)


def list_files(
    path: pathlib.Path, reader: Reader, passed_over: PassedOver | None
) -> list[pathlib.Path]:
    """Returns a file as it is, and of a folder the files that the model takes.

    Args:
        path: A file or a folder; links to folders in it are followed, each once.
        reader: Says which files the model takes.
        passed_over: Counts what is left out of a folder; None counts nothing.

    Raises:
        InputError: If a folder has no such file.
    """
    if not path.is_dir():
        return [path]
    found, passed_over = [], PassedOver() if passed_over is None else passed_over
    for name in find_known(path, passed_over):
        if os.path.splitext(name)[1].lower() in reader.suffixes:
            found.append(path / name)
        else:
            passed_over.add(OTHER_KIND, name)
    if not found:
        raise InputError(
            f"{path} holds no {reader.word}; expected files that end in "
            f"{', '.join(sorted(reader.suffixes))}."
        )
    return found


def _read_sound(sound: LogMel) -> Reader:
    def listen(path: pathlib.Path) -> np.ndarray:
        samples = read_clip(path, rate=sound.rate)
        with tf.device("/CPU:0"):
            return make_image(tf.constant(samples), sound).numpy()

    return Reader(
        suffixes=frozenset({SUFFIX}),
        word="clip of sound",
        whole=f"16-bit WAV file of {sound.rate:,} samples per second",
        check=read_clip_header,
        suits_graph=lambda content: _graph_hears(content, sound.rate),
        decode=listen,
        count_left=lambda path: 0,
    )


def _read_images(shape: tuple[int, int, int], resize: str, file_range: PixelRange | None) -> Reader:
    height, width, channels = shape
    ranged = file_range is not None

    def look(path: pathlib.Path) -> np.ndarray:
        seen = Extents()
        pixels = decode_image(
            path,
            channels=channels,
            size=(height, width),
            resize=resize,
            pages=_choose_pages(path, channels, ranged=ranged)[0],
            pixel_range=file_range,
            seen=seen,
        )
        for extent in seen:
            if file_range is not None and not is_inside(extent, file_range):
                raise InputError(
                    f"{path} has {extent.describe()}; expected values in "
                    f"{write_range(*file_range)}, like the files of training. Write it again."
                )
        return pixels

    def count_left(path: pathlib.Path) -> int:
        return _choose_pages(path, channels, ranged=ranged)[1]

    # Else there is no such signature.
    has_graph = channels in DECODABLE_CHANNELS and (not file_range or file_range[1] < 65536)
    return Reader(
        suffixes=SUFFIXES,
        word="image",
        whole="PNG or JPEG file",
        # Of images Pillow reads no more than the header until they are checked.
        check=lambda path: require_file(path, "an image"),
        suits_graph=lambda content: has_graph and _suits_graph(content),
        decode=look,
        count_left=count_left,
    )


def _choose_pages(path: pathlib.Path, channels: int, *, ranged: bool) -> tuple[str, int]:
    """Returns what the pages of a file are to a model, and how many of them it does not see.

    They are "channels" where the model takes that many.

    Args:
        path: An image.
        channels: Of the images that the model takes.
        ranged: Whether training said what black and white are, as in `read_header`.

    Raises:
        InputError: If the pages may be channels or pictures of their own.
    """
    header = read_header(path, ranged=ranged)
    of_channels = 1 < channels == header.frames and header.channels == 1
    if not of_channels or path.suffix.lower() not in tiff.SUFFIXES:
        return "first", header.frames - header.images
    if channels not in DECODABLE_CHANNELS:
        return "channels", 0
    raise InputError(
        f"{path} has {channels} gray pages, but the model takes {channels} channels; "
        "expected one page, because the pages may be channels or separate pictures. Save "
        "the right picture as a separate file."
    )


def _suits_graph(content: bytes) -> bool:
    """Whether the graph decodes a file to what training would make of it."""
    try:
        with PIL.Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as image:
            if image.mode not in _GRAPH_MODES or image.width * image.height > MAX_PIXELS:
                return False
            if image.format == "PNG":  # Pillow would decode all of it to find the orientation
                return not any(mark in content for mark in _ORIENTED_PNG)
            return image.getexif().get(PIL.ExifTags.Base.Orientation, 1) == 1
    except Exception:  # whatever is wrong, decode_image names the file and says it
        return False


def _graph_hears(content: bytes, rate: int) -> bool:
    """Whether the graph takes a file of sound."""
    try:
        with tf.device("/CPU:0"):
            return int(tf.audio.decode_wav(content).sample_rate) == rate
    except tf.errors.InvalidArgumentError:  # whatever is wrong, read_clip names it
        return False
