"""Layers that training leaves as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

_MOST_NAMED = 5


def describe_frozen(network: keras.Model, *, name: str) -> str:
    """Returns a sentence on the layers of a network that no training changes; '' if there are none.

    Args:
        network: The network.
        name: What the sentence calls it.
    """
    layers = [
        layer
        for layer in network._flatten_layers(include_self=False)
        if layer.weights and not getattr(layer, "layers", None)
    ]
    # Some layers, as those that scale to known statistics, never have a weight to train.
    frozen = [layer.name for layer in layers if not layer.trainable_weights and not layer.trainable]
    if not frozen:
        return ""
    named = ", ".join(frozen[:_MOST_NAMED]) + (", ..." if len(frozen) > _MOST_NAMED else "")
    extent = "All" if len(frozen) == len(layers) else f"{len(frozen)} of"
    return (
        f"{extent} {len(layers)} layers with weights in {name} are frozen ({named}): training does "
        "not change them. To train them, set `trainable = True` in Keras and save it again."
    )
