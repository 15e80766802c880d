"""Which precision a network computes in."""

from __future__ import annotations

import keras

from tfzero.common.surroundings import PRECISIONS

# Policy by the type that a layer computes in. Of a network with both, the first decides: float16
# needs its losses scaled.
_MIXED = {"float16": "mixed_float16", "bfloat16": "mixed_bfloat16"}


def find_precision(network: keras.layers.Layer) -> str:
    """Returns the precision of a network: one of `PRECISIONS`, by the types its layers compute in.

    A layer without weights does not count: it is as fast in any type.
    """
    found = {layer.compute_dtype for layer in list_layers(network)}
    return next((policy for name, policy in _MIXED.items() if name in found), PRECISIONS[0])


def list_layers(network: keras.layers.Layer) -> list[keras.layers.Layer]:
    """Returns the layers of a network that have weights and no layers inside."""
    return [
        layer
        for layer in network._flatten_layers()
        if layer.weights and not getattr(layer, "layers", None)
    ]
