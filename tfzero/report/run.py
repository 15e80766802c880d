"""Reads a run folder: what was planned, what came of it, and the verdict."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import zipfile
import zlib
from typing import Any

import numpy as np

from tfzero.common.arm import Arm
from tfzero.common.checks import InputError

# The versions of the run folder's files that this page understands; of all others it is 1.
_SCHEMAS = {"study.json": 2, "verdict.json": 2}
# What NumPy makes of a file that was cut off, or is none of its own.
_DAMAGE = (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error)


@dataclasses.dataclass(frozen=True)
class Cell:
    """One arm at one label count in one replicate."""

    arm: str
    num_labels: int
    replicate: int
    result: dict[str, Any]
    cost: dict[str, Any]
    chosen: dict[str, Any]
    arrays: pathlib.Path


@dataclasses.dataclass(frozen=True)
class Encoder:
    """One pretraining: which method and replicate, its settings, curves, cost and alarms."""

    method: str
    replicate: int
    history: dict[str, list[float | None]]
    cost: dict[str, Any]
    arrays: pathlib.Path
    alarms: list[str]
    settings: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Reading:
    """What a study recorded for its report alone.

    `said` holds numbers, or `reason` where the reading failed.
    """

    name: str
    said: dict[str, Any]
    arrays: pathlib.Path


@dataclasses.dataclass(frozen=True)
class Run:
    """A run folder, arrays left on disk until `load_arrays` is asked for them."""

    folder: pathlib.Path
    study: dict[str, Any]
    verdict: dict[str, Any]
    cells: list[Cell]
    encoders: list[Encoder]
    readings: dict[str, Reading]
    test_labels: np.ndarray | None

    @property
    def arms(self) -> list[str]:
        """The arms, in the order of the study."""
        return self.study["arms"]

    @property
    def inits(self) -> list[str]:
        """The inits of the arms, each once."""
        return list(dict.fromkeys(Arm.parse(arm).init for arm in self.arms))

    @property
    def label_counts(self) -> list[int]:
        """The label counts, in the order of the study."""
        return self.study["label_counts"]

    @property
    def seeds(self) -> int:
        """How many replicates the study used."""
        return int(self.verdict.get("seeds") or 0)

    @property
    def table(self) -> list[dict[str, Any]]:
        """The verdict's row for each arm and label count."""
        return self.verdict.get("table", [])

    @property
    def recommended(self) -> dict[str, Any]:
        """What the verdict says of the arm it recommends; empty if it recommends none."""
        return self.verdict.get("recommended") or {}

    @property
    def winner(self) -> str | None:
        """The arm that the verdict recommends, if the study has it."""
        arm = self.recommended.get("arm")
        return arm if arm in self.arms else None

    @property
    def class_names(self) -> list[str]:
        """The names of the classes."""
        return [str(name) for name in self.study.get("data", {}).get("class_names") or []]

    def name_classes(self, num_classes: int) -> list[str]:
        """Returns the names of at least so many classes, numbers for those without one."""
        names = self.class_names
        return names + [str(index) for index in range(len(names), num_classes)]

    def encoders_by_method(self) -> dict[str, list[Encoder]]:
        """Returns the encoders of each method, the first replicate first."""
        found: dict[str, list[Encoder]] = {}
        for encoder in self.encoders:
            found.setdefault(encoder.method, []).append(encoder)
        return found


def read_run(folder: pathlib.Path) -> Run:
    """Reads everything but the large arrays of a run folder.

    A missing folder, a missing `test_labels.npy` and cells without a result are no errors:
    failed, unfinished and older studies have reports too.

    Raises:
        InputError: If the folder, `study.json` or `verdict.json` is missing, or a file
            cannot be read or is of another schema.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; expected the folder of a finished study.")
    return Run(
        folder=folder,
        study=_read_json(folder / "study.json"),
        verdict=_read_json(folder / "verdict.json"),
        cells=_read_cells(folder / "cells"),
        encoders=_read_encoders(folder / "encoders"),
        readings=_read_readings(folder / "readings"),
        test_labels=_read_labels(folder / "test_labels.npy"),
    )


def load_arrays(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Returns the arrays of an `.npz` file; none if there is no such file.

    Raises:
        InputError: If the file is damaged.
    """
    if not path.exists():
        return {}
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except _DAMAGE as error:
        raise InputError(f"{path} cannot be read ({error}). Delete it and run again.") from error


def _read_labels(path: pathlib.Path) -> np.ndarray | None:
    try:
        return np.load(path, allow_pickle=False)
    except FileNotFoundError:
        return None
    except _DAMAGE as error:
        raise InputError(f"{path} cannot be read ({error}). Delete it and run again.") from error


def _read_json(path: pathlib.Path) -> dict[str, Any]:
    """Returns a JSON object of the schema this page understands."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(
            f"{path.parent} has no {path.name}; expected the folder of a finished study. Run "
            "the study again with the same folder; finished cells are kept."
        ) from error
    except ValueError as error:
        raise InputError(
            f"{path} does not hold JSON ({error}). Delete it and run again."
        ) from error
    schema = content.get("schema") if isinstance(content, dict) else None
    expected = _SCHEMAS.get(path.name, 1)
    if schema != expected:
        raise InputError(
            f"{path} has schema {schema!r}; expected {expected}. Write the report with the "
            "version of tfzero that ran the study."
        )
    return content


def _json_files(folder: pathlib.Path) -> list[pathlib.Path]:
    """Returns finished JSON files, oldest name first; names that start with a dot are drafts."""
    return sorted(path for path in folder.glob("*.json") if not path.name.startswith("."))


def _read_cells(folder: pathlib.Path) -> list[Cell]:
    cells = []
    for path in _json_files(folder):
        content = _read_json(path)
        if content.get("result"):
            spec = content["spec"]
            cells.append(
                Cell(
                    arm=spec["arm"],
                    num_labels=spec["num_labels"],
                    replicate=spec["replicate"],
                    result=content["result"],
                    cost=content.get("cost") or {},
                    chosen=content.get("chosen") or {},
                    arrays=path.with_suffix(".npz"),
                )
            )
    return cells


def _read_encoders(folder: pathlib.Path) -> list[Encoder]:
    encoders = []
    for path in _json_files(folder):
        content = _read_json(path)
        encoders.append(
            Encoder(
                method=content["spec"]["method"],
                replicate=content["spec"].get("replicate", 0),
                history=content.get("history") or {},
                cost=content.get("cost") or {},
                arrays=path.with_suffix(".npz"),
                alarms=content.get("alarms") or [],
                settings=content.get("settings") or {},
            )
        )
    return sorted(encoders, key=lambda encoder: (encoder.method, encoder.replicate))


def _read_readings(folder: pathlib.Path) -> dict[str, Reading]:
    """Returns readings by the name of their files."""
    return {
        path.stem: Reading(path.stem, _read_json(path), path.with_suffix(".npz"))
        for path in _json_files(folder)
    }
