"""Runs what a plan asks for and the folder lacks, on all workers, in an order that shares work."""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence

from tfzero.common.checks import StopError
from tfzero.common.files import read_json
from tfzero.study.inits import read_learner
from tfzero.study.planning.plan import CellSpec, StudyPlan
from tfzero.study.records import RunFolder
from tfzero.study.work.attempt import Outcome, Task, attempt
from tfzero.study.work.cell import run_cell
from tfzero.study.work.estimate import Estimate
from tfzero.study.work.locks import Process, read_holder, release_dead
from tfzero.study.work.pool import Job, WorkerDied, stream_jobs
from tfzero.study.work.pretraining import run_pretraining
from tfzero.study.work.progress import Progress
from tfzero.study.workspace import Workspace

# Seconds between looks at the work of other processes.
_LOOK_SECONDS = 0.5
# Workers may be killed this often in a row without any job ending.
_MOST_BARREN_DEATHS = 3


def missing_pretraining(workspace: Workspace) -> list[tuple[str, int]]:
    """Returns the encoders still to be pretrained, as (init, replicate)."""
    encoders = _encoders(workspace.plan)
    return [encoder for key, encoder in encoders.items() if not workspace.has_encoder(key)]


def _encoders(plan: StudyPlan) -> dict[str, tuple[str, int]]:
    """Returns (method, first replicate that uses it) of each encoder by its key."""
    found: dict[str, tuple[str, int]] = {}
    for method in plan.pretraining:
        for replicate in range(plan.seeds):
            found.setdefault(plan.pretraining_key(method, replicate), (method, replicate))
    return found


def missing_cells(workspace: Workspace) -> list[CellSpec]:
    """Returns the cells without a readable record."""
    plan, run = workspace.plan, workspace.run
    return [cell for cell in plan.cells() if not run.has_cell(plan.cell_key(cell))]


def run_study(workspace: Workspace, *, estimate: Estimate, progress: Progress) -> None:
    """Runs every job that has no record yet.

    Cells that need no pretrained encoder run beside the pretraining, those that need one beside
    the pretraining that goes on from another; the others follow.

    Raises:
        InputError: As a job does.
        StopError: If the disk is full, or every worker is killed at once.
    """
    run = workspace.run
    pretraining = [
        _pretraining_task(workspace, word, replicate, estimate)
        for word, replicate in missing_pretraining(workspace)
    ]
    cells = [_cell_task(workspace, cell, estimate) for cell in missing_cells(workspace)]
    # The longest first: a long job that starts last would leave the other cores idle.
    tasks = sorted(pretraining, key=lambda task: -task.seconds) + cells
    progress.start(tasks)
    for task in tasks:
        run.forget_failure(task.key)  # it is tried again
    for phase in _in_phases(tasks):
        run_tasks(_without_failed_encoders(phase, run, progress), run, progress=progress)


def _in_phases(tasks: Sequence[Task]) -> list[list[Task]]:
    """Returns tasks so grouped that each needs none of its own group and of later ones."""
    needs = {task.key: task.needs for task in tasks}
    phases: list[list[Task]] = []
    for task in tasks:
        depth, before = 0, task.needs
        while before in needs:  # else it is done already
            depth, before = depth + 1, needs[before]
        phases.extend([] for _ in range(depth + 1 - len(phases)))
        phases[depth].append(task)
    return phases


def _without_failed_encoders(tasks, run, progress) -> list[Task]:
    """Returns the tasks that can be done; records the others, whose pretraining failed."""
    failed = {failure["key"]: failure for failure in run.read_failures()}
    kept = []
    for task in tasks:
        cause = None if task.needs is None else failed.get(task.needs)
        if cause is None:
            kept.append(task)
            continue
        reason = f"its pretraining failed ({cause['reason']})"
        run.write_failure(task.key, label=task.label, reason=reason, spec=task.spec)
        progress.advance(task)
    return kept


