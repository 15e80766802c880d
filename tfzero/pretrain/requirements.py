"""What methods require of their arguments and of an encoder."""

from __future__ import annotations

import numbers

from tfzero.common.checks import InputError


def require_count(value: int, *, name: str) -> int:
    """Returns `value` if it is an integer from 1.

    Raises:
        InputError: If it is not.
    """
    if not isinstance(value, numbers.Integral) or value < 1:
        raise InputError(f"{name} is {value!r}; expected an integer from 1.")
    return int(value)


def require_shapes(encoder) -> None:
    """Raises an error unless the encoder knows all it says of itself, but how many images come."""
    shapes = [getattr(encoder, name, None) for name in ("input_shape", "output_shape")]
    for shape, rank in zip(shapes, (4, 2), strict=True):
        if not isinstance(shape, tuple) or len(shape) != rank or None in shape[1:]:
            raise InputError(
                f"encoder has input shape {shapes[0]} and output shape {shapes[1]}; expected "
                "(None, H, W, C) and (None, D) in numbers. Build it as keras.Model(inputs, "
                "features) over inputs = keras.Input((H, W, C)), flattened or pooled to features."
            )
