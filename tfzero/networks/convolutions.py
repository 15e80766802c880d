"""Encoders of four blocks of convolutions with standardized weights."""

from __future__ import annotations

import keras

from tfzero.common.checks import InputError, require_between
from tfzero.common.seeds import derive_seed
from tfzero.networks.layers import StandardizedConv2D, scaled_leaky_relu
from tfzero.networks.precision import PRECISION
from tfzero.networks.shapes import default_width, list_blocks

# A grid this wide keeps where things are; one global mean loses 3 points of a linear probe
# on Fashion-MNIST at 100 labels.
FEATURE_GRID = 2
# How much of a block's change is added: the variance of its values then grows by a twentieth a
# block (Brock et al. 2021, arXiv:2101.08692, section 3, alpha).
_RESIDUAL_SCALE = 0.2


def build_convolutions(
    image_shape: tuple[int, int, int], *, width: int | None, units: int, seed: int
) -> keras.Model:
    """Returns an encoder of convolutions, which `tfzero.build_encoder` describes.

    Args:
        image_shape: Shape `(H, W, C)`; H and W at least 8, not necessarily equal.
        width: Number of filters of block 1. None chooses by image size.
        units: Number of residual units that follow the first convolution of each block.
        seed: Random seed of the weights.

    Raises:
        InputError: If the shape is not three positive numbers, a side is below 8, or the width is
            below 1.
    """
    if len(image_shape) != 3 or min(image_shape) < 1 or min(image_shape[:2]) < 8:
        raise InputError(
            f"image_shape is {tuple(image_shape)}; expected (height, width, channels) "
            "with at least 8x8 pixels."
        )
    width = default_width(image_shape) if width is None else width
    require_between(width, 1, None, name="width")
    inputs = keras.Input(tuple(image_shape), name="image")
    x = keras.layers.Rescaling(2.0, offset=-1.0, name="center")(inputs)
    for block, (filters, kernel_size, strides, _) in enumerate(list_blocks(image_shape, width), 1):
        name = f"reduce{block}" if units else f"block{block}"
        convolve = _convolution(name, filters, kernel_size, strides=strides, seed=seed)
        x = convolve(x)  # (B, H', W', filters)
        for unit in range(units):
            # The last one ends the block and has its name.
            x = _add_residual(x, filters, block, "" if unit == units - 1 else f"_{unit + 1}_", seed)
    grid = tuple(min(FEATURE_GRID, side) for side in x.shape[1:3])
    if grid != tuple(x.shape[1:3]):
        x = keras.layers.AdaptiveAveragePooling2D(grid, name="grid", dtype=PRECISION)(x)
    features = keras.layers.Flatten(name="features", dtype=PRECISION)(x)  # (B, D)
    return keras.Model(inputs, features, name="encoder")


def _convolution(
    name: str, filters: int, kernel_size, *, strides=(1, 1), activation=scaled_leaky_relu, seed: int
) -> StandardizedConv2D:
    own = derive_seed(seed, *_split_number(name))
    return StandardizedConv2D(
        filters,
        kernel_size,
        strides=strides,
        padding="same",
        activation=activation,
        kernel_initializer=keras.initializers.HeNormal(own),
        name=name,
    )


def _add_residual(x, filters: int, block: int, unit: str, seed: int):
    """Returns values plus what two convolutions make of them, of the same shape."""
    change = _convolution(f"inner{unit}{block}", filters, 3, seed=seed)(x)
    change = _convolution(f"outer{unit}{block}", filters, 3, activation=None, seed=seed)(change)
    change = keras.layers.Rescaling(_RESIDUAL_SCALE, name=f"scale{unit}{block}")(change)
    return keras.layers.Add(name=f"{'add' if unit else 'block'}{unit}{block}")([x, change])


def _split_number(name: str) -> tuple[str, int]:
    """Returns "block" and 3 of "block3"."""
    return name[:-1], int(name[-1])
