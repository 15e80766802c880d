"""How the texts of options are read, and the data that they name."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import typer

from tfzero.common.checks import InputError
from tfzero.pretrain import METHODS
from tfzero.pretrain.budget import AUTO

if TYPE_CHECKING:
    from tfzero.data import ImageData
    from tfzero.data.options import LoadOptions

# Keras and NumPy keep seeds in 32 bits with a sign.
_LARGEST_SEED = 2**31 - 1


def load_images(context: typer.Context, **others: Any) -> ImageData:
    """Loads the data of a command by the command's options.

    Args:
        context: Of the command.
        others: Of `LoadOptions`, in place of the command's options or beside them.

    Raises:
        InputError: If the data cannot be used.
    """
    from tfzero.data.load import load

    return load(context.params["data"], read_load_options(context, **others))


def read_load_options(context: typer.Context, **others: Any) -> LoadOptions:
    """Returns how a command loads data: all its parameters with a name of `LoadOptions`.

    Args:
        context: Of the command.
        others: Of `LoadOptions`, in place of the command's parameters or beside them.

    Raises:
        InputError: If an option has a value that cannot be used.
    """
    from tfzero.data.options import LoadOptions

    names = {field.name for field in dataclasses.fields(LoadOptions)}
    given = {name: value for name, value in context.params.items() if name in names}
    given["size"] = parse_size(given["size"])
    given["pixel_range"] = parse_numbers(
        float, given["pixel_range"], option="--pixel-range", example="0,4095"
    )
    return LoadOptions(**{**given, **others})


def split(text: str | None) -> list[str] | None:
    """Returns the parts of a text between its commas."""
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def parse_minutes(text: str) -> float | Literal["auto"] | None:
    """Returns what `tfzero.compare` takes as `minutes`: a number, None for any time, or "auto".

    Raises:
        InputError: If the text is none of these.
    """
    from tfzero.study.planning.request import AUTO

    if text == "none":
        return None
    if text == AUTO:
        return AUTO
    try:
        return float(text)
    except ValueError:
        raise InputError(
            f'`minutes` is "{text}"; expected a number, such as `minutes=10`, or none for no limit.'
        ) from None


def parse_size(text: str | None) -> int | tuple[int, int] | None:
    """Returns a number, or height and width, of the text of --size.

    Raises:
        InputError: If it is neither.
    """
    if text is None:
        return None
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.isdecimal() for part in parts):
        raise InputError(
            f'--size is "{text}"; expected a number or HEIGHTxWIDTH, such as 28 or 32x48.'
        )
    sides = [int(part) for part in parts]
    return sides[0] if len(sides) == 1 else (sides[0], sides[1])


def parse_numbers(kind: type, text: str | None, *, option: str, example: str) -> Any:
    """Returns a tuple of as many numbers as the example has."""
    if text is None:
        return None
    try:
        numbers = tuple(kind(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != example.count(",") + 1:
        raise InputError(f'{option} is "{text}"; expected numbers such as {example}.')
    return numbers


def parse_settings(texts: Sequence[str]) -> dict[str, Any]:
    """Returns values by name of texts like "beta=0.5": JSON literals, or else words.

    Raises:
        InputError: If a text is no such pair, or names what another does.
    """
    found: dict[str, Any] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not (name and sign and value):
            raise InputError(f'--set is "{text}"; expected NAME=VALUE, such as --set beta=1.')
        if name in found:
            raise InputError(f"--set {name} is given twice; expected each name once.")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def print_json(value: Any) -> None:
    """Prints JSON on standard output; letters that this lacks are written as JSON escapes."""
    text = json.dumps(value, indent=1, ensure_ascii=False)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(value, indent=1)
    print(text)


def check_seed(seed: int) -> int:
    """Returns the seed of an option.

    Raises:
        InputError: If it does not fit.
    """
    if not 0 <= seed <= _LARGEST_SEED:
        raise InputError(f"--seed is {seed}; expected a whole number from 0 to {_LARGEST_SEED}.")
    return seed


def parse_epochs(text: str | None, method: str) -> int | Literal["auto"] | None:
    """Returns what --epochs says: a number, "auto", or None where it is not given.

    Raises:
        InputError: If it is neither, or the method cannot end by itself.
    """
    if text is None:
        return None
    if text == AUTO:
        if method not in METHODS:
            raise InputError(
                f"--epochs {AUTO} ends when a loss without labels is flat, but --method {method} "
                "learns from labels. Give a number."
            )
        return AUTO
    try:
        return int(text)
    except ValueError:
        raise InputError(f'--epochs is "{text}"; expected an integer or {AUTO}.') from None
