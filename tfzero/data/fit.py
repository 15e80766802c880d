"""One picture of another shape to the size that is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

# How an image of another shape is brought to a size; graph.py does the same to what is served.
RESIZE_MODES = ("stretch", "pad", "crop")


def resize_picture(image: PillowImage, size: tuple[int, int], *, resize: str) -> PillowImage:
    """Brings an image of mode L or RGB to (height, width): "stretch", "pad" or "crop"."""
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
