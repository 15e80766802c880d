"""Runs a study from look to look, until its question is answered or its seeds are used."""

from __future__ import annotations

from collections.abc import Callable

from tfzero.common.checks import StopError
from tfzero.common.numbers import count_of
from tfzero.study.growth import Growth, read_growth, take_look
from tfzero.study.work.estimate import Estimate
from tfzero.study.work.progress import Progress
from tfzero.study.work.run import run_study
from tfzero.study.work.tasks import missing_cells
from tfzero.study.workspace import Workspace


def grow_study(
    workspace: Workspace,
    *,
    estimate: Estimate,
    progress: Progress,
    settle: Callable[[Workspace], Workspace],
    tell: Callable[[Growth], None],
) -> Growth:
    """Runs what the looks taken so far ask for, looks, and goes on until no look is to come.

    Records that were lost since are made again first.

    Args:
        workspace: The study.
        estimate: Of the jobs' seconds.
        progress: Is shown the jobs until the next look.
        settle: Is called before each look; returns the study as its folder holds it, with its
            number of seeds decided.
        tell: Is called after each look.

    Raises:
        InputError: As a job does.
        StopError: If every job failed, the disk is full, or workers are killed at once.
    """
    growth, tried = read_growth(workspace), set()
    while True:
        # What failed before this look was tried twice; the next command tries it again.
        cells = [cell for cell in growth.cells() if cell not in tried]
        is_look_to_come = growth.next_number is not None
        progress.goal = (
            f" until the look at {count_of(growth.seeds, 'seed')}" if is_look_to_come else ""
        )
        run_study(workspace, estimate=estimate, progress=progress, cells=cells)
        tried |= set(cells)
        _require_some(workspace, growth)
        if growth.next_number is not None:
            workspace = settle(workspace)
            taken, growth = len(growth.taken), read_growth(workspace)
            if len(growth.taken) == taken:  # else another process took it meanwhile
                growth = take_look(workspace, growth)
            tell(growth)
        if growth.next_number is None:
            return growth


def _require_some(workspace: Workspace, growth: Growth) -> None:
    failures, cells = workspace.run.read_failures(), growth.cells()
    if failures and len(missing_cells(workspace, cells)) == len(cells):
        first = failures[0]
        raise StopError(
            f"Every job of the study failed. The first, {first['label']}: {first['reason']}. "
            f"Details are in {workspace.run.failures}. The same command tries them again."
        )
