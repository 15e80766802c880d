"""TIFF files that hold more than one picture of one to four channels, as microscopes write them."""

from __future__ import annotations

import logging
import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tfzero.common.checks import InputError

if TYPE_CHECKING:
    import tifffile

SUFFIXES = (".tif", ".tiff")
# Axes of tifffile that are channels; all others but height and width tell pages apart.
_CHANNELS = "CS"
# Photometric interpretations that are numbers as they are: white is zero, black is zero, RGB.
_PLAIN = (0, 1, 2)
# What an extra sample is: 1 and 2 are transparency, 0 may be anything, such as infrared.
_ALPHA = (1, 2)


@dataclass(frozen=True)
class Stack:
    """What a TIFF file holds.

    Attributes:
        height: Rows.
        width: Columns.
        channels: Of each page.
        frames: Pages of one size.
        others: Pages of other sizes, such as previews.
        dtype: What a pixel is.
        transparent: Whether pages have transparency.
    """

    height: int
    width: int
    channels: int
    frames: int
    others: int
    dtype: np.dtype
    transparent: bool

    @property
    def is_unbounded(self) -> bool:
        """Whether pixels are floats or integers whose type does not tell what is white."""
        return self.dtype not in (bool, np.uint8, np.uint16)


def find_stack(path: str | os.PathLike[str]) -> Stack | None:
    """Returns what a TIFF file holds, or None if it is one picture as other formats have it.

    Args:
        path: Any file; others than TIFF by their name give None, and so do damaged ones.

    Raises:
        InputError: If the file is a part of a picture in several files.
    """
    if os.path.splitext(path)[1].lower() not in SUFFIXES:
        return None
    try:
        with _open(path) as file:
            stack = _describe(path, file)
            known = _is_known(file.series[0])
    except InputError:
        raise
    except Exception:  # whatever is wrong with it, Pillow names it
        return None
    ordinary = stack.frames == 1 and not stack.others and known
    return None if ordinary else stack


def read_planes(
    path: str | os.PathLike[str], stack: Stack, *, page: int, pages_are_channels: bool
) -> list[np.ndarray]:
    """Reads one page, or one picture with a channel for each page.

    Args:
        path: The file.
        stack: What `find_stack` says of it.
        page: Which page, from 0.
        pages_are_channels: Whether to read all pages, each as a channel.

    Returns:
        uint8 or uint16 arrays `(H, W)`, one per channel; or, of other types that `is_unbounded`,
        whole numbers or floats as they are.

    Raises:
        InputError: If pixels are no real numbers.
    """
    with _open(path) as file:
        series = file.series[0]
        frames = range(stack.frames) if pages_are_channels else [page]
        planes = [plane for frame in frames for plane in _read_frame(path, series, frame)]
    return [_check_type(path, plane) for plane in planes]


def _open(path: str | os.PathLike[str]) -> tifffile.TiffFile:
    import tifffile

    # What is odd in a file is said in our sentences, or does not matter.
    logging.getLogger("tifffile").setLevel(logging.CRITICAL + 1)
    return tifffile.TiffFile(path)


def _describe(path: str | os.PathLike[str], file: tifffile.TiffFile) -> Stack:
    series = file.series[0]
    if series.is_multifile:
        raise InputError(
            f"{path} is one part of a picture that spans several files (OME-TIFF); expected "
            "a file that is complete. Save each picture as one file."
        )
    sizes = dict(zip(series.axes, series.shape, strict=True))
    channels = math.prod(sizes.get(axis, 1) for axis in _CHANNELS)
    frames = math.prod(series.shape) // (channels * sizes["Y"] * sizes["X"])
    height, width, transparent = sizes["Y"], sizes["X"], _has_alpha(series.keyframe)
    if not _is_plain(series.keyframe):
        _require_one_image(path, sizes)
        channels = 3
        with _open_page(path, 0) as image:  # upright
            width, height = image.size
    others = sum(
        math.prod(each.shape[:-2]) if each.axes.endswith("YX") else 1 for each in file.series[1:]
    )
    return Stack(
        height, width, channels, frames, others, series.dtype.newbyteorder("="), transparent
    )


def _is_known(series: tifffile.TiffPageSeries) -> bool:
    """Whether Pillow reads all channels of a page: gray or colours, perhaps with transparency."""
    page = series.keyframe
    alone = math.prod(series.shape) == math.prod(page.shape)
    return alone and page.samplesperpixel <= 4 and 0 not in page.extrasamples


def _is_plain(page: Any) -> bool:
    """Whether numbers are brightnesses as they are; else Pillow makes colours of them."""
    upright = page.tags.valueof(274, 1) == 1
    return page.photometric in _PLAIN and upright and not _has_alpha(page)


def _has_alpha(page: Any) -> bool:
    return any(kind in _ALPHA for kind in page.extrasamples)


def _require_one_image(path: str | os.PathLike[str], sizes: dict[str, int]) -> None:
    if sizes.get("S", 1) > 4 or sizes.get("C", 1) > 1:
        raise InputError(
            f"{path} has channels with a palette, transparency or an orientation; expected "
            "plain brightness values. Save its channels as 8 or 16 bits without them."
        )


