"""Features of a frozen encoder, and features that need no network."""

from __future__ import annotations

import keras
import numpy as np

from tfzero._compiled import predict_compiled
from tfzero.transfer.classifier import FeatureReader


def read_features(encoder: keras.Model | None, images: np.ndarray) -> np.ndarray:
    """Returns features of images.

    Args:
        encoder: Keras model from float32 images in 0..1 to features; None reads the pixels.
        images: `(N, H, W, C)`, uint8 or floats in 0..1; without an encoder perhaps features that
            were read before, float32 `(N, D)`.

    Returns:
        float32 `(N, D)`; for pixels D = H * W * C, in 0..1.
    """
    if encoder is None:
        if images.ndim == 2:
            return images
        pixels = images.reshape(len(images), -1).astype(np.float32)
        return pixels / 255 if images.dtype == np.uint8 else pixels
    return predict_compiled(FeatureReader(encoder), images)
