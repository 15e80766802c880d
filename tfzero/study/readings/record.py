"""Writing of a reading, which may fail without harm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tfzero.common.files import is_disk_full, read_json, write_arrays, write_json
from tfzero.study.records import RunFolder

Read = Callable[[], tuple[dict[str, np.ndarray], dict[str, Any]]]


def record(run: RunFolder, name: str, read: Read, *, spec: dict[str, Any]) -> None:
    """Writes what `read` returns, or why it failed: nobody loses a study to a picture."""
    said: dict[str, Any] = {"schema": 1, "spec": spec}
    try:
        arrays, numbers = read()
        write_arrays(run.readings / f"{name}.npz", **arrays)
        said |= numbers
    except Exception as error:
        if is_disk_full(error):
            raise
        said["reason"] = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    write_json(run.readings / f"{name}.json", said)


def has_reading(run: RunFolder, name: str) -> bool:
    """Returns whether a reading is there; one that failed is tried again."""
    said = read_json(run.readings / f"{name}.json")
    return said is not None and "reason" not in said
