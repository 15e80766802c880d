"""Pictures of any depth to pictures of 8 bits without transparency."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tfzero.common.checks import InputError
from tfzero.common.pixels import (
    Extents,
    PixelRange,
    guess_range,
    scale_values,
    write_pair,
    write_range,
)

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

_DEEP_RANGE = (0.0, 65535.0)
# Pillow takes 16 bits of each of these down to 8 as it reads them.
_COLOR_MODES = ("RGB", "RGBA", "LA")


def is_deep(image: PillowImage) -> bool:
    """Whether it is gray with 16 bits."""
    return image.mode.startswith("I;16")


def is_unbounded(image: PillowImage) -> bool:
    """Whether its pixels are 32-bit integers or floats, whose range no format says."""
    return image.mode in ("I", "F")


def has_deep_colors(path: str | os.PathLike[str], image: PillowImage) -> bool:
    """Whether it is a PNG with several channels of 16 bits."""
    if image.mode not in _COLOR_MODES:
        return False
    with open(path, "rb") as file:
        head = file.read(25)  # magic, length and name of IHDR, width, height, depth
    return head.startswith(b"\x89PNG") and head[24:] == b"\x10"


def flatten(
    path: str | os.PathLike[str],
    image: PillowImage,
    pixel_range: PixelRange | None,
    seen: Extents | None,
) -> PillowImage:
    """Returns a picture of 8 bits without transparency: what is transparent is laid on white.

    Args:
        path: Its file.
        image: Upright.
        pixel_range: The stored values that become 0 and 255; None takes all that the type holds.
            Of one bit, 0 is black and 1 is white in any case.
        seen: Takes note of the stored values that are not wholly transparent.

    Raises:
        InputError: If the file cannot hold values of the range, or holds NaN.
    """
    if is_deep(image) or is_unbounded(image):
        return _flatten_numbers(path, np.asarray(image), pixel_range, seen)
    if image.mode == "1":
        pixel_range = seen = None
    deep = has_deep_colors(path, image)
    if pixel_range is not None and pixel_range[1] > 255 and not deep:
        raise InputError(
            f"{path} has 8 bits, but `pixel_range` is {write_range(*pixel_range)}; expected "
            "16 bits or more. Convert it again from its original, or remove it."
        )
    return _flatten_colors(path, image, pixel_range, seen, deep=deep)


def flatten_plane(
    path: str | os.PathLike[str],
    plane: np.ndarray,
    pixel_range: PixelRange | None,
    seen: Extents | None,
) -> PillowImage:
    """Returns one channel `(H, W)` as a gray picture of 8 bits: see `flatten`.

    Raises:
        InputError: As there.
    """
    from PIL import Image

    if plane.dtype == np.uint8:
        return flatten(path, Image.fromarray(plane), pixel_range, seen)
    return _flatten_numbers(path, plane, pixel_range, seen)


def unknown_range(
    path: str | os.PathLike[str], planes: Sequence[np.ndarray], *, whole: bool
) -> InputError:
    """Returns why pixels, whose type has no range of its own, cannot be used without one.

    Args:
        path: Their file.
        planes: The channels.
        whole: Whether they are whole numbers.
    """
    low = min(float(plane.min()) for plane in planes)
    high = max(float(plane.max()) for plane in planes)
    if not np.isfinite([low, high]).all():
        return InputError(f"{path} contains NaN or infinity; expected finite pixels. Delete it.")
    kind = f"{8 * planes[0].itemsize}-bit pixels"
    return InputError(
        f"{path} has {kind}, here in {write_range(low, high)}. Their type does not say which "
        "values are black and white. Give them for all images, for example "
        f"`pixel_range={write_pair(guess_range(low, high, whole=whole))}`."
    )


def _flatten_numbers(
    path: str | os.PathLike[str],
    values: np.ndarray,
    pixel_range: PixelRange | None,
    seen: Extents | None,
) -> PillowImage:
    from PIL import Image

    if not np.isfinite(values).all():
        raise InputError(f"{path} contains NaN or infinity; expected finite pixels. Delete it.")
    if seen is not None:
        seen.add(values)
    return Image.fromarray(scale_values(values, pixel_range or _DEEP_RANGE))


def _flatten_colors(
    path: str | os.PathLike[str],
    image: PillowImage,
    pixel_range: PixelRange | None,
    seen: Extents | None,
    *,
    deep: bool,
) -> PillowImage:
    from PIL import Image

    if image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode not in ("L", "RGB") and (pixel_range or seen):
        image = image.convert("RGB")
    if deep and pixel_range is not None:
        image = _scale_deep(path, image, pixel_range, seen)
    else:
        if seen is not None:
            values = _visible(np.asarray(image))
            # What Pillow left of 16 bits.
            seen.add(values.astype(np.uint16) * np.uint16(257) if deep else values)
        if pixel_range is not None:
            table = scale_values(np.arange(256, dtype=np.uint8), pixel_range).tolist()
            colors = len(image.getbands()) - (image.mode == "RGBA")
            image = image.point(table * colors + list(range(256)) * (image.mode == "RGBA"))
    if image.mode != "RGBA":
        return image
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image)
    return white.convert("RGB")


def _visible(pixels: np.ndarray) -> np.ndarray:
    """Returns the colours that are not wholly transparent."""
    if pixels.ndim < 3 or pixels.shape[-1] < 4:
        return pixels
    return pixels[pixels[..., 3] > 0][:, :3]


def _scale_deep(
    path: str | os.PathLike[str], image: PillowImage, pixel_range: PixelRange, seen: Extents | None
) -> PillowImage:
    """Returns what Pillow read of a PNG with channels of 16 bits, scaled from all 16 bits."""
    import tensorflow as tf
    from PIL import Image, ImageOps

    with open(path, "rb") as file, tf.device("/CPU:0"):
        content = file.read()
        pixels = tf.io.decode_png(content, channels=4, dtype=tf.uint16).numpy()  # (H, W, 4)
    if seen is not None:
        seen.add(_visible(pixels))
    colors = scale_values(pixels[..., :3], pixel_range)
    alpha = scale_values(pixels[..., 3:], _DEEP_RANGE)
    scaled = Image.fromarray(np.concatenate([colors, alpha], axis=-1))
    with Image.open(path) as stored:
        scaled.getexif().update(stored.getexif())
    return ImageOps.exif_transpose(scaled).convert(image.mode)
