"""Images small enough for a page."""

from __future__ import annotations

import numpy as np

# Longest side in pixels: of images that are looked at one by one, and of those on a map.
LARGE, SMALL = 96, 32


def shrink_images(images: np.ndarray, side: int) -> np.ndarray:
    """Returns images no larger than `side` by `side`, their aspect kept.

    Args:
        images: uint8 `(N, H, W, C)`.
        side: Longest side of the result; smaller images stay as they are.

    Returns:
        uint8 `(N, H', W', C')`; C' is 3 for colour and else 1: of other channels the mean.
    """
    from PIL import Image

    if images.shape[-1] not in (1, 3):
        images = np.rint(images.mean(axis=-1, keepdims=True)).astype(np.uint8)
    height, width, channels = images.shape[1:]
    scale = side / max(height, width)
    if scale >= 1:
        return np.ascontiguousarray(images)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    shrunk = np.empty((len(images), size[1], size[0], channels), np.uint8)
    for place, image in enumerate(images):
        picture = Image.fromarray(image[..., 0] if channels == 1 else image)
        shrunk[place] = np.asarray(picture.resize(size, Image.Resampling.BOX)).reshape(
            shrunk.shape[1:]
        )
    return shrunk
