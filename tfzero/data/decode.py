"""Image files to pixels. Only this file knows what formats and modes exist."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tfzero.common.checks import InputError
from tfzero.common.pixels import Extents, PixelRange
from tfzero.data.depth import (
    flatten,
    flatten_plane,
    has_deep_colors,
    is_deep,
    is_unbounded,
    unknown_range,
)
from tfzero.data.fit import resize_picture
from tfzero.data.regular import require_file
from tfzero.data.tiff import Stack, find_stack, read_planes

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"})
# Pillow knows dozens of formats more; a renamed one must not reach those decoders.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")
# What the pages of a TIFF file, or the frames of an animation, are: see `Header.images`.
PAGES = ("first", "channels", "each")
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
        channels: 1 for gray, 3 for colours, else as many as there are.
        frames: Pages or frames in the file; 1 where pages are channels.
        images: How many of these become images, each one of its own.
    """

    height: int
    width: int
    gray: bool
    transparent: bool
    deep: bool
    channels: int
    frames: int = 1
    images: int = 1


def read_header(
    path: str | os.PathLike[str], *, pages: str = "first", ranged: bool = False
) -> Header:
    """Reads size and kind of an image without decoding it.

    Args:
        path: The file.
        pages: What its pages or frames are: "first" takes the first alone, "each" makes an image
            of each, "channels" makes each page of a TIFF file a channel.
        ranged: Whether somebody said what black and white are, which 32-bit pixels need.

    Raises:
        InputError: If the file is empty, unreadable, too large, or has 32-bit pixels without a
            range, or its pages cannot be channels.
    """
    with _naming(path):
        stack = find_stack(path)
        if stack is not None:
            return _head_stack(path, stack, pages, ranged=ranged)
    with _opened(path, ranged=ranged) as image:
        frames = _count_frames(image)
        if frames > 1 and pages == "channels":
            raise InputError(
                f"{path} is an animation or a {image.format} file with {frames} frames; "
                "expected a TIFF file whose pages are channels. Convert it, or leave "
                "`pages` out."
            )
        width, height = image.size
        if _is_turned(path, image):
            width, height = height, width
        gray = _is_gray(image)
        return Header(
            height=height,
            width=width,
            gray=gray,
            transparent=image.has_transparency_data,
            deep=is_deep(image) or has_deep_colors(path, image),
            channels=1 if gray else 3,
            frames=frames,
            # A JPEG's further pictures are previews and depth maps of the first.
            images=frames if pages == "each" and image.format != "MPO" else 1,
        )


