"""The job that fits and scores one arm at one label count in one replicate."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tfzero.common.files import write_arrays, write_json
from tfzero.study.planning.parts import CellSpec
from tfzero.study.readings.networks import record_network, wants_reading
from tfzero.study.work.clock import clock_job
from tfzero.study.work.inputs import Reader
from tfzero.study.work.process import in_study
from tfzero.study.work.scores import score_probabilities
from tfzero.study.workspace import Workspace
from tfzero.transfer.contract import Cost, mean_cost

if TYPE_CHECKING:
    import keras


@in_study
def run_cell(workspace: Workspace, cell: CellSpec) -> str:
    """Fits and scores a cell; returns the key of its record."""
    plan, run, data = workspace.plan, workspace.run, workspace.data
    probabilities = np.empty((len(data.test_labels), data.num_classes), np.float32)
    answers: list[_Answers] = []
    for number, fold in enumerate(workspace.folds(cell.replicate)):
        found = _fit_fold(workspace, cell, number)
        rows = np.arange(len(probabilities))[fold.asked]
        # No part of what the cell cost. And before the next fit, which trains the same network.
        if not found.diverged and number == 0 and wants_reading(plan, cell):
            record_network(workspace, cell, found.probabilities, found.join, rows=rows)
        probabilities[rows] = found.probabilities
        answers.append(found)
    key = plan.cell_key(cell)
    write_arrays(run.cells / f"{key}.npz", probabilities=probabilities)
    record: dict[str, Any] = {
        "schema": 1,
        "key": key,
        "spec": {**cell.model_dump(), "init": cell.init, "strategy": cell.strategy},
        "result": {
            **score_probabilities(probabilities, data.test_labels),
            "diverged": any(each.diverged for each in answers),
        },
        "chosen": answers[0].chosen,
        "cost": vars(mean_cost([each.cost for each in answers])),
        "job": {name: sum(each.job[name] for each in answers) for name in answers[0].job},
    }
    write_json(run.cells / f"{key}.json", record)
    return key


class _Answers(NamedTuple):
    """What a classifier of a cell answered, and what fitting it cost."""

    probabilities: np.ndarray
    diverged: bool
    chosen: dict[str, Any]
    cost: Cost
    job: dict[str, float]
    join: Callable[[], keras.Model]


def _fit_fold(workspace: Workspace, cell: CellSpec, number: int) -> _Answers:
    """Fits a classifier and predicts the fold's test images with it."""
    reader = Reader(workspace, cell, number)
    with clock_job() as clock:
        inputs = reader.read()
        fitted = reader.strategy.fit(inputs.task)
        fitted.cost.seconds += inputs.seconds
        probabilities = fitted.predict(inputs.test)
        job = clock.read()
    diverged = not np.isfinite(probabilities).all()
    if diverged:
        probabilities = _answer_commonest(reader.labels, probabilities.shape)
    join = functools.partial(reader.join, fitted)
    return _Answers(probabilities, bool(diverged), fitted.chosen, fitted.cost, job, join)


def _answer_commonest(labels: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Returns the answers of what diverged: a result that always names the commonest class."""
    largest = np.bincount(labels, minlength=shape[1]).argmax()
    return np.eye(shape[1], dtype=np.float32)[np.full(shape[0], largest)]
