"""Copies of networks: with the same weights, or with weights drawn anew."""

from __future__ import annotations

from typing import Any

import keras

from tfzero.common.checks import InputError
from tfzero.common.precision import find_precision, list_layers
from tfzero.common.seeds import derive_seed
from tfzero.common.surroundings import PRECISIONS, own_settings

_MIXED = PRECISIONS[1:]


def copy_network(network: keras.Model) -> keras.Model:
    """Returns an independent copy of `network` with the same weights.

    Raises:
        InputError: If the network cannot be rebuilt from its own configuration.
    """
    copy = _rebuild(network, network.get_config)
    copy.set_weights(network.get_weights())
    return copy


def redraw_network(network: keras.Model, *, seed: int) -> keras.Model:
    """Returns a copy of `network` whose weights are drawn anew, as before any training.

    Every initializer is seeded by `seed` and its own place in the network, so that two layers
    of one shape do not start equal and the same seed gives the same weights.

    Raises:
        InputError: If the network cannot be rebuilt from its own configuration.
    """
    return _rebuild(network, lambda: reseed_config(network.get_config(), seed))


def as_float32(network: keras.Model) -> keras.Model:
    """Returns a network that computes in float32: itself, or a copy of one of mixed precision.

    Half precision rounds otherwise in every graph and on every processor. What a person serves
    should give the same numbers everywhere.

    Raises:
        InputError: If a copy cannot be rebuilt from the network's configuration.
    """
    if not any(layer.dtype_policy.name in _MIXED for layer in list_layers(network)):
        return network
    config = _replace_policies(network.get_config())
    copy = _rebuild(network, lambda: config, precision=PRECISIONS[0])
    copy.set_weights(network.get_weights())
    return copy


def _replace_policies(config: Any) -> Any:
    """Returns a Keras config with float32 in place of every mixed policy."""
    if isinstance(config, dict):
        return {key: _replace_policies(value) for key, value in config.items()}
    if isinstance(config, list | tuple):
        return type(config)(_replace_policies(value) for value in config)
    return PRECISIONS[0] if isinstance(config, str) and config in _MIXED else config


def reseed_config(config: Any, seed: int, *path: str) -> Any:
    """Returns a Keras config in which every initializer's and layer's seed comes from `seed`."""
    if isinstance(config, dict):
        fresh = {key: reseed_config(value, seed, *path, key) for key, value in config.items()}
        # Initializers, and layers with noise of their own such as Dropout.
        if str(config.get("module", "")).startswith("keras.") and "seed" in (
            config.get("config") or {}
        ):
            fresh["config"] = {**fresh["config"], "seed": derive_seed(seed, *path)}
        return fresh
    if isinstance(config, list | tuple):
        return type(config)(
            reseed_config(value, seed, *path, str(place)) for place, value in enumerate(config)
        )
    return config


def has_noise(network: keras.Model) -> bool:
    """Returns whether a network draws at random in training, by a state that no file keeps."""
    return len(network.variables) > len(network.weights)


def seed_noise(network: keras.Model, *, seed: int) -> keras.Model:
    """Returns a network with its weights, whose noise, such as Dropout's, is drawn from a seed."""
    if not has_noise(network):
        return network
    seeded = redraw_network(network, seed=seed)
    seeded.set_weights(network.get_weights())
    return seeded


def _rebuild(network, make_config, *, precision: str | None = None):
    with own_settings(precision or find_precision(network)):
        try:
            copy = type(network).from_config(make_config())
        except (TypeError, ValueError, NotImplementedError) as error:
            reason = " ".join(str(error).strip().partition("\n\n")[0].split())  # no example
            raise InputError(
                f"The network {network.name!r} ({type(network).__name__}) cannot be copied: "
                f"{reason} Give it get_config and from_config, or build it as a functional Keras "
                "model."
            ) from error
        if not copy.built:
            copy.build(network.input_shape)
    return copy
