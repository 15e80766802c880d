"""The decoder: latents to images, the generator of a GAN and the second half of a VAE."""

from __future__ import annotations

import math

import keras
import tensorflow as tf

from tfzero.common.checks import require_between
from tfzero.common.seeds import derive_seed
from tfzero.common.surroundings import own_settings
from tfzero.networks.layers import DoublingConv2D, scaled_leaky_relu
from tfzero.networks.precision import PRECISION
from tfzero.networks.shapes import default_width

# Doubling starts from a grid at least this wide and at most twice as wide, minus one.
_START_SIDE = 2
_MAX_DOUBLINGS = 5
# Filters never grow past this many at the small end, where they would only cost memory.
_MAX_FILTERS = 128


def build_decoder(
    image_shape: tuple[int, int, int],
    latent_dim: int,
    *,
    width: int | None = None,
    precision: str = PRECISION,
    seed: int = 0,
) -> keras.Model:
    """Builds the decoder `(B, Z) -> (B, H, W, C)`.

    A dense layer makes a small grid. Each block doubles the grid by nearest neighbour, convolves it
    3x3 with standardized weights, and halves the filters down to `width`. The last convolution
    gives logits. What the doubling overshot is cut off.

    Args:
        image_shape: `(H, W, C)`.
        latent_dim: Z, the number of latents.
        width: Filters of the last block; None means half of the default encoder's first.
        precision: Of its layers, one of `tfzero.common.surroundings.PRECISIONS`; the logits are
            float32 in any case.
        seed: Draws the weights.

    Returns:
        A Keras model; `sigmoid` of its output is an image in 0..1.

    Raises:
        InputError: If the width is below 1.
    """
    with own_settings(precision):
        return _build(image_shape, latent_dim, width, seed)


def _build(image_shape, latent_dim, width, seed) -> keras.Model:
    height, width_pixels, channels = image_shape
    width = default_width(image_shape) // 2 if width is None else width
    require_between(width, 1, None, name="width")
    doublings = min(_MAX_DOUBLINGS, int(math.log2(min(height, width_pixels) / _START_SIDE)))
    start = (-(-height // 2**doublings), -(-width_pixels // 2**doublings))
    filters = [min(_MAX_FILTERS, width * 2**k) for k in range(doublings, -1, -1)]
    latents = keras.Input((latent_dim,), name="latents")
    x = keras.layers.Dense(
        math.prod(start) * filters[0],
        activation=scaled_leaky_relu,
        kernel_initializer=keras.initializers.LecunNormal(derive_seed(seed, "start")),
        name="start",
    )(latents)
    x = keras.layers.Reshape((*start, filters[0]), name="grid")(x)
    for block, num_filters in enumerate(filters[1:], start=1):
        x = DoublingConv2D(
            num_filters,
            activation=scaled_leaky_relu,
            kernel_initializer=keras.initializers.HeNormal(derive_seed(seed, "block", block)),
            name=f"block{block}",
        )(x)  # (B, start * 2**block, num_filters)
    x = keras.layers.Conv2D(
        channels,
        3,
        padding="same",
        kernel_initializer=keras.initializers.LecunNormal(derive_seed(seed, "logits")),
        name="logits",
    )(x)
    excess = (x.shape[1] - height, x.shape[2] - width_pixels)
    if any(excess):
        x = keras.layers.Cropping2D(((0, excess[0]), (0, excess[1])), name="crop")(x)
    if x.dtype != PRECISION:
        x = keras.layers.Identity(name="float32", dtype=PRECISION)(x)
    return keras.Model(latents, x, name="decoder")


@own_settings()
def make_generator(decoder: keras.Model) -> keras.Model:
    """Returns the model from latents `(B, Z)` to images `(B, H, W, C)` in 0..1.

    Args:
        decoder: From `build_decoder`, or alike: latents to logits. Its weights are shared.
    """
    pixels = keras.layers.Activation("sigmoid", name="pixels", dtype=PRECISION)(decoder.output)
    return keras.Model(decoder.input, pixels, name="generator")


def decode_prior(decoder: keras.Model, count: int, *, seed: int) -> tf.Tensor:
    """Decodes latents drawn from N(0, 1).

    Args:
        decoder: From `build_decoder`, or alike: `(B, Z)` to logits `(B, H, W, C)`.
        count: How many images.
        seed: Draws the latents.

    Returns:
        float32 `(count, H, W, C)` in 0..1.
    """
    latents = tf.random.stateless_normal((count, decoder.input_shape[1]), (seed, 0))
    return tf.sigmoid(decoder(latents, training=False))