def decode_image(
    path: str | os.PathLike[str],
    *,
    channels: int,
    size: tuple[int, int] | None,
    resize: str = "stretch",
    pages: str = "first",
    page: int = 0,
    pixel_range: PixelRange | None = None,
    seen: Extents | None = None,
) -> np.ndarray:
    """Decodes one image; of several frames one.

    EXIF orientation is applied. Transparent pixels are laid on white, which is what
    drawings and cut-out objects are usually looked at on. 16 bits are scaled to 8, one
    bit to 0 and 255; CMYK and palettes become RGB.

    Args:
        path: PNG, JPEG, BMP, GIF, WebP or TIFF.
        channels: 1 for gray, 3 for RGB; else as many as the file has.
        size: (height, width) to resize to, bilinear with antialiasing; None to keep it.
        resize: "stretch" ignores the aspect, "pad" keeps the whole image and fills up with
            black, "crop" cuts the middle out.
        pages: As in `read_header`.
        page: Which page or frame, from 0, if each is an image.
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

    with _naming(path):
        stack = find_stack(path)
        if stack is not None:
            planes = read_planes(path, stack, page=page, pages_are_channels=pages == "channels")
            if stack.is_unbounded and pixel_range is None:
                raise unknown_range(path, planes, whole=stack.dtype.kind != "f")
            pictures = [flatten_plane(path, plane, pixel_range, seen) for plane in planes]
            return _join_planes(path, pictures, channels=channels, size=size, resize=resize)
    with _opened(path, ranged=pixel_range is not None) as image:
        if channels not in (1, 3):
            raise _other_channels(path, 1 if _is_gray(image) else 3, channels)
        if page:
            image.seek(page)
        flat = flatten(path, ImageOps.exif_transpose(image), pixel_range, seen)
        plain = flat.convert("L" if channels == 1 else "RGB")
        if size is not None:
            plain = resize_picture(plain, size, resize=resize)
        pixels = np.asarray(plain)
    return pixels[..., None] if channels == 1 else pixels


def _head_stack(path: str | os.PathLike[str], stack: Stack, pages: str, *, ranged: bool) -> Header:
    _check_size(path, stack.width * stack.height)
    as_channels = pages == "channels" and stack.frames > 1
    if pages != "first" and stack.others:
        raise InputError(
            f"{path} has {stack.frames + stack.others} pages of different sizes or kinds; "
            "expected equal pages. Save each page as a separate file, or leave `pages` out."
        )
    if as_channels and stack.channels > 1:
        raise InputError(
            f"{path} has {stack.frames} pages of {stack.channels} channels; expected pages "
            "of one channel, because each page becomes a channel. Convert it, or leave "
            "`pages` out."
        )
    if stack.is_unbounded and not ranged:
        planes = read_planes(path, stack, page=0, pages_are_channels=as_channels)
        raise unknown_range(path, planes, whole=stack.dtype.kind != "f")
    channels = stack.frames if as_channels else stack.channels
    return Header(
        height=stack.height,
        width=stack.width,
        gray=channels == 1,
        transparent=stack.transparent,
        deep=stack.dtype == np.uint16,
        channels=channels,
        frames=1 if as_channels else stack.frames + stack.others,
        images=stack.frames if pages == "each" else 1,
    )


def _join_planes(
    path: str | os.PathLike[str],
    pictures: list[PillowImage],
    *,
    channels: int,
    size: tuple[int, int] | None,
    resize: str,
) -> np.ndarray:
    """Returns uint8 `(H, W, channels)` of gray pictures, one per channel."""
    from PIL import Image

    if channels != len(pictures):
        if {channels, len(pictures)} != {1, 3}:
            raise _other_channels(path, len(pictures), channels)
        if channels == 1:
            pictures = [Image.merge("RGB", pictures).convert("L")]
        else:
            pictures *= 3
    if size is not None:
        pictures = [resize_picture(picture, size, resize=resize) for picture in pictures]
    return np.stack([np.asarray(picture) for picture in pictures], axis=-1)


def _other_channels(path: str | os.PathLike[str], have: int, channels: int) -> InputError:
    return InputError(
        f"{path} has {have} channels; expected {channels}, like the other images. Convert it."
    )


def _count_frames(image: PillowImage) -> int:
    """Returns how many frames there are; of a file that breaks off after the first, two."""
    try:
        return getattr(image, "n_frames", 1)
    except Exception:  # of Pillow's decoders: see `_naming`
        image.seek(0)
        return 2


@contextmanager
def _opened(path: str | os.PathLike[str], *, ranged: bool) -> Iterator[PillowImage]:
    """Opens an image; turns whatever goes wrong with it into an error that names the file."""
    from PIL import Image

    # Not by its path: Pillow 13 would map an uncompressed TIFF into memory, and garble it
    # if its orientation swaps height and width.
    with (
        _naming(path),
        open(path, "rb") as file,
        Image.open(file, formats=FORMATS) as image,
    ):
        _check_pixels(path, image, ranged=ranged)
        yield image


@contextmanager
def _naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turns whatever goes wrong with an image into an error that names the file."""
    from PIL import Image, UnidentifiedImageError

    try:
        require_file(path, "an image")
        yield
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
    _check_size(path, image.width * image.height)
    if is_unbounded(image) and not ranged:
        raise unknown_range(path, [np.asarray(image)], whole=image.mode == "I")


def _check_size(path: str | os.PathLike[str], pixels: int) -> None:
    from PIL import Image

    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and pixels > limit:
        raise _too_large(path)


def _too_large(path: str | os.PathLike[str]) -> InputError:
    from PIL import Image

    return InputError(
        f"{path} has more pixels than the limit of {Image.MAX_IMAGE_PIXELS} that protects "
        "from decompression bombs; expected a smaller image. Shrink or delete it."
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
