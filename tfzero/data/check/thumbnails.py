"""Small gray pictures and what stands out in them, by which images are compared."""

from __future__ import annotations

import numpy as np

from tfzero.data.memory import slices


def make_thumbnails(images: np.ndarray, side: int) -> np.ndarray:
    """Shrinks or enlarges images with a triangle filter and averages their channels.

    Args:
        images: uint8 `(N, H, W, C)`.
        side: Height and width of the result.

    Returns:
        float32 `(N, side, side)` in 0..255.
    """
    down, across = (_filter(length, side) for length in images.shape[1:3])
    thumbnails = np.empty((len(images), side, side), np.float32)
    for piece in slices(len(images), 16 * images[:1].nbytes):
        gray = images[piece].mean(axis=-1, dtype=np.float32)
        thumbnails[piece] = down @ gray @ across.T
    return thumbnails


def _filter(length: int, side: int) -> np.ndarray:
    """Returns float32 `(side, length)` weights, each row summing to 1."""
    scale = length / side
    centers = (np.arange(side) + 0.5) * scale
    distance = np.abs(np.arange(length) + 0.5 - centers[:, None])
    weights = np.maximum(0, 1 - distance / max(scale, 1)) + 1e-9
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def find_details(thumbnails: np.ndarray) -> np.ndarray:
    """Returns what differs from the neighbouring pixels, as vectors of length 1.

    Two photographs of a sky are alike in their large areas; only pictures of one original agree
    in their details. A picture without any is all 0.

    Args:
        thumbnails: float32 `(N, S, S)`.

    Returns:
        float32 `(N, S * S)`.
    """
    framed = np.pad(thumbnails, ((0, 0), (1, 1), (1, 1)), mode="edge")
    details = 4 * thumbnails - framed[:, :-2, 1:-1] - framed[:, 2:, 1:-1]
    details -= framed[:, 1:-1, :-2] + framed[:, 1:-1, 2:]
    details = details.reshape(len(thumbnails), -1)
    lengths = np.linalg.norm(details, axis=1, keepdims=True)
    return np.where(lengths > 1, details / np.maximum(lengths, 1), 0).astype(np.float32)


def describe_images(images: np.ndarray) -> np.ndarray:
    """Returns simple features: an 8x8 picture, means and spreads of channels, and detail.

    Returns:
        float32 `(N, 64 + 2 * C + 1)`.
    """
    thumbnails = make_thumbnails(images, 8)
    features = [thumbnails.reshape(len(images), -1)]
    statistics = np.empty((len(images), 2 * images.shape[-1] + 1), np.float32)
    for piece in slices(len(images), 16 * images[:1].nbytes):
        pixels = images[piece].astype(np.float32)
        steps = np.abs(np.diff(pixels, axis=1)).mean(axis=(1, 2, 3))
        statistics[piece] = np.concatenate(
            [pixels.mean(axis=(1, 2)), pixels.std(axis=(1, 2)), steps[:, None]], axis=1
        )
    return np.concatenate([*features, statistics], axis=1)
