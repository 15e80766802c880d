"""A data set on disk, for many processes to read without each holding a copy."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from tfzero.common.checks import InputError
from tfzero.common.files import atomic_file, make_folder, write_json
from tfzero.data.dataset import ImageData

SCHEMA = 1
_SUMMARY = "dataset.json"
_ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")


def save_arrays(data: ImageData, folder: str | os.PathLike[str]) -> None:
    """Writes one .npy file an array and, last, a small JSON file.

    Each file appears whole or not at all, and the JSON file only after all arrays, so
    that a killed process leaves nothing that `open_arrays` would take. A folder that
    holds the same data already is left as it is.

    Args:
        data: What to write. A pool that is the training images is not written twice.
        folder: Is made if it does not exist.

    Raises:
        InputError: If the folder holds other data; they are never overwritten.
    """
    folder = Path(folder)
    make_folder(folder)
    if (folder / _SUMMARY).exists():
        saved = _read_summary(folder)["fingerprint"]
        if saved != data.fingerprint:
            raise InputError(
                f"{folder} holds other data (fingerprint {saved}, not {data.fingerprint}); "
                "expected an empty folder or the same data. Choose another folder."
            )
        return
    pool_is_train, grouped = data.pool is data.train_images, data.train_groups is not None
    for name in _names(pool_is_train, grouped):
        array = getattr(data, name)
        with atomic_file(folder / f"{name}.npy") as file:
            np.save(file, array)
    summary = {
        "schema": SCHEMA,
        "name": data.name,
        "class_names": data.class_names,
        "source": data.source,
        "notes": data.notes,
        "pool_is_train": pool_is_train,
        "grouped": grouped,
        "fingerprint": data.fingerprint,
    }
    write_json(folder / _SUMMARY, summary)


def open_arrays(folder: str | os.PathLike[str]) -> ImageData:
    """Opens what `save_arrays` wrote; the arrays are read-only memory maps.

    The stored fingerprint is taken as it is: opening does not read the images.

    Raises:
        InputError: If the folder holds no data set, or a part of it is missing or broken.
    """
    folder = Path(folder)
    if not (folder / _SUMMARY).exists():
        raise InputError(
            f"{folder} has no {_SUMMARY}; expected a folder that save_arrays completed. "
            "Save the data again."
        )
    summary = _read_summary(folder)
    names = _names(summary["pool_is_train"], summary.get("grouped", False))
    arrays: dict[str, Any] = {name: open_array(folder / f"{name}.npy") for name in names}
    arrays.setdefault("pool", arrays["train_images"])
    data = ImageData(
        name=summary["name"],
        class_names=tuple(summary["class_names"]),
        source=summary["source"],
        notes=tuple(summary["notes"]),
        **arrays,
    )
    # Where cached_property keeps its value; a frozen dataclass lets no other way in.
    vars(data)["fingerprint"] = summary["fingerprint"]
    return data


def _names(pool_is_train: bool, grouped: bool) -> list[str]:
    names = [*_ARRAYS] if pool_is_train else ["pool", *_ARRAYS]
    return [*names, "train_groups"] if grouped else names


def _read_summary(folder: Path) -> dict:
    path = folder / _SUMMARY
    try:
        summary = json.loads(path.read_bytes())
        schema = summary["schema"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is damaged ({error!r}). Delete {folder}, save again.") from error
    if schema != SCHEMA:
        raise InputError(
            f"{path} has schema {schema}; this version of tfzero expected {SCHEMA}. "
            f"Delete {folder} and save the data again."
        )
    return summary


def open_array(path: Path) -> np.ndarray:
    """Opens an .npy file as a read-only memory map.

    Raises:
        InputError: If it is missing or damaged.
    """
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(
            f"{path} is missing or damaged ({error}); expected an array that save_arrays wrote. "
            f"Delete {path.parent} and save the data again."
        ) from error
