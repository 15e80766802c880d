"""Refusals that help: what arrived, what was expected, how to fix it."""

from __future__ import annotations

import difflib
import numbers
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


class InputError(ValueError):
    """An argument, file or data set that the user gave cannot be used.

    The message says what arrived, what was expected and how to fix it. It names arguments in
    backticks, for example `size=32`. The command line writes its options instead, prints the
    message without a traceback, and exits with code 2.
    """


class StopError(RuntimeError):
    """Work that cannot go on for a reason that a person can mend, as a full disk.

    The message is complete by itself. The command line prints it without a traceback and exits
    with code 1; what is done already is kept, and the same command goes on.
    """


def nearest(word: str, choices: Iterable[str]) -> str:
    """Returns ' Did you mean "x"?' for the choice nearest to `word`, or ''."""
    found = difflib.get_close_matches(word, list(choices), n=1)
    return f' Did you mean "{found[0]}"?' if found else ""


def require_choice(word: str, choices: Iterable[str], *, what: str) -> str:
    """Returns `word` if it is one of `choices`.

    Raises:
        InputError: If it is not; the message lists the choices.
    """
    choices = list(choices)
    if word not in choices:
        known = ", ".join(choices)
        raise InputError(f'Unknown {what} "{word}".{nearest(word, choices)} Known: {known}.')
    return word


def require_between(value: float, low: float, high: float | None, *, name: str) -> float:
    """Returns `value` if it lies in `low` to `high`, both included; no upper limit if None.

    Raises:
        InputError: If it does not, or is no number.
    """
    inside = isinstance(value, numbers.Real) and low <= value and (high is None or value <= high)
    if not inside:  # NaN, too
        expected = f"at least {low:g}" if high is None else f"{low:g} to {high:g}"
        raise InputError(f"{name} is {value!r}; expected {expected}.")
    return value


def check_labels(labels: np.ndarray, *, count: int, name: str = "labels") -> np.ndarray:
    """Returns labels as int64 `(N,)`.

    Args:
        labels: Integers, or floats without a fraction, of shape `(N,)` or `(N, 1)`.
        count: How many images they belong to.
        name: What the error messages call the array.

    Raises:
        InputError: If they are no integers, negative, or of another count.
    """
    import numpy as np

    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1 or len(labels) != count:
        one_hot = labels.ndim == 2 and len(labels) == count
        remedy = f" For one-hot rows, use {name}.argmax(axis=1)." if one_hot else ""
        raise InputError(
            f"{name} has shape {labels.shape}; expected ({count},), one label per image.{remedy}"
        )
    if np.issubdtype(labels.dtype, np.floating) and np.array_equal(labels, np.trunc(labels)):
        labels = labels.astype(np.int64)
    if not np.issubdtype(labels.dtype, np.integer):
        raise InputError(
            f"{name} has type {labels.dtype}, for example {labels[0]!r}; expected integers from 0. "
            "Number the classes first, for example with numpy.unique(..., return_inverse=True)."
        )
    if labels.min() < 0:
        raise InputError(f"{name} contains {labels.min()}; expected integers from 0.")
    return labels.astype(np.int64)
