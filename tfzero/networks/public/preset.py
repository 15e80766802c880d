"""Presets of KerasHub: found, read and checked before any network is built.

A preset is a folder: `config.json` says which network, `model.weights.h5` holds its weights, and
`image_converter.json` the size and scale of its images. KerasHub downloads those that it knows.
"""

from __future__ import annotations

import importlib.util
import inspect
import math
import pathlib
import re
import textwrap
from typing import Any, NamedTuple

import keras

from tfzero.common.checks import InputError, nearest
from tfzero.networks.public.family import Weights
from tfzero.networks.public.pixels import INTERPOLATIONS

PACKAGE = "keras_hub"
INSTALL = 'pip install "tfzero[hub]"'
_OLDEST = (0, 32)
_CONFIG, _CONVERTER = "config.json", "image_converter.json"
_PREFIXES = ("kaggle://", "hf://")
# What the constructors of image networks call the shape of their images.
_SHAPES = ("image_shape", "input_shape")
# Networks of images and texts whose image half is a network by itself.
_HALVES = {"vision_encoder", "text_encoder"}
_LARGEST = 4096
ADVICE = "Examples: kerashub:dinov2_small, kerashub:vit_base_patch16_224_imagenet."


class Preset(NamedTuple):
    """A preset that names an image network, before that is built.

    Attributes:
        name: As the user wrote it.
        place: Its folder, or the name under which KerasHub finds it.
        config: Arguments of the network's constructor.
        shape: Which of these is the shape of images; None of a network of images and texts.
        side: The side of its images in pixels, if it says one.
        scaling: Factors and offsets of pixels, for `PublicPixels`.
        interpolation: One of `INTERPOLATIONS`.
    """

    name: str
    place: str
    config: dict[str, Any]
    shape: str | None
    side: int | None
    scaling: tuple[tuple[float, ...], tuple[float, ...]]
    interpolation: str


def explain_missing(path: object, error: Exception) -> InputError | None:
    """Returns a refusal of a file that needs KerasHub, where that is not installed."""
    if f"{PACKAGE}." in str(error) and importlib.util.find_spec(PACKAGE) is None:
        return InputError(f"{path} holds a network of KerasHub. Install KerasHub: {INSTALL}")
    return None


def import_hub() -> Any:
    """Returns the module of KerasHub, which is optional and slow to import.

    Raises:
        InputError: If it is not installed, or too old.
    """
    try:
        import keras_hub
    except ImportError as error:
        reason = "" if importlib.util.find_spec(PACKAGE) is None else f" ({shorten(error)})"
        raise InputError(f"KerasHub cannot be imported{reason}. Install it: {INSTALL}") from error
    if tuple(map(int, re.findall(r"\d+", keras_hub.__version__)[:2])) < _OLDEST:
        raise InputError(
            f"KerasHub is {keras_hub.__version__}; expected {'.'.join(map(str, _OLDEST))} or "
            f"newer. Install it: {INSTALL}"
        )
    return keras_hub


def _find_place(name: str, weights: Weights) -> str:
    if weights is not None:
        folder = pathlib.Path(weights)
        if not folder.is_dir():
            raise InputError(
                f"`weights={str(folder)!r}` is not a folder; expected the folder of a preset of "
                f"KerasHub, with {_CONFIG}, {_CONVERTER} and model.weights.h5."
            )
        # Absolute: KerasHub downloads what is named like one of its presets.
        return str(folder.resolve())
    known = import_hub().models.Backbone.presets
    if name in known or name.startswith(_PREFIXES):
        return name
    raise InputError(
        f'KerasHub has no preset "{name}".{nearest(name, known)} {ADVICE} Your own preset: '
        "kerashub:NAME with `weights='FOLDER'`. All names: print(*keras_hub.models.Backbone"
        ".presets)."
    )


def read_preset(name: str, weights: Weights) -> Preset:
    """Reads what a preset says of its network and its images.

    Args:
        name: As the user wrote it.
        weights: Its folder; None lets KerasHub find or download it.

    Raises:
        InputError: If there is no such preset, it is broken, or it is of no image network.
    """
    hub = import_hub()
    place = _find_place(name, weights)
    found = _read_json(name, place, weights, _CONFIG)
    kind = _find_class(found, hub.models.Backbone)
    if kind is None:
        raise refuse_kind(name, found["registered_name"])
    parameters = inspect.signature(kind).parameters
    shape = next((each for each in _SHAPES if each in parameters), None)
    if shape is None and not _HALVES <= set(parameters):
        raise refuse_kind(name, kind.__name__)
    config = found["config"]
    converter = _read_converter(name, place, weights)
    sides = _find_shape(config, shape), converter.image_size
    return Preset(
        name,
        place,
        config,
        shape,
        side=next(filter(None, (_read_side(name, each) for each in sides)), None),
        scaling=(_read_three(name, converter.scale, 1.0), _read_three(name, converter.offset, 0.0)),
        interpolation=_read_interpolation(name, converter.interpolation),
    )


