"""The run folder: what is in it, and writing it so that a kill leaves nothing half-written."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pathlib
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import numpy as np

from tfzero.common.checks import InputError


class RunFolder:
    """The files of one study.

    ```
    study.json            the plan
    test_labels.npy       int64 (T,)
    cells/KEY.json, .npz  a record: spec, result, cost; probabilities float32 (T, K)
    encoders/KEY.keras    a pretrained encoder, with KEY.json (losses, alarms, cost) and
                          KEY.npz (pictures)
    unfinished/           pretraining under way, kept every minute or so
    final/KEY.keras       the network that is exported, with KEY.json
    failures/KEY.json     a job that failed twice: what it is, and why
    claims/KEY.json       a job that a process is at work on
    given.keras           an encoder that came ready: public weights, or a file's
    readings/             what the report alone reads; see `tfzero.study.readings.write`
    verdict.json, report.html
    tables/               the report's tables as CSV and JSON
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
        self.unfinished = self.path / "unfinished"
        self.final = self.path / "final"
        self.failures = self.path / "failures"
        self.claims = self.path / "claims"
        self.readings = self.path / "readings"
        self.tables = self.path / "tables"
        self.cache = self.path / "cache"
        self.own_encoder = self.path / "encoder.keras"
        self.given_encoder = self.path / "given.keras"
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
            for folder in (
                self.cells, self.encoders, self.unfinished, self.final, self.failures, self.claims,
                self.readings, self.cache,
            ):  # fmt: skip
                folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path):
                pass
        except OSError as error:
            if is_disk_full(error):
                raise
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

    def has_cell(self, key: str) -> bool:
        """Returns whether a cell's record is there and readable."""
        return self.read_cell(key) is not None

    def read_probabilities(self, key: str) -> np.ndarray:
        """Returns a cell's predicted probabilities, float32 `(T, K)`."""
        # Opened here: NumPy leaves the file of a broken archive open.
        with (self.cells / f"{key}.npz").open("rb") as file, np.load(file) as arrays:
            return arrays["probabilities"]

    def read_failures(self) -> list[dict[str, Any]]:
        """Returns the jobs that failed twice and have no record for it, by key.

        Each has `key`; `label`, what the job is in words; `reason`, one line; `details`, the
        traceback or nothing; `spec`, of a cell as in its record (None of a pretraining).
        """
        found = (read_json(path) for path in sorted(self.failures.glob("*.json")))
        return [failure for failure in found if failure is not None]

    def write_failure(
        self, key: str, *, label: str, reason: str, details: str = "", spec: Any = None
    ) -> None:
        """Records that a job failed twice."""
        write_json(
            self.failures / f"{key}.json",
            {"schema": 1, "key": key, "label": label, "spec": spec, "reason": reason,
             "details": details},
        )  # fmt: skip

    def has_failed(self, key: str) -> bool:
        """Returns whether a failure of this job is recorded."""
        return (self.failures / f"{key}.json").exists()

    def forget_failure(self, key: str) -> None:
        """Removes what is said of an earlier failure."""
        (self.failures / f"{key}.json").unlink(missing_ok=True)


def is_disk_full(error: BaseException) -> bool:
    """Returns whether an error, or what brought it about, says that a disk or quota is full."""
    seen: BaseException | None = error
    while seen is not None:
        if getattr(seen, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            return True
        # HDF5 and TensorFlow say it in words alone.
        if os.strerror(errno.ENOSPC) in str(seen) or os.strerror(errno.EDQUOT) in str(seen):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


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
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.stem}-") as folder:
        temporary = pathlib.Path(folder) / path.name
        write(str(temporary))
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
