"""The networks of `keras.applications` as encoders of random weights."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import keras

from tfzero.common.checks import InputError
from tfzero.networks.copies import redraw_network
from tfzero.networks.precision import PRECISION
from tfzero.networks.public.known import Application, find_application
from tfzero.networks.public.pixels import TRIANGLE, PublicPixels
from tfzero.networks.statistics import settle_statistics

# Keras has 0.99, and 0.999 for MobileNetV2. Studies train for few steps: after 200 its averages are
# mostly what they began with. Judged by them, a MobileNetV2 that fits all training images of four
# classes scores 25 %, also at 0.99, and 100 % at 0.9. After 60 steps ResNet50 scores 27 % at 0.99
# and 100 % at 0.9.
_MOMENTUM = 0.9
# A resolution begins where a side has at most this share of the one before: convolutions without
# padding take a few pixels, which is none.
_SHRUNK = 2 / 3


def build_untrained(
    name: str, image_shape: tuple[int, int, int], *, size: int | None, seed: int
) -> keras.Model:
    """Returns a network of `keras.applications` without its top, its weights drawn by a seed.

    Scaling of pixels, and resizing, are inside, as in `build_public_encoder`. Unlike there, batch
    normalization learns its statistics, and layers such as Dropout draw random numbers in training.
    The blocks can be read by name.

    Args:
        name: In `keras.applications`.
        image_shape: Shape `(H, W, C)` of the images that it will get; C is 1 or 3.
        size: Side in pixels to which it resizes images; None keeps their size.
        seed: Random seed of the weights.

    Raises:
        InputError: If there is no such network, or it takes no such images.
    """
    entry = find_application(name)
    _require_fit(name, entry, image_shape, size)
    inputs = keras.Input(tuple(image_shape), name="image")
    pixels = PublicPixels(size, entry.scaling, TRIANGLE, name="pixels")(inputs)
    body = getattr(keras.applications, name)(
        input_tensor=pixels,
        input_shape=tuple(pixels.shape[1:]),
        weights=None,
        include_top=False,
        pooling="avg",
    )
    # Heads, losses and probes read float32, whatever the network computes in.
    features = keras.layers.Activation("linear", name="features", dtype=PRECISION)(body.output)
    network = keras.Model(inputs, features, name=name)
    _name_layers(network)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = min(layer.momentum, _MOMENTUM)
    drawn = redraw_network(network, seed=seed)
    settle_statistics(drawn, seed=seed)
    return drawn


def _require_fit(
    name: str, entry: Application, image_shape: Sequence[int], size: int | None
) -> None:
    if len(image_shape) != 3 or image_shape[-1] not in (1, 3):
        raise InputError(
            f"Images have the shape {tuple(image_shape)}; keras:{name} takes 3 channels, or 1, "
            "which it repeats. Choose three channels: images[..., :3]. Or take the encoder "
            '"base", which takes any number.'
        )
    least = entry.smallest
    if size is not None and size < least:
        raise InputError(
            f"size is {size} pixels; expected at least {least} of {name}. Write "
            f"keras:{name},size={least} or more."
        )
    if size is None and min(image_shape[:2]) < least:
        height, width = image_shape[:2]
        raise InputError(
            f"Images have {height}x{width} pixels; keras:{name} takes at least {least}x{least}. "
            f"Write keras:{name},size={least} to have it enlarge them. Or take the encoder "
            '"base", which takes 8x8 pixels and more.'
        )


def _name_layers(network: keras.Model) -> None:
    """Names layers by their places where Keras would number them through, and ends of blocks.

    Two builds are then equal in all that identifies an encoder.
    """
    operations: list[Any] = list(network.operations)
    ends = _find_ends(operations)
    _name_by_place(operations)
    for number, end in enumerate(ends, 1):
        end.name = f"block{number}"


def _name_by_place(operations: Sequence[Any]) -> None:
    for place, each in enumerate(operations):
        kind = type(each).__name__.lower()
        if re.sub(r"_\d+$", "", each.name).replace("_", "") == kind:
            each.name = f"{kind}_at_{place}"
        _name_by_place(getattr(each, "_layers", ()))  # of a network inside


def _find_ends(operations: Sequence[Any]) -> list[Any]:
    """Returns where each resolution of a network ends, first to last.

    That is the last place through which all values pass. Where values are joined at this
    resolution, by a sum or a concatenation, it is the last join, with its activation: what follows
    prepares the next resolution. Only layers can be read by name: ConvNeXt, which joins without
    layers, has the beginnings of its resolutions instead.
    """
    ends: list[Any] = []
    start = smallest = max(operations[0].output.shape[1:3])
    for each in _list_passes(operations):
        side = max(each.output.shape[1:3])
        if side > smallest:  # padded for the next convolution
            continue
        smallest = side
        if side <= _SHRUNK * start or not ends:
            start = side
            ends.append(each)
        elif not _ends_join(ends[-1]) or _ends_join(each):
            ends[-1] = each
    return ends


def _list_passes(operations: Sequence[Any]) -> Iterator[keras.layers.Layer]:
    """Yields the layers behind the first to train through which all values `(B, H, W, C)` pass."""
    place_of = {id(each): place for place, each in enumerate(operations)}
    last_reader: dict[int, int] = {}
    for place, each in enumerate(operations):
        last_reader.update({place_of[id(parent)]: place for parent in _list_parents(each)})
    reach, behind_pixels = 0, False  # reach: the last operation that reads what came before
    for place, each in enumerate(operations):
        behind_pixels |= bool(getattr(each, "trainable_weights", ()))
        is_layer = isinstance(each, keras.layers.Layer)
        if reach <= place and behind_pixels and is_layer and len(each.output.shape) == 4:
            yield each
        reach = max(reach, last_reader.get(place, 0))


def _ends_join(each: Any) -> bool:
    """Returns whether an operation joins values, or is the activation of one that does."""
    if isinstance(each, keras.layers.Activation | keras.layers.ReLU):
        each = _list_parents(each)[0]
    return isinstance(each, keras.layers.Add | keras.layers.Concatenate)


def _list_parents(each: Any) -> list[Any]:
    return [node.operation for node in each._inbound_nodes[-1].parent_nodes]
