"""The workers that do the jobs: started, fed, and ended when the study stops."""

from __future__ import annotations

import concurrent.futures
import contextlib
import contextvars
import itertools
import pathlib
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, Executor, Future
from typing import Any, NamedTuple

from tfzero.common.checks import InputError, StopError
from tfzero.common.cores import count_cores
from tfzero.common.surroundings import own_process
from tfzero.study.planning.lanes import Lane
from tfzero.study.work.devices import ON_CPUS, Devices, Slot
from tfzero.study.work.executors import OneAtATime, OnGpu, Processes
from tfzero.study.work.process import write_errors_to
from tfzero.study.work.progress import Progress

# Tells this process from any other, on any machine.
_THIS = uuid.uuid4().hex


class Job(NamedTuple):
    """A unit of work: what the progress line calls it, its expected seconds, and the call."""

    label: str
    seconds: float
    call: Callable[..., Any]
    arguments: tuple
    lane: Lane = Lane.CPU


class Ended(NamedTuple):
    """An item that a worker is no longer at.

    Attributes:
        item: As it was handed out.
        value: What its call returned.
        is_lost: Whether its worker, or a fellow of this, was killed before the call ended.
    """

    item: Any
    value: Any = None
    is_lost: bool = False


class Workers(NamedTuple):
    """Those of one lane: how many, and what hands them their work."""

    count: int
    executor: Executor


class _Crew(NamedTuple):
    lanes: Mapping[Lane, Workers]
    # What libraries print to standard error is kept in a log where that can be told apart.
    is_logged: bool = True

    def end(self) -> None:
        """Ends what all workers are at; Dask's executors go on to wait for results."""
        for workers in self.lanes.values():
            workers.executor.shutdown(wait=self.is_logged)


_active: contextvars.ContextVar[_Crew | None] = contextvars.ContextVar("crew", default=None)


@contextlib.contextmanager
def use_workers(
    count: int | None = None, *, scheduler: str | None = None, devices: Devices = ON_CPUS
) -> Iterator[None]:
    """Decides which workers are used until the block ends.

    Args:
        count: Processes on this machine; None takes a process a core.
        scheduler: Address of a Dask scheduler, whose workers are used instead.
        devices: What they run on; a process for each slot of a GPU is among them.

    Raises:
        InputError: If the count is below 1, or the scheduler cannot be used.
    """
    require_workers(count, scheduler)
    with contextlib.ExitStack() as stack:
        if scheduler is None:
            crew = _on_this_machine(count, devices.slots)
            if Lane.GPU in crew.lanes:  # others of this machine may want its memory
                stack.callback(crew.lanes[Lane.GPU].executor.shutdown)
        else:
            from tfzero.study.work.cluster import connect, list_lanes

            client = stack.enter_context(connect(scheduler))
            found = list_lanes(client, uses_gpu=devices.gpu is not None)
            lanes = {lane: Workers(*each) for lane, each in found.items()}
            crew = _Crew(lanes, is_logged=False)
        token = _active.set(crew)
        try:
            yield
        finally:
            _active.reset(token)


def require_workers(count: int | None, scheduler: str | None) -> None:
    """Raises if such workers cannot be.

    Raises:
        InputError: As said.
    """
    if count is not None and count < 1:
        raise InputError(f"workers is {count}; expected at least 1.")
    if scheduler is not None and count is not None:
        raise InputError(
            "Both workers and a scheduler are given, but with a scheduler its own workers "
            "do the work. Leave out one of the two."
        )


def num_workers(lane: Lane | None = None) -> int:
    """Returns how many jobs run at once, in one lane or in all."""
    lanes = _crew().lanes
    counts = {each: workers.count for each, workers in lanes.items()}
    return sum(counts.values()) if lane is None else counts.get(lane, 0)


