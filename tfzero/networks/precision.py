"""The one precision that networks are trained in, and the one order of an image's axes."""

from __future__ import annotations

import keras

from tfzero.common.checks import InputError

PRECISION = "float32"
_ORDER = "channels_last"


def require_precision(network: keras.Model) -> None:
    """Raises unless Keras and a network compute in float32, with channels last.

    Half precision needs its losses scaled, which methods with updates of their own do not do; what
    is left of small gradients would be 0, without a word.

    Raises:
        InputError: If Keras is set otherwise, or a layer of the network is.
    """
    policy, order = keras.config.dtype_policy().name, keras.config.image_data_format()
    if (policy, order) != (PRECISION, _ORDER):
        raise InputError(
            f"Keras is set to dtype policy {policy} and {order}; expected {PRECISION} and "
            f"{_ORDER}. Set them before you build a network: "
            f"keras.config.set_dtype_policy({PRECISION!r}) and "
            f"keras.config.set_image_data_format({_ORDER!r})."
        )
    for layer in network._flatten_layers(include_self=False):
        if layer.compute_dtype is not None and layer.compute_dtype != PRECISION and layer.weights:
            raise InputError(
                f"The layer {layer.name!r} of the network {network.name!r} computes in "
                f"{layer.compute_dtype}; expected {PRECISION}. Build the network again under "
                f"keras.config.set_dtype_policy({PRECISION!r})."
            )
