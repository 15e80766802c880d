"""A method's own arguments, changed by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfzero.common.checks import InputError, nearest
from tfzero.pretrain.base import Pretrainer

# What is said otherwise: whoever builds the method passes these.
_OTHERS = ("seed", "kind")


def change_arguments(method: Pretrainer, settings: Mapping[str, Any]) -> Pretrainer:
    """Returns a method built anew around the same encoder, with some arguments changed.

    Args:
        method: Not trained yet, its arguments their defaults.
        settings: Values by name.

    Raises:
        InputError: If the method has no such argument, or refuses the value.
    """
    config = method.get_config()
    names = [name for name in config if name not in (*method.networks, *_OTHERS)]
    for name, value in settings.items():
        if name not in names:
            raise InputError(
                f'{type(method).__name__} has no argument "{name}" to `settings`.'
                f"{nearest(name, names)} Known: {', '.join(names)}."
            )
        config[name] = _like(config[name], value, name)
    networks = {name: getattr(method, name) for name in method.networks}
    try:
        return type(method)(**{**config, **networks})
    except (TypeError, ValueError) as error:
        refused = " ".join(f"`settings={name}={value}`" for name, value in settings.items())
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{type(method).__name__} refuses {refused}: {reason}") from error


def _like(default: Any, value: Any, name: str) -> Any:
    """Returns a value of its default's type; of any where the default, None, tells none."""
    if default is None or (type(value) is type(default)):
        return value
    if isinstance(default, float) and type(value) is int:
        return float(value)
    raise InputError(
        f"`settings={name}` is {value!r}; expected a value like its default, {default!r}."
    )
