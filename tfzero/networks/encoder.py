"""The encoder: one architecture for every arm of a study."""

from __future__ import annotations

import keras

from tfzero.common.surroundings import own_settings
from tfzero.networks.architectures import SMALL, find_architecture


@own_settings()
def build_encoder(
    image_shape: tuple[int, int, int],
    *,
    architecture: str = SMALL,
    width: int | None = None,
    seed: int = 0,
) -> keras.Model:
    """Builds the encoder `(B, H, W, C) -> (B, D)`, with random weights.

    "small" has four 3x3 convolutions with standardized weights. They have `width` times 1, 2, 4 and
    8 filters; the last has 4 instead of 8 if a side is below 16. If a side is longer than 48, the
    first convolution has strides that shorten it to 48 or fewer pixels. A stride is at most a
    sixteenth of its side; from stride 3 on, the kernel is larger. Blocks 2 to 4 halve the image
    while a side is longer than 2. The features are the last block, averaged to a grid of 2x2 cells:
    D = 32 * width, or 16 * width if a side is below 16. The layers `block1` to `block4` can be read
    by name.

    Under a mixed dtype policy of Keras's, the blocks compute in half precision. The features are
    float32 in any case.

    "residual" adds two more convolutions with a shortcut around them to each block. It is a small
    ResNet at three to five times the cost. "base" adds four, and has 56 filters in block 1. It has
    11 million parameters, as ResNet-18 does, and is for a machine with a GPU.

    "keras:NAME" is an image network of `keras.applications` without its top, such as
    "keras:ResNet50". Its features are the average over its last block. By default it takes the
    images at their own size. "keras:ResNet50,size=96" resizes them to 96x96 pixels inside the
    network. Its batch normalization has a momentum of at most 0.9.

    Args:
        image_shape: Shape `(H, W, C)`; H and W at least 8, not necessarily equal.
        architecture: "small", "residual", "base" or "keras:NAME".
        width: Number of filters of block 1. None chooses by architecture and image size; networks
            of `keras.applications` have their own.
        seed: Random seed of the weights. The same seed gives the same weights.

    Returns:
        A Keras model that takes float32 images in 0..1.

    Raises:
        InputError: If there is no such architecture, or it does not take the shape: three positive
            numbers, both sides at least 8. Also if the width is below 1.
    """
    return find_architecture(architecture).build(image_shape, width=width, seed=seed)
