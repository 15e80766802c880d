"""The job that fits and scores one arm at one label count in one replicate."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from tfzero.common.files import write_arrays, write_json
from tfzero.study.planning.plan import CellSpec
from tfzero.study.readings.networks import record_network, wants_reading
from tfzero.study.work.clock import clock_job
from tfzero.study.work.inputs import Reader
from tfzero.study.work.process import in_study
from tfzero.study.work.scores import score_probabilities
from tfzero.study.workspace import Workspace


@in_study
def run_cell(workspace: Workspace, cell: CellSpec) -> str:
    """Fits and scores a cell; returns the key of its record."""
    plan, run, data = workspace.plan, workspace.run, workspace.data
    reader = Reader(workspace, cell)
    with clock_job() as clock:
        inputs = reader.read()
        fitted = reader.strategy.fit(inputs.task)
        fitted.cost.seconds += inputs.seconds
        probabilities = fitted.predict(inputs.test)
        job = clock.read()
    diverged = not np.isfinite(probabilities).all()
    if diverged:
        probabilities = _answer_commonest(reader.labels, probabilities.shape)
    elif wants_reading(plan, cell):  # looking at it is no part of what it cost
        join = functools.partial(reader.join, fitted)
        record_network(workspace, cell, probabilities, join)
    key = plan.cell_key(cell)
    write_arrays(run.cells / f"{key}.npz", probabilities=probabilities)
    record: dict[str, Any] = {
        "schema": 1,
        "key": key,
        "spec": {**cell.model_dump(), "init": cell.init, "strategy": cell.strategy},
        "result": {**score_probabilities(probabilities, data.test_labels), "diverged": diverged},
        "chosen": fitted.chosen,
        "cost": vars(fitted.cost),
        "job": job,
    }
    write_json(run.cells / f"{key}.json", record)
    return key


def _answer_commonest(labels: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Returns the answers of what diverged: a result that always names the commonest class."""
    largest = np.bincount(labels, minlength=shape[1]).argmax()
    return np.eye(shape[1], dtype=np.float32)[np.full(shape[0], largest)]
