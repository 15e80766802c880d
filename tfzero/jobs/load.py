"""Loading of saved models with every class of this package known."""

from __future__ import annotations

import importlib
import os
import pathlib
import zipfile
from typing import Any

from tfzero.common.checks import InputError, require_choice
from tfzero.common.files import require_free_file
from tfzero.common.surroundings import PRECISIONS, own_settings
from tfzero.networks.architectures import find_architecture, names_architecture
from tfzero.pretrain import METHODS

# What registers classes beside the methods and the networks.
_REGISTERING = (
    "tfzero.transfer.classifier",
    "tfzero.transfer.consistency",
    "tfzero.transfer.heads",
    "tfzero.transfer.joint",
    "tfzero.transfer.layer_rates",
)


@own_settings()
def load_model(path: str | os.PathLike, *, custom_objects: dict[str, Any] | None = None):
    """Loads a `.keras` file: a method, a classifier or an encoder, with optimizer state.

    The file is loaded in Keras's safe mode, which refuses code inside the file but is not a
    sandbox.

    Args:
        path: Path of a file that `model.save("....keras")` wrote.
        custom_objects: Your own classes that the model uses, by name.

    Returns:
        The Keras model; calling `fit` continues its training.

    Raises:
        InputError: If there is no such file, or if it is not a `.keras` file.
    """
    path = pathlib.Path(path)
    require_model_file(path)
    import keras

    # Importing registers the classes under the names that the file refers to.
    for method in METHODS.values():
        importlib.import_module(method.place.partition(":")[0])
    for module in _REGISTERING:
        importlib.import_module(module)
    from tfzero.networks.public.preset import explain_missing
    from tfzero.networks.registered import register_networks

    register_networks()
    try:
        return keras.models.load_model(path, custom_objects=custom_objects)
    except Exception as error:  # of zipfile, json, h5py or Keras, by what is wrong with the file
        if missing := explain_missing(path, error):
            raise missing from error
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"{path} cannot be loaded: {reason} If the file is damaged, or was not written "
            "by model.save('NAME.keras'), save it again. If it uses your own classes, pass "
            "them as custom_objects."
        ) from error


def require_model_file(path: pathlib.Path) -> None:
    """Raises unless there is a `.keras` file at this path, whatever is in it."""
    if not path.exists():
        raise InputError(f"{path} does not exist; expected a .keras file.")
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path} is not a .keras file; save models with model.save('NAME.keras').")


def is_encoder_file(text: str | os.PathLike[str]) -> bool:
    """Returns whether what names an encoder is a file, and not an architecture."""
    named = os.fspath(text)
    return not names_architecture(named) and (named.endswith(".keras") or os.path.isfile(named))


def require_known_precision(precision: str | None) -> None:
    """Raises unless a precision is one of `PRECISIONS`, or None.

    Raises:
        InputError: If it is another; the message names the nearest.
    """
    if precision is not None:
        require_choice(precision, PRECISIONS, what="precision")


def require_encoder(text: str | os.PathLike[str] | None) -> None:
    """Raises unless a text names an architecture, or a `.keras` file that is there.

    Raises:
        InputError: If it does neither.
    """
    if text is None:
        return
    if is_encoder_file(text):
        require_model_file(pathlib.Path(text))
        return
    try:
        find_architecture(os.fspath(text))
    except InputError as error:
        raise InputError(f"{error} A file with an encoder ends in .keras.") from error


def require_keras_file(out: pathlib.Path, *, overwrite: bool = True) -> None:
    """Raises unless a `.keras` file can be written, or replaced, at this path."""
    if out.suffix != ".keras":
        raise InputError(f'`out` is "{out}"; expected a file that ends in .keras.')
    require_free_file(out, overwrite=overwrite, chosen_by="out")
