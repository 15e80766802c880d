"""The processes that work: started, fed, and ended when the study stops."""

from __future__ import annotations

import concurrent.futures.process
import contextlib
import contextvars
import functools
import os
import pathlib
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import joblib

from tfzero.common.checks import InputError, StopError
from tfzero.study.work.progress import Progress

# Seconds between a worker's looks at whether its parent lives.
_WATCH_INTERVAL = 1.0


class Job(NamedTuple):
    """A unit of work: what the progress line calls it, its expected seconds, and the call."""

    label: str
    seconds: float
    call: Callable[..., Any]
    arguments: tuple


class WorkerDied(Exception):
    """A worker process was killed; what it and its fellows had in hand is lost."""


class _Workers(NamedTuple):
    count: int
    client: Any = None  # distributed.Client


_active: contextvars.ContextVar[_Workers | None] = contextvars.ContextVar("workers", default=None)


@contextlib.contextmanager
def use_workers(count: int | None = None, *, scheduler: str | None = None) -> Iterator[None]:
    """Decides which processes `run_jobs` uses until the block ends.

    Args:
        count: Processes on this machine; None takes a process a core.
        scheduler: Address of a Dask scheduler, whose workers are used instead.

    Raises:
        InputError: If the count is below 1, or the scheduler cannot be used.
    """
    if count is not None and count < 1:
        raise InputError(f"workers is {count}; expected at least 1.")
    if scheduler is not None and count is not None:
        raise InputError(
            "Both workers and a scheduler are given; the scheduler's workers do the work. "
            "Leave out one of the two."
        )
    with contextlib.ExitStack() as stack:
        workers = _Workers(count or _count_cores())
        if scheduler is not None:
            from tfzero.study.work.cluster import connect

            client = stack.enter_context(connect(scheduler))
            workers = _Workers(len(client.nthreads()), client)
        token = _active.set(workers)
        try:
            yield
        finally:
            _active.reset(token)


def num_workers() -> int:
    """Returns how many jobs run at once."""
    return _workers().count


def run_jobs(
    jobs: Iterable[Job], *, log: pathlib.Path, progress: Progress | None = None
) -> list[Any]:
    """Runs jobs on all workers; returns their values in the order in which they ended.

    Processes are spawned, never forked, and live on between calls with all they have compiled.
    What they print to standard error is appended to `log`. An error of a job is raised.

    Raises:
        StopError: If workers were killed twice.
    """
    left = list(jobs)
    values = []
    for _ in range(2):
        jobs, done = left, set()
        try:
            for place, value in stream_jobs(jobs, log=log):
                done.add(place)
                values.append(value)
                if progress is not None:
                    progress.advance(jobs[place])
            return values
        except WorkerDied:
            left = [job for place, job in enumerate(jobs) if place not in done]
    raise StopError(
        f"Worker processes were killed twice at the same work ({left[0].label}), perhaps for want "
        f"of memory. Free memory, or use fewer `workers`. What they said is in {log}."
    )


def stream_jobs(
    jobs: Sequence[Job], *, log: pathlib.Path, one_by_one: bool = False
) -> Iterator[tuple[int, Any]]:
    """Yields (place, value) of each job as it ends.

    Raises:
        WorkerDied: If a worker was killed. The others are ended too, and started anew by the next
            call.
    """
    if not jobs:
        return
    workers = _workers()
    here = workers.client is None
    # A worker whose memory grew by 300 MB is replaced, which TensorFlow's graphs alone can bring
    # about; no job is lost, and a person can do nothing about it.
    warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
    backend: dict[str, Any] = (
        {"backend": "loky", "n_jobs": workers.count, "inner_max_num_threads": 1}
        if here
        else {"backend": "dask", "client": workers.client}
    )
    with joblib.parallel_config(**backend):
        parallel = joblib.Parallel(
            return_as="generator_unordered",
            batch_size=1,
            # No more than loky's own queue holds: what waits before it when the work is stopped
            # makes loky print a traceback.
            pre_dispatch=1 if one_by_one else "2 * n_jobs",
        )
        calls = [
            joblib.delayed(_call)(place, job, log if here else None, os.getpid())
            for place, job in enumerate(jobs)
        ]
        with _interrupts_blocked():
            values = parallel(calls)
        try:
            yield from values
        except concurrent.futures.process.BrokenProcessPool as error:
            raise WorkerDied from error
        finally:
            with warnings.catch_warnings(action="ignore"):  # "tasks have been cancelled"
                values.close()


def _workers() -> _Workers:
    return _active.get() or _Workers(_count_cores())


def _count_cores() -> int:
    return len(os.sched_getaffinity(0))


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Keeps Ctrl-C, which a terminal sends to all its processes, from those started meanwhile.

    They are ended by their parent, in order; half-started ones would print a traceback each.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _call(place: int, job: Job, log: pathlib.Path | None, parent: int) -> tuple[int, Any]:
    if log is not None and os.getpid() != parent:
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
