"""Feature spaces with names: by what generated images are compared with real ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfzero.common.surroundings import own_settings
from tfzero.networks.encoder import build_encoder
from tfzero.networks.precision import PRECISION, call_network
from tfzero.networks.scaling import scale_images

# Principal components of pixels: enough for nine tenths of the variance of small images.
_MOST_COMPONENTS = 64
# Images that decide the components, and images projected at once.
_MOST_FITTED, _BATCH = 5_000, 500


class FeatureSpace(NamedTuple):
    """A map from images to features, and what figures computed on it are called by.

    Attributes:
        name: As in "KID on NAME".
        read: From `(N, H, W, C)`, uint8 or floats in 0..1, to float `(N, D)`.
    """

    name: str
    read: Callable[[np.ndarray], np.ndarray]


def pixel_space(images: np.ndarray) -> FeatureSpace:
    """Returns the space of the principal components of pixels.

    Args:
        images: `(N, H, W, C)`, real ones, which decide the components: up to 64 of them.
    """
    from sklearn.decomposition import PCA

    chosen = images[np.linspace(0, len(images) - 1, min(len(images), _MOST_FITTED)).astype(int)]
    fitted = _flatten(chosen)
    components = min(_MOST_COMPONENTS, *fitted.shape)
    model = PCA(components, svd_solver="randomized", random_state=0).fit(fitted)

    def read(images):
        starts = range(0, len(images), _BATCH)
        parts = [model.transform(_flatten(images[s : s + _BATCH])) for s in starts]
        return np.concatenate(parts)

    return FeatureSpace(f"pixels ({components} principal components)", read)


def random_space(image_shape: tuple[int, int, int], *, seed: int = 0) -> FeatureSpace:
    """Returns the space of an encoder with random weights.

    Args:
        image_shape: `(H, W, C)`.
        seed: Draws the weights.
    """
    with own_settings(PRECISION):  # the same measure whatever is measured
        encoder = build_encoder(image_shape, seed=seed)
    return encoder_space(encoder, name=f"a random encoder (seed {seed})")


def encoder_space(encoder: keras.Model, *, name: str) -> FeatureSpace:
    """Returns the space of an encoder's features.

    Args:
        encoder: Keras model from float32 images in 0..1 to features.
        name: What the features are called, for example by file and by what trained it.
    """

    def read(images):
        starts = range(0, len(images), _BATCH)
        parts = [np.asarray(call_network(encoder, _scale(images[s : s + _BATCH]))) for s in starts]
        return np.concatenate(parts).reshape(len(images), -1)

    return FeatureSpace(name, read)


def _flatten(images: np.ndarray) -> np.ndarray:
    return _scale(images).numpy().reshape(len(images), -1)


def _scale(images: np.ndarray) -> tf.Tensor:
    return scale_images(tf.convert_to_tensor(images))
