"""The encoder's shapes, and what a network's operations number. Nothing here loads TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

NUM_BLOCKS = 4
# From which k-means finds the centroids.
PATCHES_A_CENTROID = 250
# Below this many pixels per side, images get smaller patches and fewer centroids.
_SMALL_IMAGE = 16
# Larger images are read at fewer places, so that cost does not grow without end.
LARGEST_GRID = 32
# Blocks stop halving here: a 3x3 kernel on fewer pixels sees mostly padding.
_SMALLEST_SIDE = 2
# The first block brings the longer side of larger images down to this many places, so that cost
# does not grow without end, and leaves so many along the shorter, for blocks 2 to 4 to halve.
_LARGEST_STEM_SIDE, _LEAST_STEM_SIDE = 48, 16
# What layers of Keras call their kernels; a separable convolution has two.
_KERNELS = ("kernel", "depthwise_kernel", "pointwise_kernel")


class Block(NamedTuple):
    """A convolution of the encoder.

    Attributes:
        filters: How many.
        kernel_size: Along height and width.
        strides: Likewise.
        sides: Height and width of what it gives.
    """

    filters: int
    kernel_size: tuple[int, int]
    strides: tuple[int, int]
    sides: tuple[int, int]


def default_width(image_shape: tuple[int, int, int]) -> int:
    """Returns the filters of block 1: 16 below 16 pixels a side, 32 from there on.

    Not by the size of the pool: with 1,000 images of Fashion-MNIST 16 filters cannot be told from
    32, and with 64 `rotation/lpft` scores less (docs/benchmarks/log.md, "Width by pool size").
    """
    return 16 if min(image_shape[:2]) < 16 else 32


def list_blocks(image_shape: tuple[int, int, int], width: int) -> Iterator[Block]:
    """Yields the blocks of the encoder of some images; `build_encoder` describes them."""
    # Below 16 pixels block 4 sees the same 2x2 grid as block 3 and needs no more filters.
    most_filters = width * (8 if min(image_shape[:2]) >= 16 else 4)
    height, width_left = image_shape[:2]
    for number in range(NUM_BLOCKS):
        sides = (height, width_left)
        down, across = _halving(sides) if number else _stem_strides(sides)
        height, width_left = -(-height // down), -(-width_left // across)
        yield Block(
            filters=min(width * 2**number, most_filters),
            kernel_size=(max(3, 2 * down - 1), max(3, 2 * across - 1)),
            strides=(down, across),
            sides=(height, width_left),
        )


def _stem_strides(sides: Sequence[int]) -> tuple[int, int]:
    """Returns the strides of block 1: as long as what the longer side needs, or the side allows."""
    longest = -(-max(sides) // _LARGEST_STEM_SIDE)
    down, across = (max(1, min(longest, side // _LEAST_STEM_SIDE)) for side in sides)
    return down, across


def _halving(sides: Sequence[int]) -> tuple[int, int]:
    """Returns the strides that halve each side that is still long enough."""
    down, across = (2 if side > _SMALLEST_SIDE else 1 for side in sides)
    return down, across


def count_encoder(
    image_shape: tuple[int, int, int], *, width: int | None = None, units: int = 0
) -> int:
    """Returns the multiply-adds by which an encoder of `build_encoder` reads an image.

    Args:
        image_shape: `(H, W, C)`.
        width: Filters of block 1; None chooses by the images' size.
        units: Residual units of two 3x3 convolutions in each block.
    """
    channels, total = image_shape[2], 0
    width = default_width(image_shape) if width is None else width
    for block in list_blocks(image_shape, width):
        total += math.prod([*block.kernel_size, channels, block.filters, *block.sides])
        total += units * 2 * 9 * block.filters**2 * math.prod(block.sides)
        channels = block.filters
    return total


def count_network(network: Any) -> int:
    """Returns the multiply-adds by which a Keras model reads an image: its kernels' alone."""
    total = 0
    for layer in network.layers:
        if hasattr(layer, "layers"):
            total += count_network(layer)
            continue
        for name in _KERNELS:
            if (kernel := getattr(layer, name, None)) is not None:
                places = layer.output.shape[1:-1]  # one for a dense layer, else height and width
                total += math.prod(kernel.shape) * math.prod(places)
    return total


def choose_patches(image_shape: tuple[int, int, int]) -> dict[str, int]:
    """Returns the number of centroids and the side of patches for a size of images.

    Args:
        image_shape: `(H, W, C)`.

    Returns:
        Arguments of `fit_kmeans`.
    """
    small = min(image_shape[:2]) < _SMALL_IMAGE
    return {"num_centroids": 100 if small else 400, "patch_size": 4 if small else 6}


def count_patch_products(image_shape: tuple[int, int, int]) -> int:
    """Returns the multiply-adds by which `choose_patches` read an image of `(H, W, C)`."""
    settings = choose_patches(image_shape)
    side = settings["patch_size"]
    places = [min(length - side + 1, LARGEST_GRID) for length in image_shape[:2]]
    return math.prod(places) * settings["num_centroids"] * side**2 * image_shape[2]