def _read_frame(
    path: str | os.PathLike[str], series: tifffile.TiffPageSeries, frame: int
) -> list[np.ndarray]:
    """Returns the channels of one frame, `(H, W)` each."""
    page = series.keyframe
    if not _is_plain(page):
        return _split(_read_by_pillow(path, series, frame), "YXS")
    outer = len(series.shape) - len(page.shape)
    of_frames = [n for n, axis in enumerate(series.axes[:outer]) if axis not in _CHANNELS]
    place = np.unravel_index(frame, [series.shape[n] for n in of_frames] or [1])
    index: list[Any] = [slice(None)] * outer
    for number, at in zip(of_frames, place, strict=False):
        index[number] = int(at)
    if series.shape[outer:] != page.shape:
        raise InputError(
            f"{path} has pages that are not pictures of height and width (axes "
            f"{series.axes}); expected pages of one picture each. Save it in this form."
        )
    if series.dataoffset is not None and page.is_memmappable:
        import tifffile

        found = np.array(tifffile.memmap(path, series=0, mode="r")[tuple(index)])
    else:
        numbers = np.arange(math.prod(series.shape[:outer])).reshape(series.shape[:outer])
        chosen = np.ravel(numbers[tuple(index)])
        found = np.stack([_read_page(path, series, int(number)) for number in chosen])
        found = found if isinstance(numbers[tuple(index)], np.ndarray) else found[0]
    left = "".join(a for n, a in enumerate(series.axes) if n >= outer or n not in of_frames)
    planes = _split(found, left)
    if page.photometric == 0:  # white is zero
        if found.dtype not in (bool, np.uint8, np.uint16):
            raise InputError(
                f"{path} has pixels of type {found.dtype} and says that white is zero; "
                "expected black at the low end. Save it as BlackIsZero."
            )
        planes = [~plane for plane in planes]
    return planes


def _read_page(
    path: str | os.PathLike[str], series: tifffile.TiffPageSeries, number: int
) -> np.ndarray:
    """Returns one page; one that tifffile has no decoder for is read by Pillow."""
    page = series.pages[number]
    if page is None:
        raise InputError(f"{path} lacks page {number}; expected a whole file. Save it again.")
    try:
        return page.asarray()
    except ValueError as error:
        if "imagecodecs" not in str(error):
            raise
        if series.keyframe.samplesperpixel in (1, 3):
            return _read_by_pillow(path, series, number)
        raise InputError(
            f"{path} is compressed in a way that cannot be read ({error}). With several "
            "channels, expected no compression or deflate. Save it in this form, or run: "
            "pip install imagecodecs."
        ) from error


def _read_by_pillow(
    path: str | os.PathLike[str], series: tifffile.TiffPageSeries, number: int
) -> np.ndarray:
    """Returns a page as Pillow shows it: `(H, W)` or, in colours, `(H, W, 3)`."""
    from PIL import Image, ImageOps

    page: Any = series.pages[number]
    with _open_page(path, page.index) as opened:
        image: Any = ImageOps.exif_transpose(opened)
        if image.has_transparency_data:
            white = Image.new("RGBA", image.size, "white")
            white.alpha_composite(image.convert("RGBA"))
            return np.asarray(white.convert("RGB"))
        if _is_plain(series.keyframe):
            image = image.convert("L") if image.mode == "1" else image
            # Pillow turns what is white at zero; here it is turned back with all others.
            pixels = np.array(image)
            return ~pixels if series.keyframe.photometric == 0 else pixels
        return np.asarray(image.convert("RGB"))


def _open_page(path: str | os.PathLike[str], index: int):
    from PIL import Image

    image = Image.open(path, formats=("TIFF",))
    image.seek(index)
    return image


def _split(pixels: np.ndarray, axes: str) -> list[np.ndarray]:
    """Returns the planes of an array that has height, width and perhaps one axis of channels."""
    channels = [n for n, axis in enumerate(axes) if axis in _CHANNELS]
    if pixels.ndim == 2 or not channels:
        return [pixels.reshape(pixels.shape[-2:])]
    pixels = np.moveaxis(pixels, channels, range(len(channels)))
    return list(pixels.reshape(-1, *pixels.shape[-2:]))


def _check_type(path: str | os.PathLike[str], plane: np.ndarray) -> np.ndarray:
    if plane.dtype == bool:
        return plane.astype(np.uint8) * 255
    if plane.dtype.kind not in "uif":
        raise InputError(
            f"{path} has pixels of type {plane.dtype}; expected whole numbers or floats. Convert "
            "it, or give arrays in an .npz file."
        )
    kind = plane.dtype.newbyteorder("=")
    # Pillow reads 16 bits with a sign as 32 bits, and so a picture that stands alone.
    return np.ascontiguousarray(plane, dtype=np.int32 if kind in (np.int8, np.int16) else kind)
