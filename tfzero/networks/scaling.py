"""The one place where pixels become numbers: training, evaluation and serving call it."""

from __future__ import annotations

import tensorflow as tf


def scale_images(images: tf.Tensor) -> tf.Tensor:
    """Scales images to the range that every encoder takes.

    Args:
        images: `(B, H, W, C)`; uint8 in 0..255, or floating point already in 0..1.

    Returns:
        float32 `(B, H, W, C)` in 0..1.

    Raises:
        TypeError: If the type is neither uint8 nor floating point.
    """
    images = tf.convert_to_tensor(images)
    if images.dtype == tf.uint8:
        return tf.cast(images, tf.float32) / 255.0
    if images.dtype.is_floating:
        return tf.cast(images, tf.float32)
    raise TypeError(f"images have type {images.dtype.name}; expected uint8 or floating point.")
