"""Checks the arguments of an export, before anything is written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import keras
import numpy as np

from tfzero.common.checks import InputError
from tfzero.common.pixels import PixelRange, check_pixel_range, write_range
from tfzero.export.graph import UNIT_RANGE


def find_image_shape(
    model: keras.Model, encoder: keras.Model | None, image_shape: Sequence[int] | None
) -> tuple[int, int, int]:
    """Returns `(H, W, C)`: `image_shape`, or what the model or its encoder knows."""
    found: Sequence | None = image_shape
    for source in (model, encoder):
        if found is None and source is not None:
            found = find_input_shape(source)
    shape = tuple(found) if isinstance(found, (tuple, list)) else ()
    if len(shape) != 3 or not all(isinstance(side, (int, np.integer)) for side in shape):
        raise InputError(
            f"The model takes images of shape {found}; expected a fixed (height, width, "
            "channels). Give it, for example `image_shape=(28, 28, 1)`."
        )
    if min(shape) < 1:
        raise InputError(f"image_shape is {shape}; expected three positive numbers.")
    height, width, channels = (int(side) for side in shape)
    return height, width, channels


def check_model_range(
    model: keras.Model, pixel_range: PixelRange, *, name: str = "pixel_range"
) -> PixelRange:
    """Returns the values of black and white in the images that a model takes or makes.

    Args:
        model: Of tfzero or of anybody.
        pixel_range: What somebody says of it.
        name: What messages call it.

    Raises:
        InputError: If it is no range, or not that of a model of tfzero's.
    """
    low, high = checked = check_pixel_range(pixel_range, name=name)
    if checked != UNIT_RANGE and _is_own(model):
        raise InputError(
            f"`{name}` is {write_range(low, high)}, but a {type(model).__name__} of tfzero "
            "takes 0..1. Leave it out. If training read its files with `pixel_range`, "
            f"served files need the same: `file_range=({low:g}, {high:g})`."
        )
    return checked


def _is_own(model: keras.Model) -> bool:
    """Whether a model is a method, a classifier or an encoder of tfzero, which take 0..1."""
    if _is_of_tfzero(model):
        return True
    # Of `build_encoder`, which is no class of its own. What somebody has put before it decides.
    layers = [each for each in model.layers if not isinstance(each, keras.layers.InputLayer)]
    if len(layers) > 1 and isinstance(layers[0], keras.layers.Rescaling):
        layers = layers[1:] if (layers[0].scale, layers[0].offset) == (2.0, -1.0) else []
    if not layers:
        return False
    inside = isinstance(model, keras.Sequential) and isinstance(layers[0], keras.Model)
    return _is_own(layers[0]) if inside else _is_of_tfzero(layers[0])


def _is_of_tfzero(one: object) -> bool:
    return any(base.__module__.partition(".")[0] == "tfzero" for base in type(one).__mro__)


def find_input_shape(model: keras.Model) -> tuple | None:
    """Returns the shape of one input of a model, or None where the model does not know it."""
    try:
        return tuple(model.input_shape[1:])
    except (AttributeError, TypeError, ValueError):  # a subclassed model has none
        return None


def check_class_names(class_names: Sequence[str] | None, count: int) -> list[str]:
    """Returns `count` different names of one line each."""
    if class_names is None:
        return [str(number) for number in range(count)]
    if isinstance(class_names, str) or not all(isinstance(name, str) for name in class_names):
        raise InputError(f"class_names is {class_names!r}; expected a list of {count} strings.")
    names = [str(name) for name in class_names]
    if len(names) != count:
        raise InputError(
            f"class_names has {len(names)} names, but the model has {count} outputs; "
            "expected one name per output, in their order."
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    broken = [name for name in names if not name.strip() or len(name.splitlines()) != 1]
    if twice or broken:
        raise InputError(
            f"class_names holds {(twice or broken)[0]!r}{' twice' if twice else ''}; "
            "expected different names of one line each. Rename it."
        )
    return names


def check_notes(notes: Mapping | None) -> dict:
    """Returns the notes as JSON gives them back."""
    try:
        return json.loads(json.dumps(dict(notes or {}), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"notes cannot be written as JSON: {error}. Expected a mapping of strings to "
            "numbers, strings, lists and mappings. Convert NumPy values to Python values."
        ) from error
