"""Sizes that users ask for, and arrays of images brought to them."""

from __future__ import annotations

from numbers import Integral

import numpy as np

from tfzero._checks import InputError, check_images

SMALLEST = 8

Size = int | tuple[int, int] | list[int] | None


def parse_size(size: Size) -> tuple[int, int] | None:
    """Returns (height, width), or None for None; one number means a square.

    Raises:
        InputError: If it is no size, or a side is under 8.
    """
    if size is None:
        return None
    sides = size if isinstance(size, (tuple, list)) else (size, size)
    if len(sides) != 2 or not all(_is_whole(side) for side in sides):
        raise InputError(f"size is {size!r}; expected one whole number or (height, width).")
    height, width = int(sides[0]), int(sides[1])
    if min(height, width) < SMALLEST:
        raise InputError(f"size is {height}x{width} pixels; expected at least 8x8. Ask for more.")
    return height, width


def _is_whole(side: object) -> bool:
    return isinstance(side, Integral) and not isinstance(side, bool)


def resize_images(images: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resizes uint8 `(N, H, W, C)` to `(N, *size, C)`, bilinear with antialiasing."""
    from PIL import Image

    if images.shape[1:3] == size:
        return images
    height, width = size
    num, _, _, channels = images.shape
    resized = np.empty((num, height, width, channels), np.uint8)
    for row, image in enumerate(images):
        for channel in range(channels):
            plane = Image.fromarray(np.ascontiguousarray(image[..., channel]))
            plane = plane.resize((width, height), Image.Resampling.BILINEAR)
            resized[row, ..., channel] = np.asarray(plane)
    return resized


def note_size(size: tuple[int, int] | None) -> list[str]:
    """Returns the sentence that says what `fit_images` did, if it did anything."""
    return [] if size is None else [f"All images were brought to {size[0]}x{size[1]} pixels."]


def fit_images(images: np.ndarray, size: tuple[int, int] | None, *, name: str) -> np.ndarray:
    """Returns images from a file as uint8 `(N, H, W, C)`, resized where a size is asked for.

    Args:
        images: uint8 or float in 0..1, `(N, H, W)` or `(N, H, W, C)`.
        size: (height, width) or None to leave them as they are.
        name: What the error messages call them.

    Raises:
        InputError: If shape, type or range are others, or they stay under 8x8.
    """
    if images.ndim == 3:
        images = images[..., None]
    if size is None or images.ndim != 4 or 0 in images.shape:
        return check_images(images, name=name)
    height, width = images.shape[1:3]
    # Small images may be enlarged: the least size binds what comes out, so pad to pass it.
    margins = [(0, max(0, SMALLEST - side)) for side in (height, width)]
    if min(height, width) < SMALLEST:
        images = np.pad(images, [(0, 0), *margins, (0, 0)], mode="edge")
    return resize_images(check_images(images, name=name)[:, :height, :width], size)
