"""What a plan asks for and the folder lacks, as tasks."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable

from tfzero.common.arm import Arm
from tfzero.common.files import read_json
from tfzero.study.inits import read_init, read_learner
from tfzero.study.planning.plan import CellSpec, StudyPlan
from tfzero.study.work.attempt import Task
from tfzero.study.work.cell import run_cell
from tfzero.study.work.estimate import Estimate
from tfzero.study.work.pretraining import run_pretraining
from tfzero.study.workspace import Workspace


def study_tasks(
    workspace: Workspace,
    estimate: Estimate,
    replicates: Iterable[int] | None = None,
    *,
    arms: Collection[Arm] | None = None,
) -> list[Task]:
    """Returns the tasks of some replicates and arms that have no record yet.

    Args:
        workspace: The study.
        estimate: Of their seconds.
        replicates: Which; None means all.
        arms: Which; None means all.
    """
    plan = workspace.plan
    replicates = range(plan.seeds) if replicates is None else tuple(replicates)
    arms = plan.arms if arms is None else arms
    return [
        *(
            _pretraining_task(workspace, word, replicate, estimate)
            for word, replicate in missing_pretraining(workspace, replicates, arms)
        ),
        *(
            _cell_task(workspace, cell, estimate)
            for cell in missing_cells(workspace)
            if cell.replicate in replicates and cell.arm in arms
        ),
    ]


def missing_pretraining(
    workspace: Workspace,
    replicates: Iterable[int] | None = None,
    arms: Collection[Arm] | None = None,
) -> list[tuple[str, int]]:
    """Returns the encoders still to be pretrained, as (init, replicate)."""
    encoders = _encoders(workspace.plan, replicates, arms)
    return [encoder for key, encoder in encoders.items() if not workspace.has_encoder(key)]


def _encoders(
    plan: StudyPlan,
    replicates: Iterable[int] | None = None,
    arms: Collection[Arm] | None = None,
) -> dict[str, tuple[str, int]]:
    """Returns (method, first replicate that uses it) of each encoder by its key."""
    stages = {s.word for arm in (arms or plan.arms) for s in read_init(arm.init).stages()}
    found: dict[str, tuple[str, int]] = {}
    for replicate in range(plan.seeds) if replicates is None else replicates:
        for method in plan.pretraining:
            if method in stages:
                found.setdefault(plan.pretraining_key(method, replicate), (method, replicate))
    return found


def missing_cells(workspace: Workspace) -> list[CellSpec]:
    """Returns the cells without a readable record."""
    plan, run = workspace.plan, workspace.run
    return [cell for cell in plan.cells() if not run.has_cell(plan.cell_key(cell))]


def _pretraining_task(workspace: Workspace, word: str, replicate: int, estimate: Estimate) -> Task:
    key = workspace.encoder_key(word, replicate)
    before = read_learner(word).before
    needs = ()
    if before is not None and before.learns():
        needs = (workspace.encoder_key(before.word, replicate),)
    return Task(
        key=key,
        label=f"pretrain {word}, seed {replicate}",
        seconds=estimate.pretraining(workspace.plan, word),
        call=run_pretraining,
        arguments=(workspace, word, replicate),
        is_done=functools.partial(workspace.has_encoder, key),
        needs=needs,
        replicate=replicate,
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
        needs=(workspace.encoder_key(cell.init, cell.replicate),) if learnt else (),
        replicate=cell.replicate,
    )


def read_records(workspace: Workspace) -> tuple[list[dict], list[dict]]:
    """Returns all cells' records and all pretrained encoders' records."""
    plan, run = workspace.plan, workspace.run
    cells = [record for cell in plan.cells() if (record := run.read_cell(plan.cell_key(cell)))]
    encoders = [
        record for key in _encoders(plan) if (record := read_json(run.encoders / f"{key}.json"))
    ]
    return cells, encoders
