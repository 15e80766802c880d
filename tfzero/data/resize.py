"""Arrays of images brought to the size and the channels that are asked for."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np

from tfzero.common.checks import InputError
from tfzero.common.images import SMALLEST, check_images
from tfzero.common.pixels import Extents
from tfzero.data.fit import resize_picture
from tfzero.data.memory import gather_rows
from tfzero.data.options import LoadOptions

# The arguments of those that read arrays by options.
_OFFERED = ("size", "pixel_range")


def resize_images(
    images: np.ndarray, size: tuple[int, int], *, resize: str = "stretch"
) -> np.ndarray:
    """Resizes uint8 `(N, H, W, C)` to `(N, *size, C)` as `decode_image` resizes files."""
    from PIL import Image

    if images.shape[1:3] == size:
        return images
    num, _, _, channels = images.shape
    resized = np.empty((num, *size, channels), np.uint8)
    for row, image in enumerate(images):
        for channel in range(channels):
            plane = Image.fromarray(np.ascontiguousarray(image[..., channel]))
            resized[row, ..., channel] = np.asarray(resize_picture(plane, size, resize=resize))
    return resized


def convert_channels(images: np.ndarray, channels: int | None, *, name: str) -> np.ndarray:
    """Makes gray of RGB or the reverse, with the weights that `decode_image` has for files.

    Raises:
        InputError: If the images are neither gray nor RGB.
    """
    from PIL import Image

    have = images.shape[-1]
    if channels is None or channels == have:
        return images
    if (have, channels) == (1, 3):
        return np.repeat(images, 3, axis=-1)
    if (have, channels) == (3, 1):
        gray = np.empty((*images.shape[:3], 1), np.uint8)
        for row, image in enumerate(images):
            gray[row, ..., 0] = np.asarray(Image.fromarray(image).convert("L"))
        return gray
    raise InputError(
        f"{name} have {have} channels and `channels` is {channels}; only gray (1) and RGB "
        f"(3) can be converted to each other. Leave `channels` out, or take {name}[..., "
        f":{channels}]."
    )


def note_fit(options: LoadOptions) -> list[str]:
    """Returns the sentences that say what `fit_images` did, if it did anything."""
    size, channels = options.image_size, options.channels
    notes = [] if size is None else [f"All images were resized to {size[0]}x{size[1]} pixels."]
    return notes + (
        [] if channels is None else [f"All images have {channels} channels, as requested."]
    )


def fit_images(images: np.ndarray, options: LoadOptions, *, name: str, seen: Extents) -> np.ndarray:
    """Returns images from a file as uint8 `(N, H, W, C)`, resized where a size is asked for.

    Args:
        images: `(N, H, W)` or `(N, H, W, C)`, uint8, bool or float in 0..1; numbers of any type
            where the options say their range.
        options: Size and channels to bring them to.
        name: What the error messages call them.
        seen: Takes note of the values, which the whole data set has to be judged by.

    Raises:
        InputError: If shape, type or range are others, or they stay under 8x8.
    """
    size = options.image_size
    if images.ndim == 3:
        images = images[..., None]

    def check(images: np.ndarray) -> np.ndarray:
        return check_images(
            images, name=name, pixel_range=options.values, seen=seen, offers=_OFFERED
        )

    if size is None or images.ndim != 4 or 0 in images.shape:
        return convert_channels(check(images), options.channels, name=name)
    height, width = images.shape[1:3]
    # Small images may be enlarged: the least size binds what comes out, so pad to pass it.
    margins = [(0, max(0, SMALLEST - side)) for side in (height, width)]
    if min(height, width) < SMALLEST:
        images = np.pad(images, [(0, 0), *margins, (0, 0)], mode="edge")
    images = check(images)[:, :height, :width]
    images = convert_channels(images, options.channels, name=name)
    return resize_images(images, size, resize=options.resize_mode)


def fit_pieces(
    pieces: Iterable[np.ndarray], options: LoadOptions, *, count: int, name: str, seen: Extents
) -> np.ndarray:
    """Does what `fit_images` does to images that are read one piece after another.

    What comes out is held in memory, or on disk where it would take too much of it.

    Args:
        pieces: Arrays as `fit_images` takes them, `count` images in all and at least one.
        options: Size and channels to bring them to.
        count: How many images there are.
        name: What the error messages call them.
        seen: As in `fit_images`.

    Raises:
        InputError: As `fit_images`.
    """
    fitted = (fit_images(piece, options, name=name, seen=seen) for piece in pieces)
    first = next(fitted)
    return gather_rows(itertools.chain([first], fitted), most=count, shape=first.shape[1:])
