"""Arrays in one .npz file, named as Keras names them."""

from __future__ import annotations

import contextlib
import math
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tfzero.common.checks import InputError
from tfzero.common.pixels import Extents
from tfzero.data.collection import Collection, Part, check_part, number_classes
from tfzero.data.memory import is_large, slices
from tfzero.data.names import name_rows, safe_name
from tfzero.data.options import LoadOptions
from tfzero.data.resize import fit_images, fit_pieces, note_fit

_KEYS = ("x_train", "y_train", "x_test", "y_test", "pool", "class_names")
_EXPECTED = (
    "expected x_train and y_train, and perhaps x_test with y_test, pool (unlabeled images) "
    "and class_names"
)


def load_npz(path: Path, source: str, options: LoadOptions) -> Collection:
    """Loads x_train, y_train and perhaps x_test, y_test, pool and class_names.

    Args:
        path: An existing file. Images are `(N, H, W)` or `(N, H, W, C)`, of any type
            with a range, else uint8, bool or float in 0..1.
        source: What the user gave.
        options: Size and channels to bring the images to.

    Raises:
        InputError: If an array is missing or cannot be used.
    """
    seen = Extents()
    with _opened(path) as archive:
        known = sorted(archive.files)
        if not {"x_train", "y_train"} <= set(known):
            listed = ", ".join(known) or "nothing"
            raise InputError(f"{path} has {listed}; {_EXPECTED}. Save it with these names.")
        if ("x_test" in known) != ("y_test" in known):
            there, lacking = ("x_test", "y_test") if "x_test" in known else ("y_test", "x_test")
            raise InputError(f"{path} has {there} but no {lacking}; expected both or neither.")
        train = _read_part(archive, "train", options, seen)
        test = _read_part(archive, "test", options, seen) if "x_test" in known else None
        pool = _read_images(archive, "pool", options, seen) if "pool" in known else None
        names = np.asarray(archive["class_names"]) if "class_names" in known else None
    passed_over = ", ".join(key for key in known if key not in _KEYS)
    notes = [f"Arrays that were not used: {passed_over}."] if passed_over else []
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
        notes=(*notes, *note_fit(options)),
        resize=options.resize_mode,
    ).with_values(seen, options.values, where=str(path), lenient=options.lenient)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[np.lib.npyio.NpzFile]:
    """Opens the file; turns whatever is wrong with it into an error that names it."""
    # allow_pickle=False: a pickle in a downloaded file could run any code.
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            yield archive
    except InputError:
        raise
    # TypeError: a lone .npy array under the name .npz is no context manager.
    except (ValueError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(
            f"{path} cannot be read ({error}); expected an .npz file of plain arrays, "
            "as numpy.savez_compressed writes it. Save it again."
        ) from error


def _read_part(archive, part: str, options: LoadOptions, seen: Extents) -> Part:
    images = _read_images(archive, f"x_{part}", options, seen)
    return check_part(images, np.asarray(archive[f"y_{part}"]), name=part)


def _read_images(archive, key: str, options: LoadOptions, seen: Extents) -> np.ndarray:
    """Returns images, read some megabytes at a time where all would take too much memory."""
    if f"{key}.npy" not in archive.zip.namelist():  # NumPy also takes names without .npy.
        return fit_images(np.asarray(archive[key]), options, name=key, seen=seen)
    with archive.zip.open(f"{key}.npy") as stream:
        shape, turned, kind = _read_head(stream)
        count, *sides = shape or (0,)
        row_bytes = kind.itemsize * math.prod(sides)
        in_rows = count and sides and not turned and not kind.hasobject
        if in_rows and is_large(count * row_bytes):
            pieces = (
                np.frombuffer(stream.read((part.stop - part.start) * row_bytes), kind).reshape(
                    part.stop - part.start, *sides
                )
                for part in slices(count, row_bytes)
            )
            return fit_pieces(pieces, options, count=count, name=key, seen=seen)
    return fit_images(np.asarray(archive[key]), options, name=key, seen=seen)


def _read_head(stream) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Returns shape, whether columns come first, and type of the array that follows."""
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(stream)
    if version == (2, 0):
        return np.lib.format.read_array_header_2_0(stream)
    return (), False, np.dtype(object)  # of named fields, no images
