"""Features of any block of an encoder, not only of its last."""

from __future__ import annotations

import bisect
import itertools
import math
import re
from collections.abc import Sequence

import keras

from tfzero.common.checks import require_choice
from tfzero.common.surroundings import own_settings
from tfzero.networks.precision import PRECISION

Columns = tuple[int, int]

# A block's values are averaged to a grid that leaves about as many as the encoder's own features.
_MOST_VALUES = 1024
_STRANGE_BLOCKS = 4
_BLOCK = re.compile(r"block\d+")


def block_names(encoder: keras.Model) -> list[str]:
    """Returns the names of the blocks that can be read, first to last; none of a strange network.

    Args:
        encoder: From `build_encoder`, or any functional Keras model with layers named `block1`,
            `block2` and so on that give `(B, H', W', C')`.
    """
    return [
        layer.name
        for layer in getattr(encoder, "layers", [])
        if _BLOCK.fullmatch(layer.name) and len(layer.output.shape) == 4
    ]


def split_blocks(encoder: keras.Model) -> list[list[keras.layers.Layer]]:
    """Returns the layers that have weights, block by block, first to last.

    Args:
        encoder: As in `block_names`; a block ends where the layer of its name does, and what
            follows the last belongs to it. The layers of a strange network are dealt out to at
            most four blocks of as many layers, within one.
    """
    layers = [layer for layer in getattr(encoder, "layers", []) if layer.weights]
    names = block_names(encoder)
    if not names:
        count = min(_STRANGE_BLOCKS, len(layers))
        bounds = [len(layers) * place // count for place in range(count + 1)] if count else [0]
        return [layers[start:stop] for start, stop in itertools.pairwise(bounds)]
    order = [layer.name for layer in encoder.layers]
    ends = [order.index(name) for name in names[:-1]]
    blocks: list[list[keras.layers.Layer]] = [[] for _ in names]
    for layer in layers:
        blocks[bisect.bisect_left(ends, order.index(layer.name))].append(layer)
    return [block for block in blocks if block]


@own_settings()
def take_block(encoder: keras.Model, name: str) -> keras.Model:
    """Returns the network from images to the features of a block, sharing the encoder's weights.

    The block's values are averaged over the cells of a square grid, as fine as leaves at most
    about 1,024 values. The best block is rarely the last (Gidaris et al. 2018, arXiv:1803.07728,
    table 1).

    Args:
        encoder: As in `block_names`.
        name: Of the block.

    Returns:
        A Keras model from float32 images in 0..1 to features `(B, D)`.

    Raises:
        InputError: If there is no such block; the message names those there are.
    """
    return keras.Model(encoder.input, _flatten_block(encoder, name), name=name)


@own_settings()
def join_blocks(
    encoder: keras.Model, *, only: Sequence[str] | None = None
) -> tuple[keras.Model, dict[str, Columns]]:
    """Returns the network from images to the features of several blocks side by side.

    Those are the blocks from the second on, each as `take_block` gives it; the first sees few
    pixels at a time. The encoder's own features come last, under the last block's name where no
    weights lie between the two, and else, as for an encoder without blocks, as "features".

    Args:
        encoder: As in `block_names`, or any Keras model from images to features `(B, D)`.
        only: Names of some of the blocks that are returned without it; None takes all.

    Returns:
        A Keras model from float32 images in 0..1 to `(B, sum of D)`, sharing the encoder's
        weights, and the columns (start, stop) of each block by name, first to last.
    """
    names = block_names(encoder)[1:]
    if not names:
        return encoder, {"features": (0, int(encoder.output_shape[-1]))}
    own = "features" if _has_weights_behind(encoder, names[-1]) else names[-1]
    parts = {name: _flatten_block(encoder, name) for name in names if name != own}
    parts[own] = encoder.output
    parts = {name: part for name, part in parts.items() if only is None or name in only}
    columns, start = {}, 0
    for name, part in parts.items():
        columns[name] = (start, start + int(part.shape[-1]))
        start = columns[name][1]
    if list(parts) == [own]:
        return encoder, columns
    if len(parts) == 1:
        [part] = parts.values()
        return keras.Model(encoder.input, part, name="blocks"), columns
    joined = keras.layers.Concatenate(name="blocks", dtype=PRECISION)(list(parts.values()))
    return keras.Model(encoder.input, joined, name="blocks"), columns


@own_settings()
def join_side_by_side(*encoders: keras.Model) -> keras.Model:
    """Returns the network from images to the features of all blocks of several encoders.

    Args:
        *encoders: As in `join_blocks`, of images of one shape.

    Returns:
        A Keras model from float32 images in 0..1 to `(B, sum of D)`, with the encoders' weights.
    """
    images = keras.Input(encoders[0].input_shape[1:], name="side_by_side_image")
    parts = []
    for place, encoder in enumerate(encoders):
        read, _ = join_blocks(encoder)
        # Named here: Keras refuses two parts of one name, whatever their owners call them.
        part = keras.Model(read.input, read.output, name=f"side_by_side_{place}")
        parts.append(part(images))
    joined = keras.layers.Concatenate(name="side_by_side_features", dtype=PRECISION)(parts)
    return keras.Model(images, joined, name="side_by_side")


def _flatten_block(encoder: keras.Model, name: str):
    x = encoder.get_layer(require_choice(name, block_names(encoder), what="block")).output
    height, width, channels = x.shape[1:]
    cells = max(1, math.isqrt(_MOST_VALUES // channels))
    grid = (min(cells, height), min(cells, width))
    if grid == (1, 1):
        # Keras's adaptive pooling needs a side more than there is for it.
        x = keras.layers.GlobalAveragePooling2D(
            keepdims=True, name=f"{name}_grid", dtype=PRECISION
        )(x)
    elif grid != (height, width):
        x = keras.layers.AdaptiveAveragePooling2D(grid, name=f"{name}_grid", dtype=PRECISION)(x)
    return keras.layers.Flatten(name=f"{name}_features", dtype=PRECISION)(x)


def _has_weights_behind(encoder: keras.Model, name: str) -> bool:
    names = [layer.name for layer in encoder.layers]
    return any(layer.weights for layer in encoder.layers[names.index(name) + 1 :])
