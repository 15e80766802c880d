"""Features of a frozen encoder, and features that need no network."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np

from tfzero.common.images import require_images
from tfzero.networks.blocks import Columns, join_blocks
from tfzero.networks.reading import read_network
from tfzero.transfer.graph import Graph, build_lazily, place_lazily
from tfzero.transfer.scaling import PIXELS

# Features up to so many bytes are held in memory.
_MOST_BYTES = 2**28


def read_features(encoder: keras.Model | None, images: np.ndarray) -> np.ndarray:
    """Returns features of images.

    Args:
        encoder: Keras model from float32 images in 0..1 to features; None reads the pixels.
        images: `(N, H, W, C)`, uint8, floats in 0..1 or bool.

    Returns:
        float32 `(N, D)`; for pixels D = H * W * C, in 0..1.
    """
    if encoder is not None:
        return read_network(encoder, images)
    images = require_images(images)
    pixels = images.reshape(len(images), -1).astype(np.float32)
    return pixels / 255 if images.dtype == np.uint8 else pixels


def read_blocks(
    encoder: keras.Model | None, images: np.ndarray
) -> tuple[np.ndarray, dict[str, Columns]]:
    """Returns the features of an encoder's blocks side by side, and which columns are whose.

    Args:
        encoder: As in `read_features`; see `tfzero.networks.blocks.join_blocks`.
        images: As in `read_features`.

    Returns:
        float32 `(N, D)`, and by name of each block its columns (start, stop); the last are the
        encoder's own features. Pixels are one block.
    """
    parts, columns = stream_blocks(encoder, images, size=max(1, len(images)))
    return next(parts), columns


def stream_blocks(
    encoder: keras.Model | None, images: np.ndarray, *, size: int
) -> tuple[Iterator[np.ndarray], dict[str, Columns]]:
    """Returns what `read_blocks` does, the features of `size` images at a time."""
    joined, columns = None, {PIXELS: (0, int(np.prod(images.shape[1:])))}
    if encoder is not None:
        joined, columns = join_blocks(encoder)
    starts = range(0, max(1, len(images)), size)
    return (read_features(joined, images[s : s + size]) for s in starts), columns


def place_images(encoder: keras.Model | None, images: np.ndarray) -> np.ndarray:
    """Returns where images are among each other, by an encoder's own features or by pixels.

    Args:
        encoder: As in `read_features`.
        images: `(N, H, W, C)`, uint8 in 0..255 or floats in 0..1.

    Returns:
        float32 `(N, C)`: unit vectors of at most 100 principal components. Not finite where
        features are not.
    """
    read = _open_rows(encoder, images)
    return place_lazily(read, len(images), same_unit=encoder is None)[1]


def graph_images(encoder: keras.Model | None, pool: np.ndarray) -> Graph:
    """Builds the graph of a pool by the blocks of an encoder, or by pixels.

    Args:
        encoder: As in `read_features`; all blocks are read together.
        pool: `(N, H, W, C)`, uint8 in 0..255 or floats in 0..1; read a part at a time.

    Returns:
        The graph. Where features are not finite, neither are its places.
    """
    if encoder is None:
        return build_lazily(_open_rows(None, pool), len(pool), same_unit=True)
    joined, columns = join_blocks(encoder)
    read = _open_rows(joined, pool)
    return build_lazily(read, len(pool), blocks=tuple(columns.values()))


def _open_rows(encoder: keras.Model | None, images: np.ndarray):
    """Returns what gives the features of some rows of images.

    The directions of a space are found first, and then the places in it. Where there is room, all
    images are read at once, so that the network reads none of them twice.
    """
    if encoder is None or 4 * len(images) * int(encoder.output_shape[-1]) > _MOST_BYTES:
        return lambda rows: read_features(encoder, images[rows])
    return read_features(encoder, images).__getitem__
