"""Does tasks to the end, on all workers and beside other processes at work in the folder."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from tfzero.common.checks import StopError
from tfzero.common.console import print_plain
from tfzero.common.files import read_json
from tfzero.study.planning.parts import CellSpec
from tfzero.study.records import RunFolder
from tfzero.study.work.attempt import Outcome, Task, attempt
from tfzero.study.work.estimate import Estimate
from tfzero.study.work.locks import Process, read_holder, release_dead
from tfzero.study.work.pool import Ended, Pool, open_pool
from tfzero.study.work.progress import Progress
from tfzero.study.work.ready import Ready
from tfzero.study.work.tasks import study_tasks
from tfzero.study.workspace import Workspace

# Seconds between looks at the work of other processes.
_LOOK_SECONDS = 0.5
# Workers may be killed this often in a row without any job ending.
_MOST_BARREN_DEATHS = 3


def run_study(
    workspace: Workspace,
    *,
    estimate: Estimate,
    progress: Progress,
    cells: Iterable[CellSpec] | None = None,
) -> None:
    """Runs every job of some cells that has no record yet.

    Args:
        workspace: The study.
        estimate: Of the jobs' seconds.
        progress: Is shown them.
        cells: Which; None means all.

    Raises:
        InputError: As a job does.
        StopError: If the disk is full, or every worker is killed at once.
    """
    tasks = study_tasks(workspace, estimate, cells)
    progress.start(tasks)
    for task in tasks:
        workspace.run.forget_failure(task.key)  # it is tried again
    run_tasks(tasks, workspace.run, progress=progress)


def run_tasks(tasks: Sequence[Task], run: RunFolder, *, progress: Progress | None = None) -> None:
    """Ends when every task has its record, or a record of its failure, whoever did it.

    A task starts when what it needs is there. Any number of processes may be at this in one
    folder. When a worker is killed, its fellows end with it; whose fault it was shows when the
    tasks that they had in hand are tried one by one.

    Args:
        tasks: What to do. What one needs and is not among them is there already.
        run: The run folder.
        progress: Is told of each task that ends.

    Raises:
        InputError: As a task does.
        StopError: If the disk is full, or workers are killed as soon as they start.
    """
    loop = _Loop(tasks, run, progress)
    try:
        with open_pool(run.log) as pool:
            assert {task.lane for task in tasks} <= {*pool.lanes}  # or nobody would ever do them
            loop.work(pool)
    finally:
        release_dead(run.locks, parent=loop.parent)


class _Loop:
    """The state of `run_tasks`, whose arguments it takes."""

    def __init__(self, tasks: Sequence[Task], run: RunFolder, progress: Progress | None):
        self.run, self.progress = run, progress
        self.parent = Process.current()
        self.ready = Ready(tasks)
        # In hand elsewhere.
        self.held: dict[str, Task] = {}
        # In hand when workers were killed.
        self.suspects: dict[str, Task] = {}
        self.barren_deaths = 0

    def work(self, pool: Pool) -> None:
        """Does all tasks."""
        looked, is_told = time.monotonic(), False
        while self.ready.left:
            self._hand_out(pool)
            if not pool.is_idle:
                self._tell_begun(pool)
                self._take_back(pool.collect(_LOOK_SECONDS if self.held else None))
            elif not is_told and self.held:
                is_told = True
                self._tell_of_others()
            elif self.held:
                time.sleep(_LOOK_SECONDS)
            if self.held and time.monotonic() - looked >= _LOOK_SECONDS:
                self._look_at_held()
                looked = time.monotonic()

    def _tell_begun(self, pool: Pool) -> None:
        if self.progress is not None:
            for task in pool.list_begun():
                self.progress.begin(task)

    def _hand_out(self, pool: Pool) -> None:
        if self.suspects:  # one by one
            if pool.is_idle:
                self._submit(pool, next(iter(self.suspects.values())))
            return
        for lane in pool.lanes:
            while pool.has_room(lane) and (task := self.ready.take(lane)) is not None:
                self._submit(pool, task)

    def _submit(self, pool: Pool, task: Task) -> None:
        pool.submit(task, attempt, task, self.run, self.parent, lane=task.lane)

    def _take_back(self, ended: list[Ended]) -> None:
        for task, outcome, is_lost in ended:
            if not is_lost:
                self._judge(task, outcome)
        lost = {each.item.key: each.item for each in ended if each.is_lost}
        if lost:
            self._try_again(lost)

    def _judge(self, task: Task, outcome: Outcome) -> None:
        if outcome is not Outcome.HELD:
            self.barren_deaths = 0
            self._end(task, failed=outcome is Outcome.FAILED)
        elif task.key in self.suspects and self._in_hand(task.key):
            time.sleep(_LOOK_SECONDS)  # its worker was killed, and is not yet dead
        else:
            self.suspects.pop(task.key, None)
            self.held[task.key] = task

    def _try_again(self, lost: dict[str, Task]) -> None:
        """Puts tasks back that were lost with killed workers."""
        in_hand = {key: task for key, task in lost.items() if self._in_hand(key)}
        self.barren_deaths = 0 if in_hand else self.barren_deaths + 1
        if self.barren_deaths == _MOST_BARREN_DEATHS:
            raise StopError(
                "Worker processes are killed as soon as they start. Their output is in "
                f"{self.run.log}."
            )
        for key, task in lost.items():
            if key not in in_hand and key not in self.suspects:
                self.ready.put_back(task)
        self.suspects.update(in_hand)

    def _end(self, task: Task, *, failed: bool) -> None:
        """Checks a task off; where it failed, so do those that need it."""
        for waiting in self.ready.waiting_for(task.key) if failed else ():
            cause = read_json(self.run.failures / f"{task.key}.json") or {"reason": "unknown"}
            reason = f"{task.noun} failed ({cause['reason']})"
            self.run.write_failure(
                waiting.key, label=waiting.label, reason=reason, spec=waiting.spec
            )
            self._end(waiting, failed=True)
        self.ready.end(task.key)
        self.suspects.pop(task.key, None)
        if self.progress is not None:
            self.progress.advance(task)

    def _in_hand(self, key: str) -> bool:
        holder = read_holder(self.run.locks / f"{key}.json")
        return holder is not None and holder.parent == self.parent

    def _look_at_held(self) -> None:
        """Takes back what other processes have ended or left."""
        for key, task in list(self.held.items()):
            holder = read_holder(self.run.locks / f"{key}.json")
            if holder is not None and not holder.is_stale():
                continue
            del self.held[key]
            failed = self.run.has_failed(key)
            if failed or task.is_done():
                self._end(task, failed=failed)
            else:
                self.ready.put_back(task)

    def _tell_of_others(self) -> None:
        if self.progress is not None:
            print_plain(
                self.progress.console,
                f"Waiting for {len(self.ready.left)} jobs that other processes are working on.",
            )
