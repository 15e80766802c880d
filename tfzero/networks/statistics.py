"""The moving statistics of batch normalization in networks of random weights."""

from __future__ import annotations

import keras
import numpy as np

# Images that the statistics are of. Means over so many, and over all pixels, are near enough.
_COUNT = 32


def has_statistics(network: keras.Model) -> bool:
    """Returns whether a network has batch normalization."""
    return bool(_list_layers(network))


def settle_statistics(network: keras.Model, *, seed: int) -> None:
    """Gives the batch normalization of a network the statistics of its random weights, in place.

    Keras begins with a mean of 0 and a variance of 1. The values of random weights are far from
    that: judged by it, all features of a MobileNet are below 1e-20, and nothing can be read from
    them. A classifier that is fitted to them is wrong in training, where each batch has its own
    statistics. Here the statistics are those of one batch of noise, whatever the images.

    Args:
        network: With one input of images, float32 `(B, H, W, C)` in 0..1.
        seed: Random seed of the noise.
    """
    layers = _list_layers(network)
    shape = getattr(network, "input_shape", None)
    if not layers or not isinstance(shape, tuple) or None in shape[1:]:
        return
    random = np.random.default_rng(seed)
    # Half of each pixel is the image's own brightness: images differ, too.
    noise = (random.random((_COUNT, *shape[1:])) + random.random((_COUNT, 1, 1, 1))) / 2
    # Layers with noise of their own, as Dropout, have a state that must not move.
    others = {id(variable) for layer in layers for variable in layer.variables}
    kept = [(v, v.numpy()) for v in network.variables if id(v) not in others]
    momenta = [(layer, layer.momentum, layer.trainable) for layer in layers]
    for layer, _, _ in momenta:
        layer.momentum, layer.trainable = 0.0, True
    try:
        network(noise.astype(np.float32), training=True)
    finally:
        for layer, momentum, trainable in momenta:
            layer.momentum, layer.trainable = momentum, trainable
        for variable, value in kept:
            variable.assign(value)


def _list_layers(network: keras.Model) -> list[keras.layers.BatchNormalization]:
    layers = network._flatten_layers()
    return [each for each in layers if isinstance(each, keras.layers.BatchNormalization)]
