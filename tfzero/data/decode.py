"""Image files to pixels. Only this file knows what formats and modes exist."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tfzero.common.checks import InputError
from tfzero.common.pixels import Extents, PixelRange, guess_range, write_pair, write_range
from tfzero.data.depth import flatten, has_deep_colors, is_deep, is_unbounded

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"})
# Pillow knows dozens of formats more; a renamed one must not reach those decoders.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")
# How an image of another shape is brought to a size; graph.py does the same to what is served.
RESIZE_MODES = ("stretch", "pad", "crop")
# Where Pillow looks for the orientation of a PNG: its own chunk, XMP, ImageMagick's text.
_PNG_MARKS = (b"eXIf", b"tiff:Orientation", b"Raw profile type exif")


@dataclass(frozen=True)
class Header:
    """What a file says about its image before any pixel is decoded.

    Attributes:
        height: Rows, after the EXIF orientation is applied.
        width: Columns, likewise.
        gray: Whether it is stored as gray, or with a palette of grays only. WebP never is.
        transparent: Whether some pixel may be transparent.
        deep: Whether it has 16 bits a pixel.
    """

    height: int
    width: int
    gray: bool
    transparent: bool
    deep: bool


def read_header(path: str | os.PathLike[str], *, ranged: bool = False) -> Header:
    """Reads size and kind of an image without decoding it.

    Args:
        path: PNG, JPEG, BMP, GIF, WebP or TIFF.
        ranged: Whether somebody said what black and white are, which 32-bit pixels need.

    Raises:
        InputError: If the file is empty, unreadable, too large, or has 32-bit pixels without a
            range.
    """
    with _opened(path, ranged=ranged) as image:
        width, height = image.size
        if _is_turned(path, image):
            width, height = height, width
        return Header(
            height=height,
            width=width,
            gray=_is_gray(image),
            transparent=image.has_transparency_data,
            deep=is_deep(image) or has_deep_colors(path, image),
        )


def decode_image(
    path: str | os.PathLike[str],
    *,
    channels: int,
    size: tuple[int, int] | None,
    resize: str = "stretch",
    pixel_range: PixelRange | None = None,
    seen: Extents | None = None,
) -> np.ndarray:
    """Decodes one image; of several frames the first.

    EXIF orientation is applied. Transparent pixels are laid on white, which is what
    drawings and cut-out objects are usually looked at on. 16 bits are scaled to 8, one
    bit to 0 and 255; CMYK and palettes become RGB.

    Args:
        path: PNG, JPEG, BMP, GIF, WebP or TIFF.
        channels: 1 for gray, 3 for RGB.
        size: (height, width) to resize to, bilinear with antialiasing; None to keep it.
        resize: "stretch" ignores the aspect, "pad" keeps the whole image and fills up with
            black, "crop" cuts the middle out.
        pixel_range: The stored values that become 0 and 255; values outside are clipped. None
            takes 0..255 of 8 bits and 0..65535 of 16.
        seen: Takes note of the stored values.

    Returns:
        uint8 `(H, W, channels)` in 0..255.

    Raises:
        InputError: If the file is empty, unreadable or too large, has 32-bit pixels without a
            range, or cannot hold the range.
    """
    from PIL import ImageOps

    with _opened(path, ranged=pixel_range is not None) as image:
        flat = flatten(path, ImageOps.exif_transpose(image), pixel_range, seen)
        plain = flat.convert("L" if channels == 1 else "RGB")
        if size is not None:
            plain = resize_picture(plain, size, resize=resize)
        pixels = np.asarray(plain)
    return pixels[..., None] if channels == 1 else pixels


def resize_picture(image: PillowImage, size: tuple[int, int], *, resize: str) -> PillowImage:
    """Brings an image of mode L or RGB to (height, width) as `decode_image` says."""
    from PIL import Image

    height, width = size
    bilinear = Image.Resampling.BILINEAR
    if resize == "stretch" or image.size == (width, height):
        return image.resize((width, height), bilinear)
    if resize == "crop":
        return image.crop(crop_box(image.size, size)).resize((width, height), bilinear)
    inner_width, inner_height = padded_size(image.size, size)
    canvas = Image.new(image.mode, (width, height))
    corner = ((width - inner_width) // 2, (height - inner_height) // 2)
    canvas.paste(image.resize((inner_width, inner_height), bilinear), corner)
    return canvas


def padded_size(extent: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    """Returns the width and height to which an image of (width, height) shrinks or grows.

    Whole numbers only, rounded half up, so that a graph can compute the same.
    """
    (wide, high), (height, width) = extent, size
    return (
        max(1, min(width, (2 * wide * height + high) // (2 * high))),
        max(1, min(height, (2 * high * width + wide) // (2 * wide))),
    )


def crop_box(extent: tuple[int, int], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Returns left, top, right, bottom of the largest middle part with the aspect of `size`."""
    (wide, high), (height, width) = extent, size
    inner_width = max(1, min(wide, (2 * high * width + height) // (2 * height)))
    inner_height = max(1, min(high, (2 * wide * height + width) // (2 * width)))
    left, top = (wide - inner_width) // 2, (high - inner_height) // 2
    return left, top, left + inner_width, top + inner_height


@contextmanager
def _opened(path: str | os.PathLike[str], *, ranged: bool) -> Iterator[PillowImage]:
    """Opens an image; turns whatever goes wrong with it into an error that names the file."""
    from PIL import Image, UnidentifiedImageError

    try:
        if os.stat(path).st_size == 0:
            raise InputError(f"{path} is empty (0 bytes); expected an image. Replace or delete it.")
        # Not by its path: Pillow 13 would map an uncompressed TIFF into memory, and garble it
        # if its orientation swaps height and width.
        with open(path, "rb") as file, Image.open(file, formats=FORMATS) as image:
            _check_pixels(path, image, ranged=ranged)
            yield image
    except InputError:
        raise
    except PermissionError as error:
        raise InputError(f"No permission to read {path}. Grant it, or delete the file.") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(path) from error
    # Not narrower: Pillow's decoders let through whatever a broken file provokes
    # (OSError, SyntaxError, ValueError, struct.error, IndexError and more).
    except Exception as error:
        # Pillow's own words for it name an object in memory.
        unknown = isinstance(error, UnidentifiedImageError)
        reason = "its content is of another kind" if unknown else error
        raise InputError(
            f"{path} cannot be read as an image ({reason}); expected a whole "
            f"{', '.join(FORMATS)} file. Replace or delete it."
        ) from error


def _check_pixels(path: str | os.PathLike[str], image: PillowImage, *, ranged: bool) -> None:
    from PIL import Image

    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and image.width * image.height > limit:
        raise _too_large(path)
    if is_unbounded(image) and not ranged:
        values = np.asarray(image)
        low, high = float(values.min()), float(values.max())
        raise InputError(
            f"{path} has 32-bit pixels, here in {write_range(low, high)}, which say not by "
            "themselves what black and white are. Say it for all images, for example "
            f"`pixel_range={write_pair(guess_range(low, high, whole=image.mode == 'I'))}`."
        )


def _too_large(path: str | os.PathLike[str]) -> InputError:
    from PIL import Image

    return InputError(
        f"{path} has more pixels than the limit of {Image.MAX_IMAGE_PIXELS} that protects from "
        "decompression bombs; expected a smaller image. Shrink or delete it."
    )


def _is_turned(path: str | os.PathLike[str], image: PillowImage) -> bool:
    """Whether the EXIF orientation swaps height and width."""
    from PIL.ExifTags import Base

    if image.format == "TIFF":  # Pillow gives the size of a TIFF upright already.
        return False
    # In a PNG it may stand behind the pixels, so Pillow decodes them: do so only if it is there.
    if image.format == "PNG":
        with open(path, "rb") as file:
            content = file.read()
        if not any(mark in content for mark in _PNG_MARKS):
            return False
    return image.getexif().get(Base.Orientation, 1) >= 5


def _is_gray(image: PillowImage) -> bool:
    if image.mode == "P":
        palette = np.array(image.getpalette("RGB")).reshape(-1, 3)
        return bool((palette == palette[:, :1]).all())
    return image.mode in ("1", "L", "LA") or is_deep(image) or is_unbounded(image)
