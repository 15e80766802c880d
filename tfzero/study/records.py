"""The run folder: what is in it, and writing it so that a kill leaves nothing half-written."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import numpy as np

from tfzero._checks import InputError


class RunFolder:
    """The files of one study.

    ```
    study.json            the plan
    test_labels.npy       int64 (T,)
    cells/KEY.json, .npz  a record: spec, result, cost; probabilities float32 (T, K)
    encoders/KEY.keras    a pretrained encoder, with KEY.json (losses, cost) and KEY.npz (pictures)
    final/KEY.keras       the network that is exported, with KEY.json
    verdict.json, report.html
    workers.log           what the workers' libraries printed
    cache/                the images as arrays, shared by all processes
    ```

    Args:
        path: The folder; need not exist.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = pathlib.Path(path)
        self.study = self.path / "study.json"
        self.verdict = self.path / "verdict.json"
        self.cells = self.path / "cells"
        self.encoders = self.path / "encoders"
        self.final = self.path / "final"
        self.cache = self.path / "cache"
        self.own_encoder = self.path / "encoder.keras"
        self.test_labels = self.path / "test_labels.npy"
        self.log = self.path / "workers.log"
        self.report = self.path / "report.html"

    def cache_for(self, fingerprint: str) -> pathlib.Path:
        """Returns where the images of one fingerprint are kept as arrays."""
        return self.cache / fingerprint[:16]

    def create(self) -> None:
        """Makes the folders.

        Raises:
            InputError: If they cannot be made or written to.
        """
        try:
            for folder in (self.cells, self.encoders, self.final, self.cache):
                folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path):
                pass
        except OSError as error:
            raise InputError(
                f"Cannot write to {self.path}: {error.strerror}. Choose another folder with --out."
            ) from error

    def read_cell(self, key: str) -> dict[str, Any] | None:
        """Returns a cell's record, or None if it is missing or unreadable."""
        record = read_json(self.cells / f"{key}.json")
        if record is None:
            return None
        try:
            self.read_probabilities(key)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
            return None
        return record

    def read_probabilities(self, key: str) -> np.ndarray:
        """Returns a cell's predicted probabilities, float32 `(T, K)`."""
        # Opened here: NumPy leaves the file of a broken archive open.
        with (self.cells / f"{key}.npz").open("rb") as file, np.load(file) as arrays:
            return arrays["probabilities"]


def read_json(path: pathlib.Path) -> dict[str, Any] | None:
    """Returns a JSON file's object, or None if it is missing or broken."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def is_whole_archive(path: pathlib.Path) -> bool:
    """Returns whether a .npz or .keras file is there and every part has its checksum."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error):
        return False


def write_json(path: pathlib.Path, value: Any) -> None:
    """Writes JSON so that the file is either whole or absent."""
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    with atomic_file(path) as file:
        file.write(text.encode("utf-8"))


def write_arrays(path: pathlib.Path, **arrays: np.ndarray) -> None:
    """Writes a compressed npz so that the file is either whole or absent."""
    with atomic_file(path) as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


@contextlib.contextmanager
def atomic_file(path: pathlib.Path) -> Iterator[BinaryIO]:
    """Yields a file that appears under `path` only when the block ends without an error."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=path.suffix)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)  # mkstemp makes it private
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def write_by_path(path: pathlib.Path, write: Callable[[str], Any]) -> None:
    """Calls `write(temporary path)` and renames, for writers that insist on a path."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as folder:
        temporary = pathlib.Path(folder) / path.name
        write(str(temporary))
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
