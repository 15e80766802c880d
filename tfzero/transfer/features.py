"""Features of a frozen encoder, and features that need no network."""

from __future__ import annotations

import functools

import keras
import numpy as np

from tfzero.common.images import require_images
from tfzero.networks.blocks import Columns, join_blocks
from tfzero.networks.reading import read_network
from tfzero.transfer.graph import Graph, build_lazily, place_lazily
from tfzero.transfer.scaling import PIXELS

# Features up to so many bytes are held in memory.
_MOST_BYTES = 2**30


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
    if encoder is None:
        values = read_features(None, images)
        return values, {PIXELS: (0, values.shape[1])}
    joined, columns = join_blocks(encoder)
    return read_features(joined, images), columns


def place_images(encoder: keras.Model | None, images: np.ndarray) -> np.ndarray:
    """Returns where images are among each other, by an encoder's own features or by pixels.

    Args:
        encoder: As in `read_features`.
        images: `(N, H, W, C)`, uint8 in 0..255 or floats in 0..1.

    Returns:
        float32 `(N, C)`: unit vectors of at most 50 principal components. Not finite where features
        are not.
    """
    read = functools.partial(_read_rows, encoder, images)
    if encoder is None:
        return place_lazily(read, len(images), same_unit=True)[1]
    if 4 * len(images) * int(encoder.output_shape[-1]) <= _MOST_BYTES:
        # The directions are found first, and then the places: nothing is read twice.
        read = read_features(encoder, images).__getitem__
    return place_lazily(read, len(images))[1]


def graph_images(encoder: keras.Model | None, pool: np.ndarray) -> Graph:
    """Builds the graph of a pool by the blocks of an encoder, or by pixels.

    Args:
        encoder: As in `read_features`; all blocks are read together.
        pool: `(N, H, W, C)`, uint8 in 0..255 or floats in 0..1; read a part at a time.

    Returns:
        The graph. Where features are not finite, neither are its places.
    """
    if encoder is None:
        read = functools.partial(_read_rows, None, pool)
        return build_lazily(read, len(pool), same_unit=True)
    joined, columns = join_blocks(encoder)
    read = functools.partial(_read_rows, joined, pool)
    return build_lazily(read, len(pool), blocks=tuple(columns.values()))


def _read_rows(encoder: keras.Model | None, images: np.ndarray, rows) -> np.ndarray:
    return read_features(encoder, images[rows])
