"""What becomes of a user's images before a public network: channels, size and scale."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from tfzero.networks.precision import PRECISION

# ImageNet's mean and deviation of RGB, and the mean of BGR in 0..255.
_TORCH_MEAN, _TORCH_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_CAFFE_MEAN = (103.939, 116.779, 123.68)
SCALINGS = {
    "tf": lambda x: x * 2.0 - 1.0,
    "torch": lambda x: (x - tf.constant(_TORCH_MEAN)) / tf.constant(_TORCH_DEVIATION),
    "caffe": lambda x: tf.reverse(x, [-1]) * 255.0 - tf.constant(_CAFFE_MEAN),
    "pixels": lambda x: x * 255.0,
    "unit": lambda x: x,
    "lite": lambda x: (x * 255.0 - 127.0) / 128.0,
}
INTERPOLATIONS = ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")
# As "bilinear" with antialiasing, which TensorFlow has for processors alone, and not for XLA.
TRIANGLE = "triangle"

# A name, or for each channel a factor and an offset of pixels in 0..255.
Scaling = str | tuple[tuple[float, ...], tuple[float, ...]]


@keras.saving.register_keras_serializable("tfzero")
class PublicPixels(keras.layers.Layer):
    """Makes of an image in 0..1 what a public network takes: three channels, its size, its scale.

    Args:
        size: Side to resize to; what is not square is stretched. None keeps height and width.
        scaling: A key of `SCALINGS`; or a factor and an offset for each of the three channels,
            which act on pixels in 0..255.
        interpolation: How pixels between are found: one of `INTERPOLATIONS`, or "triangle", which
            a GPU can do.
        **kwargs: As of any layer.
    """

    def __init__(
        self,
        size: int | None,
        scaling: str | Sequence[Sequence[float]],
        interpolation: str = "bilinear",
        **kwargs,
    ):
        # In half precision, pixels of 0..255 would lose their last digits.
        super().__init__(**{"dtype": PRECISION, **kwargs})
        self.size, self.interpolation = size, interpolation
        if not isinstance(scaling, str):  # a file has lists in place of tuples
            factors, offsets = scaling
            scaling = tuple(map(float, factors)), tuple(map(float, offsets))
        self.scaling: Scaling = scaling

    def call(self, images):
        """Returns `(B, size, size, 3)`, or `(B, H, W, 3)`, of images `(B, H, W, C)`, C 1 or 3."""
        if images.shape[-1] == 1:
            images = tf.repeat(images, 3, axis=-1)
        sides = images.shape[1:3]
        if self.size is not None and tuple(sides) != (self.size, self.size):
            images = self._resize(images, self.size)
        if isinstance(self.scaling, str):
            return SCALINGS[self.scaling](images)
        factors, offsets = self.scaling
        return images * 255.0 * tf.constant(factors) + tf.constant(offsets)

    def _resize(self, images, size: int):
        sides = images.shape[1:3]
        if self.interpolation == TRIANGLE:
            down, across = (weigh_pixels(side, size) for side in sides)
            images = tf.einsum("hy,byxc->bhxc", tf.constant(down, images.dtype), images)
            return tf.einsum("wx,bhxc->bhwc", tf.constant(across, images.dtype), images)
        # Shrunk without it, pixels between are never seen; enlarged it changes little.
        shrinks = max(sides) > size
        return tf.image.resize(images, (size, size), self.interpolation, antialias=shrinks)

    def compute_output_shape(self, input_shape):
        """Returns `(B, size, size, 3)`, or `(B, H, W, 3)`."""
        sides = input_shape[1:3] if self.size is None else (self.size, self.size)
        return (input_shape[0], *sides, 3)

    def get_config(self) -> dict:
        """Returns the constructor's arguments."""
        own = {"size": self.size, "scaling": self.scaling, "interpolation": self.interpolation}
        return {**super().get_config(), **own}


def weigh_pixels(before: int, after: int) -> np.ndarray:
    """Returns by how much each pixel of a line counts in each pixel of the resized line.

    The weights fall linearly with the distance, to 0 at a pixel of the coarser line.

    Args:
        before: Pixels of the line.
        after: Pixels of the resized line.

    Returns:
        float32 `(after, before)`, whose rows have a sum of 1.
    """
    step = before / after
    centres = (np.arange(after)[:, None] + 0.5) * step
    distances = np.abs(np.arange(before) + 0.5 - centres) / max(1.0, step)
    weights = np.maximum(0.0, 1.0 - distances)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
