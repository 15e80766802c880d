"""What a plan asks for and the folder lacks, as tasks."""

from __future__ import annotations

import functools
from collections.abc import Iterable

from tfzero.common.files import read_json
from tfzero.study.inits import read_init, read_learner
from tfzero.study.planning.lanes import Lane, is_read_on_gpu, lane_of_cells, lane_of_learning
from tfzero.study.planning.parts import CellSpec
from tfzero.study.planning.plan import StudyPlan
from tfzero.study.work.attempt import Task
from tfzero.study.work.cell import run_cell
from tfzero.study.work.estimate import Estimate
from tfzero.study.work.pretraining import run_pretraining
from tfzero.study.work.reading import has_read, has_read_pool, run_pool_reading, run_reading
from tfzero.study.workspace import Workspace
from tfzero.transfer import STRATEGIES


def study_tasks(
    workspace: Workspace, estimate: Estimate, cells: Iterable[CellSpec] | None = None
) -> list[Task]:
    """Returns the tasks of some cells, and of the encoders that they need, without a record yet.

    Args:
        workspace: The study.
        estimate: Of their seconds.
        cells: Which; None means all.
    """
    cells = workspace.plan.cells() if cells is None else list(cells)
    missing = missing_cells(workspace, cells)
    return [
        *(
            _pretraining_task(workspace, word, replicate, estimate)
            for word, replicate in missing_pretraining(workspace, cells)
        ),
        *_reading_tasks(workspace, missing, estimate),
        *(_cell_task(workspace, cell, estimate) for cell in missing),
    ]


def missing_pretraining(
    workspace: Workspace, cells: Iterable[CellSpec] | None = None
) -> list[tuple[str, int]]:
    """Returns the encoders of some cells still to be pretrained, as (init, replicate)."""
    encoders = encoders_of(workspace.plan, cells)
    return [encoder for encoder in encoders.values() if not workspace.has_encoder(*encoder)]


def encoders_of(
    plan: StudyPlan, cells: Iterable[CellSpec] | None = None
) -> dict[str, tuple[str, int]]:
    """Returns (method, first replicate that uses it) of each encoder by its key."""
    cells = plan.cells() if cells is None else cells
    uses = dict.fromkeys((cell.replicate, cell.init) for cell in cells)
    found: dict[str, tuple[str, int]] = {}
    for replicate, init in uses:
        for stage in read_init(init).stages():
            key = plan.pretraining_key(stage.word, replicate)
            found.setdefault(key, (stage.word, replicate))
    return found


def missing_cells(workspace: Workspace, cells: Iterable[CellSpec] | None = None) -> list[CellSpec]:
    """Returns those of some cells without a readable record."""
    plan, run = workspace.plan, workspace.run
    cells = plan.cells() if cells is None else cells
    return [cell for cell in cells if not run.has_cell(plan.cell_key(cell))]


def _pretraining_task(workspace: Workspace, word: str, replicate: int, estimate: Estimate) -> Task:
    key = workspace.encoder_key(word, replicate)
    before = read_learner(word).before
    needs = ()
    if before is not None and before.learns():
        needs = (workspace.encoder_key(before.word, replicate),)
    return Task(
        key=key,
        label=f"pretrain {word}, seed {replicate}",
        seconds=estimate.learning(workspace.plan, word, replicate),
        call=run_pretraining,
        arguments=(workspace, word, replicate),
        is_done=functools.partial(workspace.has_encoder, word, replicate),
        needs=needs,
        replicate=replicate,
        lane=lane_of_learning(workspace.plan, word),
    )


def _readings_of(workspace: Workspace, cell: CellSpec) -> list[str]:
    """Returns the keys of the tasks that read images for a cell on the GPU."""
    if not is_read_on_gpu(workspace.plan, cell.arm):
        return []
    key = f"read-{workspace.features_key(cell)}"
    of_pool = STRATEGIES[cell.strategy].reads_graph
    return [f"{key}-{cell.replicate}", *([f"{key}-pool"] if of_pool else [])]


def _reading_tasks(
    workspace: Workspace, cells: Iterable[CellSpec], estimate: Estimate
) -> list[Task]:
    """Returns the tasks that read images on the GPU for cells that run without one."""
    tasks: dict[str, Task] = {}
    for cell in cells:
        for key, (call, is_done) in zip(_readings_of(workspace, cell), _READINGS, strict=False):
            if key in tasks or is_done(workspace, cell):
                continue
            tasks[key] = Task(
                key=key,
                label=f"read images by {cell.init}, seed {cell.replicate}",
                seconds=estimate.reading(workspace.plan, cell),
                call=call,
                arguments=(workspace, cell),
                is_done=functools.partial(is_done, workspace, cell),
                needs=_encoder_needed(workspace, cell),
                replicate=cell.replicate,
                lane=Lane.GPU,
                noun="reading its images",
            )
    return list(tasks.values())


# In the order of `_readings_of`: the labelled and test images, and the pool.
_READINGS = ((run_reading, has_read), (run_pool_reading, has_read_pool))


def _encoder_needed(workspace: Workspace, cell: CellSpec) -> tuple[str, ...]:
    learnt = cell.init in workspace.plan.pretraining
    return (workspace.encoder_key(cell.init, cell.replicate),) if learnt else ()


def _cell_task(workspace: Workspace, cell: CellSpec, estimate: Estimate) -> Task:
    plan = workspace.plan
    key = plan.cell_key(cell)
    return Task(
        key=key,
        label=cell.label,
        seconds=estimate.cell(plan, cell),
        call=run_cell,
        arguments=(workspace, cell),
        is_done=functools.partial(workspace.run.has_cell, key),
        spec=cell.model_dump(),
        needs=(*_encoder_needed(workspace, cell), *_readings_of(workspace, cell)),
        replicate=cell.replicate,
        lane=lane_of_cells(plan, cell.arm),
    )


def read_records(
    workspace: Workspace, cells: Iterable[CellSpec] | None = None
) -> tuple[list[dict], list[dict]]:
    """Returns the records of some cells, and of the pretrained encoders that they use."""
    plan, run = workspace.plan, workspace.run
    cells = plan.cells() if cells is None else list(cells)
    found = [record for cell in cells if (record := run.read_cell(plan.cell_key(cell)))]
    encoders = [
        record
        for key in encoders_of(plan, cells)
        if (record := read_json(run.encoders / f"{key}.json"))
    ]
    return found, encoders
