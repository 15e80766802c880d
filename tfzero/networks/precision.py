"""The precisions that networks are trained in, and the one order of an image's axes."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfzero.common.checks import InputError
from tfzero.common.precision import find_precision, list_layers
from tfzero.common.surroundings import PRECISIONS

# Of losses, heads, features and probabilities, and of all weights.
PRECISION = "float32"
_ORDER = "channels_last"
_EXPECTED = f"{', '.join(PRECISIONS[:-1])} or {PRECISIONS[-1]}"


def require_precision(network: keras.Model) -> str:
    """Returns the precision of a network; refuses one whose weights are not float32.

    Small updates of weights in half precision are rounded away, without a word. Layers may compute
    in half precision, and one network in several.

    Raises:
        InputError: If the network keeps weights in another type, or Keras is set to another dtype
            policy or another order of axes.
    """
    policy, order = keras.config.dtype_policy().name, keras.config.image_data_format()
    if policy not in PRECISIONS or order != _ORDER:
        raise InputError(
            f"Keras is set to dtype policy {policy} and {order}; expected {_EXPECTED}, and "
            f"{_ORDER}. Set them before you build a network: "
            f"keras.config.set_dtype_policy({PRECISION!r}) and "
            f"keras.config.set_image_data_format({_ORDER!r})."
        )
    for layer in list_layers(network):
        for weight in layer.weights:
            if tf.as_dtype(weight.dtype).is_floating and weight.dtype != PRECISION:
                raise InputError(
                    f"The layer {layer.name!r} of the network {network.name!r} keeps weights in "
                    f"{weight.dtype}; expected {PRECISION}, as under the dtype policies "
                    f"{_EXPECTED}. Build the network again under one of them, for example "
                    f"keras.config.set_dtype_policy({PRECISION!r})."
                )
    return find_precision(network)


def require_same_precision(network: keras.Model, precision: str, *, what: str) -> None:
    """Refuses a network that computes in another precision than what is asked for.

    Raises:
        InputError: If so.
    """
    found = require_precision(network)
    if found != precision and list_layers(network):
        raise InputError(
            f"{what} computes in {found}, but the precision is {precision}. Choose "
            f"`precision={found!r}`; or build the network again under "
            f"keras.config.set_dtype_policy({precision!r})."
        )


def call_network(network: Any, inputs, *, training: bool = False) -> tf.Tensor:
    """Returns what a network of any precision makes of its inputs, as float32.

    Losses and statistics need more digits than half precision has.
    """
    return tf.cast(network(inputs, training=training), PRECISION)  # type: ignore[return-value]