class Pool:
    """Hands items to the workers and takes them back as they end.

    Args:
        crew: Who they are.
        log: Takes what their libraries print to standard error.
    """

    def __init__(self, crew: _Crew, log: pathlib.Path):
        self._lanes = crew.lanes
        self._log = log if crew.is_logged else None
        self._at_work: dict[Lane, dict[Future, Any]] = {lane: {} for lane in crew.lanes}
        self._begun: set[Future] = set()

    def has_room(self, lane: Lane = Lane.CPU) -> bool:
        """Returns whether the workers of a lane can use one more item."""
        # A few wait at the workers, so that none is idle while this process is busy. No more:
        # what is handed out keeps its place whatever becomes ready meanwhile.
        count = self._lanes[lane].count
        return len(self._at_work[lane]) < count + (0 if count == 1 else max(1, count // 4))

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """Those that have workers."""
        return tuple(self._lanes)

    @property
    def is_idle(self) -> bool:
        """Whether all items have ended."""
        return not any(self._at_work.values())

    def submit(
        self, item: Any, call: Callable[..., Any], *arguments: Any, lane: Lane = Lane.CPU
    ) -> None:
        """Hands out an item, which comes back with what its call returns."""
        executor = self._lanes[lane].executor
        try:
            future = executor.submit(_call, self._log, _THIS, call, arguments)
        except BrokenExecutor as error:  # a worker was killed a moment ago
            future = Future()
            future.set_exception(error)
        self._at_work[lane][future] = item

    def list_begun(self) -> list[Any]:
        """Returns the items that workers must be at, and which it has not returned before."""
        new = []
        for lane, at_work in self._at_work.items():
            first = itertools.islice(at_work, self._lanes[lane].count)
            new += [(lane, future) for future in first if future not in self._begun]
        self._begun.update(future for _, future in new)
        return [self._at_work[lane][future] for lane, future in new]

    def collect(self, seconds: float | None = None) -> list[Ended]:
        """Returns the items that have ended; waits for one, for so many seconds at most.

        Raises:
            Exception: As a call does.
        """
        first = concurrent.futures.FIRST_COMPLETED
        waited = [future for at_work in self._at_work.values() for future in at_work]
        done, _ = concurrent.futures.wait(waited, timeout=seconds, return_when=first)
        for at_work in self._at_work.values():
            if any(isinstance(f.exception(), BrokenExecutor) for f in done & set(at_work)):
                ended, _ = concurrent.futures.wait(at_work)  # its fellows end with it
                done |= ended
        return [self._take(future) for future in done]

    def _take(self, future: Future) -> Ended:
        [at_work] = [each for each in self._at_work.values() if future in each]
        item = at_work.pop(future)
        self._begun.discard(future)
        try:
            return Ended(item, future.result())
        except BrokenExecutor:
            return Ended(item, is_lost=True)


@contextlib.contextmanager
def open_pool(log: pathlib.Path) -> Iterator[Pool]:
    """Yields a pool of the workers; an error that leaves the block ends what they are at."""
    crew = _crew()
    try:
        yield Pool(crew, log)
    except BaseException:
        crew.end()
        raise


def run_jobs(
    jobs: Iterable[Job], *, log: pathlib.Path, progress: Progress | None = None
) -> list[Any]:
    """Runs jobs on all workers; returns their values, in the order of the jobs.

    What the workers print to standard error is appended to `log`. An error of a job is raised.

    Raises:
        StopError: If workers were killed twice.
    """
    jobs = list(jobs)
    waiting, values, deaths = [*jobs], {}, 0
    with open_pool(log) as pool:
        assert {job.lane for job in jobs} <= {*pool.lanes}  # or nobody would ever do them
        while waiting or not pool.is_idle:
            queue, waiting = waiting, []
            for job in queue:
                if pool.has_room(job.lane):
                    pool.submit(job, job.call, *job.arguments, lane=job.lane)
                else:
                    waiting.append(job)
            ended = pool.collect()
            lost = [each.item for each in ended if each.is_lost]
            waiting = lost + waiting
            deaths += bool(lost)
            if deaths > 1:
                raise StopError(
                    f"Worker processes were killed twice at the same work ({lost[0].label}), "
                    "perhaps because memory ran out. Free memory, or use fewer `workers`. "
                    f"Their output is in {log}."
                )
            for each in ended:
                if not each.is_lost:
                    values[id(each.item)] = each.value
                    if progress is not None:
                        progress.advance(each.item)
    return [values[id(job)] for job in jobs]


def _crew() -> _Crew:
    return _active.get() or _on_this_machine(None, ())


def _on_this_machine(count: int | None, slots: tuple[Slot, ...]) -> _Crew:
    count = count or count_cores()
    if not slots:
        executor = OneAtATime() if count == 1 else Processes(count)
        return _Crew({Lane.CPU: Workers(count, executor)})
    slots = slots[:count]
    rest = max(1, count - len(slots))
    on_gpu = Workers(len(slots), OnGpu(slots))
    return _Crew({Lane.GPU: on_gpu, Lane.CPU: Workers(rest, Processes(rest))})


def _call(log: pathlib.Path | None, asked: str, call: Callable[..., Any], arguments: tuple) -> Any:
    if asked != _THIS:  # a worker, perhaps of a cluster
        own_process()
        if log is not None:
            write_errors_to(log)
    return call(*arguments)