def run_tasks(tasks: Sequence[Task], run: RunFolder, *, progress: Progress | None = None) -> None:
    """Ends when every task has its record, or a record of its failure, whoever did it.

    Any number of processes may be at this in one folder. When a worker is killed, its fellows
    end with it; whose fault it was shows when the tasks they had in hand are tried one by one.
    """
    parent = Process.current()
    left = {task.key: task for task in tasks}
    suspects: set[str] = set()
    barren = 0
    try:
        while left:
            batch = [left[key] for key in left if key in suspects] or list(left.values())
            before = len(left)
            try:
                for task, outcome in _attempt_all(batch, run, parent, one_by_one=bool(suspects)):
                    if outcome is not Outcome.HELD:
                        _check_off(left, task.key, progress)
                    if outcome is not Outcome.HELD or not _in_hand(run, task.key, parent):
                        suspects.discard(task.key)
            except WorkerDied:
                suspects = {key for key in left if _in_hand(run, key, parent)}
                barren = 0 if len(left) < before or suspects else barren + 1
                if barren == _MOST_BARREN_DEATHS:
                    raise StopError(
                        "Worker processes are killed as soon as they start. "
                        f"What they said is in {run.log}."
                    ) from None
                continue
            if suspects:
                time.sleep(_LOOK_SECONDS)  # killed, and not yet dead
            elif left and len(batch) == before:
                _await_others(left, run, progress)
    finally:
        release_dead(run.locks, parent=parent)


def _attempt_all(batch, run, parent, *, one_by_one):
    jobs = [Job(task.label, task.seconds, attempt, (task, run, parent)) for task in batch]
    for place, outcome in stream_jobs(jobs, log=run.log, one_by_one=one_by_one):
        yield batch[place], outcome


def _check_off(left: dict[str, Task], key: str, progress: Progress | None) -> None:
    task = left.pop(key)
    if progress is not None:
        progress.advance(task)


def _in_hand(run: RunFolder, key: str, parent: Process) -> bool:
    holder = read_holder(run.locks / f"{key}.json")
    return holder is not None and holder.parent == parent


def _await_others(left: dict[str, Task], run: RunFolder, progress: Progress | None) -> None:
    """Waits until others have done all of what is left, or something of it is free."""
    if progress is not None:
        progress.console.print(
            f"Waiting for {len(left)} jobs that other processes have in hand.", highlight=False
        )
    while left:
        for key, task in list(left.items()):
            holder = read_holder(run.locks / f"{key}.json")
            if holder is not None and not holder.is_stale():
                continue
            if not (task.is_done() or run.has_failed(key)):
                return
            _check_off(left, key, progress)
        if left:
            time.sleep(_LOOK_SECONDS)


def _pretraining_task(workspace: Workspace, word: str, replicate: int, estimate: Estimate) -> Task:
    key = workspace.encoder_key(word, replicate)
    before = read_learner(word).before
    needs = None
    if before is not None and before.learns():
        needs = workspace.encoder_key(before.word, replicate)
    return Task(
        key=key,
        label=f"pretrain {word}, seed {replicate}",
        seconds=estimate.pretraining(workspace.plan, word),
        call=run_pretraining,
        arguments=(workspace, word, replicate),
        is_done=functools.partial(workspace.has_encoder, key),
        needs=needs,
    )


def _cell_task(workspace: Workspace, cell: CellSpec, estimate: Estimate) -> Task:
    plan = workspace.plan
    key = plan.cell_key(cell)
    learnt = cell.init in plan.pretraining
    return Task(
        key=key,
        label=cell.label,
        seconds=estimate.cell(plan, cell),
        call=run_cell,
        arguments=(workspace, cell),
        is_done=functools.partial(workspace.run.has_cell, key),
        spec=cell.model_dump(),
        needs=workspace.encoder_key(cell.init, cell.replicate) if learnt else None,
    )


def read_records(workspace: Workspace) -> tuple[list[dict], list[dict]]:
    """Returns all cells' records and all pretrained encoders' records."""
    plan, run = workspace.plan, workspace.run
    cells = [record for cell in plan.cells() if (record := run.read_cell(plan.cell_key(cell)))]
    encoders = [
        record for key in _encoders(plan) if (record := read_json(run.encoders / f"{key}.json"))
    ]
    return cells, encoders
