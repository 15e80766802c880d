"""A method's own arguments by name, as a command line gives them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tfzero.common.checks import InputError, nearest
from tfzero.pretrain.base import Pretrainer

# What a command line says otherwise: these have options of their own.
_OTHERS = ("encoder", "seed", "kind")


def parse_arguments(texts: Sequence[str]) -> dict[str, Any]:
    """Returns values by name of texts like "beta=0.5": JSON literals, or else words.

    Raises:
        InputError: If a text is no such pair, or names what another does.
    """
    found: dict[str, Any] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not (name and sign and value):
            raise InputError(f'--set is "{text}"; expected NAME=VALUE, as in --set beta=1.')
        if name in found:
            raise InputError(f"--set {name} is given twice; expected each name once.")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def change_arguments(method: Pretrainer, arguments: Mapping[str, Any]) -> Pretrainer:
    """Returns a method built anew around the same encoder, with some arguments changed.

    Args:
        method: Not trained yet, its arguments their defaults.
        arguments: Values by name.

    Raises:
        InputError: If the method has no such argument, or refuses the value.
    """
    config = method.get_config()
    names = [name for name in config if name not in _OTHERS]
    for name, value in arguments.items():
        if name not in names:
            raise InputError(
                f'{type(method).__name__} has no argument "{name}" to --set.'
                f"{nearest(name, names)} Known: {', '.join(names)}."
            )
        config[name] = _like(config[name], value, name)
    try:
        return type(method)(**{**config, "encoder": method.encoder})
    except (TypeError, ValueError) as error:
        given = " ".join(f"--set {name}={value}" for name, value in arguments.items())
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{type(method).__name__} refuses {given}: {reason}") from error


def _like(default: Any, value: Any, name: str) -> Any:
    """Returns a value of its default's type; of any where the default, None, tells none."""
    if default is None or (type(value) is type(default)):
        return value
    if isinstance(default, float) and type(value) is int:
        return float(value)
    raise InputError(f"--set {name} is {value!r}; expected a value like its default, {default!r}.")