def _read_json(name: str, place: str, weights: Weights, file: str) -> dict[str, Any]:
    """Returns what a file of a preset says: a registered name, and a configuration."""
    # Nothing public reads a file alone, wherever the preset is.
    from keras_hub.src.utils.preset_utils import load_json

    try:
        found = load_json(place, file)
    except Exception as error:  # of a file, of JSON, or of whoever downloads
        raise _cannot_read(name, weights, file, error) from error
    named = isinstance(found, dict) and isinstance(found.get("registered_name"), str)
    if not named or not isinstance(found.get("config"), dict):
        raise InputError(f"The {file} of {name} is not of KerasHub's form. {write_saving(name)}")
    return found


def _find_class(found: dict[str, Any], base: type) -> type | None:
    """Returns the class that a file names, if it is of a kind: of no other is an object made."""
    kind = keras.saving.get_registered_object(found["registered_name"])
    return kind if inspect.isclass(kind) and issubclass(kind, base) else None


def _read_converter(name: str, place: str, weights: Weights) -> Any:
    found = _read_json(name, place, weights, _CONVERTER)
    if _find_class(found, import_hub().layers.ImageConverter) is None:
        raise InputError(
            f"The {_CONVERTER} of {name} holds {found['registered_name']}; expected an "
            f"ImageConverter. {write_saving(name)}"
        )
    try:
        return keras.saving.deserialize_keras_object(found)
    except Exception as error:  # of Keras, by what is wrong
        raise _cannot_read(name, weights, _CONVERTER, error) from error


def _find_shape(config: dict[str, Any], shape: str | None) -> Any:
    """Returns the shape of images that a configuration states, of its image half if it has one."""
    if shape is not None:
        return config.get(shape)
    half = config.get("vision_encoder")
    inner = half.get("config") if isinstance(half, dict) else None
    return inner.get(_SHAPES[0]) if isinstance(inner, dict) else None


def refuse_kind(name: str, kind: str) -> InputError:
    """Returns a refusal of a preset whose network does not make features of images alone."""
    return InputError(
        f"The preset {name} holds {kind}; expected a network that takes images alone, such as "
        f"ViTBackbone, DINOV2Backbone or ResNetBackbone. {ADVICE}"
    )


def _read_side(name: str, shape: Any) -> int | None:
    """Returns the side of images of a shape (H, W) or (H, W, C); None where none is said."""
    sides = list(shape[:2]) if isinstance(shape, list | tuple) else [shape]
    if set(sides) == {None}:
        return None
    if len(set(map(str, sides))) != 1 or type(sides[0]) is not int or not 0 < sides[0] <= _LARGEST:
        raise InputError(
            f"The preset {name} takes images of {shape}; expected square ones of at most "
            f"{_LARGEST} pixels. {ADVICE}"
        )
    return sides[0]


def _read_three(name: str, value: Any, default: float) -> tuple[float, ...]:
    """Returns a converter's factor or offset for each of three channels."""
    values = [default if value is None else value] if not isinstance(value, list | tuple) else value
    numbers = [each for each in values if isinstance(each, int | float) and math.isfinite(each)]
    if len(numbers) != len(values) or len(numbers) not in (1, 3):
        raise InputError(
            f"The {_CONVERTER} of {name} scales pixels by {value!r}; expected one number, or one "
            "for each of three channels. Correct the file, or save it again."
        )
    return tuple(float(each) for each in numbers) * (3 // len(numbers))


def _read_interpolation(name: str, value: Any) -> str:
    if value not in INTERPOLATIONS:
        raise InputError(
            f"The {_CONVERTER} of {name} resizes by {value!r}; expected one of "
            f"{', '.join(INTERPOLATIONS)}. Correct the file, or save it again."
        )
    return value


def _cannot_read(name: str, weights: Weights, file: str, error: Exception) -> InputError:
    where = f"KerasHub's preset {name}" if weights is None else f"`weights={str(weights)!r}`"
    begin = "does not hold" if isinstance(error, FileNotFoundError) else "cannot give"
    return InputError(f"{where} {begin} its {file}: {shorten(error)} {write_saving(name)}")


def write_saving(name: str) -> str:
    """Returns how a preset, or a network of the user's own, is saved in a folder."""
    if name in import_hub().models.Backbone.presets or name.startswith(_PREFIXES):
        return (
            "On a machine with network access, save it in Python: keras_hub.models.Backbone."
            f'from_preset("{name}").save_to_preset("FOLDER"), then the same with keras_hub.layers.'
            "ImageConverter. Give `weights='FOLDER'`."
        )
    return (
        'Save it in Python: backbone.save_to_preset("FOLDER") and keras_hub.layers.ImageConverter('
        'image_size=(96, 96), scale=1 / 255).save_to_preset("FOLDER"), with the size and the scale '
        "of pixels that the network was trained with."
    )


def shorten(error: Exception) -> str:
    """Returns the beginning of what an error says, as a sentence."""
    said = textwrap.shorten(str(error) or type(error).__name__, 200, placeholder=" ...")
    return said if said.endswith((".", "!", "?")) else f"{said}."
