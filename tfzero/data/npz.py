"""Arrays in one .npz file, named as Keras names them."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np

from tfzero._checks import InputError
from tfzero.data.collection import Collection, Part, Reading
from tfzero.data.dataset import check_part, number_classes, safe_name
from tfzero.data.names import name_rows
from tfzero.data.resize import fit_images, note_fit

_KEYS = ("x_train", "y_train", "x_test", "y_test", "pool", "class_names")
_EXPECTED = (
    "expected x_train and y_train, and perhaps x_test with y_test, pool (unlabeled images) "
    "and class_names"
)


def load_npz(path: Path, *, source: str, reading: Reading) -> Collection:
    """Loads x_train, y_train and perhaps x_test, y_test, pool and class_names.

    Args:
        path: An existing file. Images are `(N, H, W)` or `(N, H, W, C)`, uint8 or float 0..1.
        source: What the user gave.
        reading: Size and channels to bring the images to.

    Raises:
        InputError: If an array is missing or cannot be used.
    """
    arrays, known = _read_arrays(path)
    if not {"x_train", "y_train"} <= set(arrays):
        listed = ", ".join(known) or "nothing"
        raise InputError(f"{path} has {listed}; {_EXPECTED}. Save it with these names.")
    if ("x_test" in arrays) != ("y_test" in arrays):
        there, lacking = ("x_test", "y_test") if "x_test" in arrays else ("y_test", "x_test")
        raise InputError(f"{path} has {there} but no {lacking}; expected both or neither.")
    pool, names = arrays.get("pool"), arrays.get("class_names")
    passed_over = ", ".join(key for key in known if key not in _KEYS)
    notes = [f"Passed over the arrays {passed_over}."] if passed_over else []
    train = _fit_part(arrays, "train", reading)
    test = _fit_part(arrays, "test", reading) if "x_test" in arrays else None
    if pool is not None:
        pool = fit_images(pool, reading, name="pool")
    labels = [part.require_labels() for part in (train, test) if part is not None]
    return Collection(
        name=safe_name(path.stem),
        source=source,
        class_names=tuple(
            number_classes(np.concatenate(labels)) if names is None else map(str, names.ravel())
        ),
        train=train,
        test=test,
        pool=None if pool is None else Part(pool, name_rows("pool", len(pool))),
        notes=(*notes, *note_fit(reading)),
        resize=reading.resize,
    )


def _read_arrays(path: Path) -> tuple[dict[str, np.ndarray], list[str]]:
    """Returns the arrays we have a use for, and the names of all."""
    # allow_pickle=False: a pickle in a downloaded file could run any code.
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            known = sorted(archive.files)
            return {key: np.asarray(archive[key]) for key in _KEYS if key in known}, known
    # TypeError: a lone .npy array under the name .npz is no context manager.
    except (ValueError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(
            f"{path} cannot be read ({error}); expected an .npz file of plain arrays, "
            "as numpy.savez_compressed writes it. Save it again."
        ) from error


def _fit_part(arrays: dict[str, np.ndarray], part: str, reading: Reading) -> Part:
    images = fit_images(arrays[f"x_{part}"], reading, name=f"x_{part}")
    return check_part(images, arrays[f"y_{part}"], name=part)
