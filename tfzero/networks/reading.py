"""Features of images in either pixel format, read from a frozen network."""

from __future__ import annotations

import keras
import numpy as np

from tfzero.common.compiled import predict_compiled
from tfzero.common.images import require_images
from tfzero.networks.precision import PRECISION, call_network
from tfzero.networks.scaling import scale_images


@keras.saving.register_keras_serializable("tfzero")
class FeatureReader(keras.Model):
    """Reads an encoder's features of images in either pixel format; never trained.

    Args:
        encoder: Keras model from float32 images in 0..1 to features `(B, D)`; not copied.
    """

    def __init__(self, encoder: keras.Model):
        super().__init__(dtype=PRECISION)
        self.encoder = encoder
        self.built = True

    def call(self, images, training=False):
        """Returns features `(B, D)` of images `(B, H, W, C)`; `training` changes nothing."""
        del training
        return call_network(self.encoder, scale_images(images))

    def get_config(self) -> dict:
        """Returns the constructor's arguments."""
        return {"encoder": keras.saving.serialize_keras_object(self.encoder)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Rebuilds the reader; weights are loaded separately."""
        return cls(keras.saving.deserialize_keras_object(config["encoder"], custom_objects))


def read_network(network: keras.Model, images: np.ndarray) -> np.ndarray:
    """Returns float32 features `(N, D)` of images, each read once.

    Args:
        network: Keras model from float32 images in 0..1 to features.
        images: `(N, H, W, C)`, uint8, floats in 0..1 or bool.
    """
    return predict_compiled(FeatureReader(network), require_images(images))
