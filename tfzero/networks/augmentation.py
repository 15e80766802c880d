"""Augmentation inside the graph: one warp per batch, drawn from (seed, step) and nothing else."""

from __future__ import annotations

import math

import tensorflow as tf

# Small enough to keep a digit a digit and a shirt a shirt: no flips, no colour.
MAX_SHIFT = 0.1  # share of the side
MAX_ROTATION = 10 / 180 * math.pi  # radians
MAX_ZOOM = 0.1  # share of the side


def augment_images(images: tf.Tensor, *, seed: tf.Tensor) -> tf.Tensor:
    """Shifts, rotates and zooms each image by its own random amount, in one operation.

    Args:
        images: float32 `(B, H, W, C)`.
        seed: int32 `(2,)`; the same seed gives the same warps.

    Returns:
        float32 `(B, H, W, C)`; pixels from outside repeat the nearest edge.
    """
    shape = tf.shape(images)
    height, width = tf.cast(shape[1], tf.float32), tf.cast(shape[2], tf.float32)
    draws = tf.random.stateless_uniform(tf.stack([shape[0], 4]), seed, minval=-1.0)  # (B, 4)
    angle = draws[:, 0] * MAX_ROTATION
    zoom = 1.0 + draws[:, 1] * MAX_ZOOM
    cosine, sine = tf.cos(angle) * zoom, tf.sin(angle) * zoom
    # Rotation and zoom about the centre, then the shift: output (x, y) reads input
    # (a x + b y + c, d x + e y + f).
    center_x, center_y = (width - 1) / 2, (height - 1) / 2
    offset_x = center_x - cosine * center_x + sine * center_y + draws[:, 2] * MAX_SHIFT * width
    offset_y = center_y - sine * center_x - cosine * center_y + draws[:, 3] * MAX_SHIFT * height
    zeros = tf.zeros_like(angle)
    transforms = tf.stack(
        [cosine, -sine, offset_x, sine, cosine, offset_y, zeros, zeros], axis=1
    )  # (B, 8)
    warped = tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=transforms,
        output_shape=shape[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )
    return tf.ensure_shape(warped, images.shape)
