"""Where in an image a network finds what it answers (Grad-CAM)."""

from __future__ import annotations

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfzero.networks.scaling import scale_images

# A coarser map than this points at nothing; the last blocks of small images are 2x2.
_LEAST_SIDE = 4


class Attention(NamedTuple):
    """Maps of what spoke for a class.

    Attributes:
        heat: float32 `(N, H', W')` in 0..1, each map divided by its largest value.
        layer: The name of the layer that was read.
    """

    heat: np.ndarray
    layer: str


def find_layer(encoder: keras.Model) -> str | None:
    """Returns the last layer with a grid of 4x4 or more, else with any grid; None without one."""
    grids = [
        (layer.name, min(layer.output.shape[1:3]))
        for layer in getattr(encoder, "layers", [])[1:]
        if isinstance(getattr(layer, "output", None), keras.KerasTensor)
        and len(layer.output.shape) == 4
        and None not in layer.output.shape[1:]
    ]
    fine = [name for name, side in grids if side >= _LEAST_SIDE]
    coarse = [name for name, side in grids if side > 1]
    return (fine or coarse or [None])[-1]


def find_attention(classifier, images: np.ndarray, classes: np.ndarray) -> Attention | None:
    """Returns what in each image spoke for a class; None where no layer has a grid.

    The gradient of the class's logit with respect to a layer, averaged over the grid, weighs the
    layer's channels; what is negative is cut off. With a head that is linear in its features and
    features that are averages of the layer, this is where the logit comes from.

    Args:
        classifier: A `tfzero.Classifier`.
        images: uint8 `(N, H, W, C)`.
        classes: int `(N,)`, the class asked about.

    Reference:
        Selvaraju et al. 2017, arXiv:1610.02391, eqs. 1 and 2.
    """
    encoder, head = classifier.encoder, classifier.head
    layer = find_layer(encoder)
    if layer is None:
        return None
    split = keras.Model(encoder.inputs, [encoder.get_layer(layer).output, encoder.output])
    pixels = scale_images(tf.convert_to_tensor(images))
    with tf.GradientTape() as tape:
        tape.watch(pixels)  # else nothing of a frozen encoder is on the tape
        grid, features = split(pixels, training=False)  # (N, H', W', F), (N, D)
        features = tf.cast(features, tf.float32)
        logits = tf.matmul(features, head.kernel) + head.bias
        asked = tf.gather(logits, tf.cast(classes, tf.int32), batch_dims=1)  # (N,)
    slopes, grid = (tf.cast(each, tf.float32) for each in (tape.gradient(asked, grid), grid))
    weights = tf.reduce_mean(slopes, axis=(1, 2), keepdims=True)
    heat = tf.nn.relu(tf.reduce_sum(weights * grid, axis=-1)).numpy()  # (N, H', W')
    return Attention(heat / np.maximum(heat.max(axis=(1, 2), keepdims=True), 1e-12), layer)
