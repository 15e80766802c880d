"""The run folder: what is in it, and who reads it."""

from __future__ import annotations

import os
import pathlib
import tempfile
import zipfile
import zlib
from typing import Any

import numpy as np

from tfzero.common.checks import InputError
from tfzero.common.files import is_disk_full, read_json, write_json


class RunFolder:
    """The files of one study.

    ```
    study.json            the plan
    test_labels.npy       int64 (T,)
    cells/KEY.json, .npz  a record: spec, result, cost; probabilities float32 (T, K)
    encoders/KEY.keras    a pretrained encoder, with KEY.json (losses, alarms, cost) and
                          KEY.npz (pictures), and KEY-method.keras, the whole method, where an
                          arm goes on with its loss
    unfinished/           pretraining under way, kept every minute or so
    final/KEY.keras       the network that is exported, with KEY.json (how it scores)
    looks/NUMBER.json     what a look of the judge decided: claims, arms that go on
    savedmodel/           versions of the export, if the run folder was chosen; a study begun anew
                          adds one
    failures/KEY.json     a job that failed twice: what it is, and why
    locks/KEY.json        a job that a process is at work on
    given.keras           an encoder that came ready: public weights, or a file's
    readings/             what the report alone reads; see `tfzero.study.readings`
    verdict.json, report.html
    example.png           an image that the export can be tried on, where there are no files
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
        self.looks = self.path / "looks"
        self.savedmodel = self.path / "savedmodel"
        self.failures = self.path / "failures"
        self.locks = self.path / "locks"
        self.readings = self.path / "readings"
        self.tables = self.path / "tables"
        self.cache = self.path / "cache"
        self.own_encoder = self.path / "encoder.keras"
        self.given_encoder = self.path / "given.keras"
        self.test_labels = self.path / "test_labels.npy"
        self.log = self.path / "workers.log"
        self.report = self.path / "report.html"
        self.example = self.path / "example.png"

    def cache_for(self, fingerprint: str) -> pathlib.Path:
        """Returns where the images of one fingerprint are kept as arrays."""
        return self.cache / fingerprint[:16]

    def own_folders(self) -> tuple[pathlib.Path, ...]:
        """Returns the folders that a study writes into, but for those of locks and tables."""
        made = (self.cells, self.encoders, self.unfinished, self.final, self.failures)
        return (*made, self.looks, self.readings, self.cache)

    def own_files(self) -> tuple[pathlib.Path, ...]:
        """Returns the files that a study writes beside its folders."""
        networks = (self.own_encoder, self.given_encoder)
        read = (self.report, self.example)
        return (self.study, self.verdict, *read, self.log, self.test_labels, *networks)

    def create(self) -> None:
        """Makes the folders.

        Raises:
            InputError: If they cannot be made or written to.
        """
        try:
            for folder in (*self.own_folders(), self.locks):
                folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path):
                pass
        except OSError as error:
            if is_disk_full(error):
                raise
            raise InputError(
                f"Cannot write to {self.path}: {error.strerror}. Choose another folder with `out`."
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
            {
                "schema": 1,
                "key": key,
                "label": label,
                "spec": spec,
                "reason": reason,
                "details": details,
            },
        )

    def has_failed(self, key: str) -> bool:
        """Returns whether a failure of this job is recorded."""
        return (self.failures / f"{key}.json").exists()

    def forget_failure(self, key: str) -> None:
        """Removes what is said of an earlier failure."""
        (self.failures / f"{key}.json").unlink(missing_ok=True)
