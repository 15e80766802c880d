"""Runs what a plan asks for and the folder lacks, on all cores, in an order that shares work."""

from __future__ import annotations

import functools
import os
import pathlib
import threading
import time
import warnings
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import joblib

from tfzero.study import worker
from tfzero.study.estimate import Estimate
from tfzero.study.plan import CellSpec, StudyPlan
from tfzero.study.progress import Progress
from tfzero.study.records import RunFolder, read_json

# Seconds between a worker's looks at whether its parent lives.
_WATCH_INTERVAL = 1.0


class Job(NamedTuple):
    """A unit of work: what the progress line calls it, its expected seconds, and the call."""

    label: str
    seconds: float
    call: Callable[..., Any]
    arguments: tuple


def missing_pretraining(plan: StudyPlan, run: RunFolder) -> list[tuple[str, int]]:
    """Returns the encoders still to be pretrained, as (method, replicate)."""
    return [
        (method, replicate)
        for method in plan.pretraining
        for replicate in range(plan.seeds)
        if not worker.is_pretrained(run, plan.pretraining_key(method, replicate))
    ]


def missing_cells(plan: StudyPlan, run: RunFolder) -> list[CellSpec]:
    """Returns the cells without a readable record."""
    return [cell for cell in plan.cells() if run.read_cell(plan.cell_key(cell)) is None]


def run_study(
    plan: StudyPlan,
    run: RunFolder,
    *,
    estimate: Estimate,
    progress: Progress,
    custom_objects: dict[str, Any],
) -> None:
    """Runs every job that has no record yet.

    Cells that need no pretrained encoder run beside the pretraining; the others follow.
    """
    cells = missing_cells(plan, run)
    folder = run.path.resolve()
    pretraining = [
        Job(
            f"pretrain {method}, seed {replicate}",
            estimate.pretraining(plan, method),
            worker.run_pretraining,
            (folder, plan, method, replicate, custom_objects),
        )
        for method, replicate in missing_pretraining(plan, run)
    ]
    jobs = {
        needs: [
            Job(
                f"{cell.arm}, {cell.num_labels:,} labels, seed {cell.replicate}",
                estimate.cell(plan, cell),
                worker.run_cell,
                (folder, plan, cell, custom_objects),
            )
            for cell in cells
            if (cell.init in plan.pretraining) == needs
        ]
        for needs in (False, True)
    }
    # The longest first: a long job that starts last would leave the other cores idle.
    first = sorted(pretraining, key=lambda job: -job.seconds) + jobs[False]
    progress.start(first + jobs[True])
    for phase in (first, jobs[True]):
        run_jobs(phase, log=run.log.resolve(), progress=progress)


def run_jobs(
    jobs: Iterable[Job], *, log: pathlib.Path, progress: Progress | None = None
) -> list[Any]:
    """Runs jobs on all cores; returns their values in the order in which they ended.

    Processes are spawned, never forked, and live on between calls with all they have compiled.
    What they print to standard error is appended to `log`.
    """
    jobs = list(jobs)
    if not jobs:
        return []
    values = []
    # A worker whose memory grew by 300 MB is replaced, which TensorFlow's graphs alone can bring
    # about; no job is lost, and a person can do nothing about it.
    warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
    with joblib.parallel_config(backend="loky", n_jobs=num_workers(), inner_max_num_threads=1):
        parallel = joblib.Parallel(
            return_as="generator_unordered", batch_size=1, pre_dispatch="all"
        )
        for place, value in parallel(
            joblib.delayed(_numbered)(place, job, log, os.getpid())
            for place, job in enumerate(jobs)
        ):
            values.append(value)
            if progress is not None:
                progress.advance(jobs[place])
    return values


def _numbered(place: int, job: Job, log: pathlib.Path, parent: int) -> tuple[int, Any]:
    if os.getpid() != parent:
        _write_errors_to(log)
        _end_with(parent)
    return place, job.call(*job.arguments)


def _write_errors_to(log: pathlib.Path) -> None:
    """Sends what a worker's libraries print to standard error into the run's log.

    TensorFlow's C++ parts print dozens of lines there that no setting silences.
    """
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, 2)
    os.close(descriptor)


@functools.cache
def _end_with(parent: int) -> None:
    """Ends this worker when its parent is gone: killed, it cannot end its workers itself.

    Without this they would work through their queue beside the resumed study. Nothing is lost
    but the cell in flight, for records appear whole or not at all.
    """

    def watch():
        while os.getppid() == parent:
            time.sleep(_WATCH_INTERVAL)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def num_workers() -> int:
    """Returns how many processes work at once: the cores this process may use."""
    return len(os.sched_getaffinity(0))


def read_records(plan: StudyPlan, run: RunFolder) -> tuple[list[dict], list[dict]]:
    """Returns all cells' records and all pretrained encoders' records."""
    cells = [record for cell in plan.cells() if (record := run.read_cell(plan.cell_key(cell)))]
    encoders = [
        record
        for method in plan.pretraining
        for replicate in range(plan.seeds)
        if (record := read_json(_encoder_record(plan, run, method, replicate)))
    ]
    return cells, encoders


def _encoder_record(plan, run, method, replicate) -> pathlib.Path:
    return run.encoders / f"{plan.pretraining_key(method, replicate)}.json"
