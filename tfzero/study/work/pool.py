"""The workers that do the jobs: started, fed, and ended when the study stops."""

from __future__ import annotations

import concurrent.futures
import contextlib
import contextvars
import itertools
import os
import pathlib
import signal
import uuid
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from typing import Any, NamedTuple

import loky

from tfzero.common.checks import InputError, StopError
from tfzero.common.cores import count_cores
from tfzero.common.surroundings import OWN_VARIABLES, own_process, processor_variables
from tfzero.study.work.process import begin_worker, why_unfit, write_errors_to
from tfzero.study.work.progress import Progress

# Tells this process from any other, on any machine.
_THIS = uuid.uuid4().hex
# An idle worker ends after so many seconds, and with it all that it has compiled.
_IDLE_SECONDS = 300
# Each worker uses one core: results must not depend on a machine's cores. loky replaces a worker
# whose memory grew by 300 MB, as that of a process that holds some TensorFlow graphs does. It would
# build them all anew, for minutes.
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "BLIS_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    "LOKY_MAX_MEMORY_LEAK_SIZE": "2e9",
    **OWN_VARIABLES,
}


class Job(NamedTuple):
    """A unit of work: what the progress line calls it, its expected seconds, and the call."""

    label: str
    seconds: float
    call: Callable[..., Any]
    arguments: tuple


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


class _ThisProcess(Executor):
    """Runs each call at once, in the process that has loaded all libraries already."""

    def submit(self, fn, /, *args, **kwargs) -> Future:
        future: Future = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class _Processes(Executor):
    """loky's workers: spawned, never forked; they live on between studies of this process.

    Args:
        count: How many.
    """

    def __init__(self, count: int):
        self._count = count
        # No job is lost with a worker that is replaced, and a person can do nothing about it.
        warnings.filterwarnings("ignore", "A worker (stopped|was restarted) while", UserWarning)

    def submit(self, fn, /, *args, **kwargs) -> Future:
        with _interrupts_blocked():
            return self._open().submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Ends all workers, and what they are at."""
        del cancel_futures
        self._open().shutdown(wait=wait, kill_workers=True)

    def _open(self):
        """Returns the workers, started anew if one was killed: loky ends its fellows then."""
        return loky.get_reusable_executor(
            self._count,
            timeout=_IDLE_SECONDS,
            initializer=begin_worker,
            initargs=(os.getpid(),),
            env={**_ENVIRONMENT, **processor_variables()},
        )


class _OneAtATime(Executor):
    """Runs each call in this process, or in one worker where that would give other numbers."""

    def __init__(self):
        self._here, self._beside = _ThisProcess(), _Processes(1)

    def submit(self, fn, /, *args, **kwargs) -> Future:
        executor = self._beside if why_unfit() else self._here
        return executor.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        if why_unfit():
            self._beside.shutdown(wait, cancel_futures=cancel_futures)


class _Workers(NamedTuple):
    count: int
    executor: Executor
    # What libraries print to standard error is kept in a log where that can be told apart.
    is_logged: bool = True


_active: contextvars.ContextVar[_Workers | None] = contextvars.ContextVar("workers", default=None)


@contextlib.contextmanager
def use_workers(count: int | None = None, *, scheduler: str | None = None) -> Iterator[None]:
    """Decides which workers are used until the block ends.

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
            "Both workers and a scheduler are given, but with a scheduler its own workers "
            "do the work. Leave out one of the two."
        )
    with contextlib.ExitStack() as stack:
        if scheduler is None:
            workers = _on_this_machine(count)
        else:
            from tfzero.study.work.cluster import connect

            client = stack.enter_context(connect(scheduler))
            workers = _Workers(len(client.nthreads()), client.get_executor(), is_logged=False)
        token = _active.set(workers)
        try:
            yield
        finally:
            _active.reset(token)


def num_workers() -> int:
    """Returns how many jobs run at once."""
    return _workers().count


class Pool:
    """Hands items to the workers and takes them back as they end.

    Args:
        workers: Who they are.
        log: Takes what their libraries print to standard error.
    """

    def __init__(self, workers: _Workers, log: pathlib.Path):
        self._executor = workers.executor
        self._log = log if workers.is_logged else None
        # A few wait at the workers, so that none is idle while this process is busy. No more:
        # what is handed out keeps its place whatever becomes ready meanwhile.
        self._most = workers.count + (0 if workers.count == 1 else max(1, workers.count // 4))
        self._count = workers.count
        self._at_work: dict[Future, Any] = {}
        self._begun: set[Future] = set()

    @property
    def has_room(self) -> bool:
        """Whether the workers can use one more item."""
        return len(self._at_work) < self._most

    @property
    def is_idle(self) -> bool:
        """Whether all items have ended."""
        return not self._at_work

    def submit(self, item: Any, call: Callable[..., Any], *arguments: Any) -> None:
        """Hands out an item, which comes back with what its call returns."""
        try:
            future = self._executor.submit(_call, self._log, _THIS, call, arguments)
        except BrokenExecutor as error:  # a worker was killed a moment ago
            future = Future()
            future.set_exception(error)
        self._at_work[future] = item

    def list_begun(self) -> list[Any]:
        """Returns the items that workers must be at, and which it has not returned before."""
        first = list(itertools.islice(self._at_work, self._count))
        new = [future for future in first if future not in self._begun]
        self._begun.update(new)
        return [self._at_work[future] for future in new]

    def collect(self, seconds: float | None = None) -> list[Ended]:
        """Returns the items that have ended; waits for one, for so many seconds at most.

        Raises:
            Exception: As a call does.
        """
        first = concurrent.futures.FIRST_COMPLETED
        done, _ = concurrent.futures.wait(self._at_work, timeout=seconds, return_when=first)
        if any(isinstance(future.exception(), BrokenExecutor) for future in done):
            done, _ = concurrent.futures.wait(self._at_work)  # its fellows end with it
        return [self._take(future) for future in done]

    def _take(self, future: Future) -> Ended:
        item = self._at_work.pop(future)
        self._begun.discard(future)
        try:
            return Ended(item, future.result())
        except BrokenExecutor:
            return Ended(item, is_lost=True)


@contextlib.contextmanager
def open_pool(log: pathlib.Path) -> Iterator[Pool]:
    """Yields a pool of the workers; an error that leaves the block ends what they are at."""
    workers = _workers()
    try:
        yield Pool(workers, log)
    except BaseException:
        workers.executor.shutdown(wait=workers.is_logged)  # Dask's goes on to wait for results
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
        while waiting or not pool.is_idle:
            while waiting and pool.has_room:
                job = waiting.pop(0)
                pool.submit(job, job.call, *job.arguments)
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


def _workers() -> _Workers:
    return _active.get() or _on_this_machine(None)


def _on_this_machine(count: int | None) -> _Workers:
    count = count or count_cores()
    return _Workers(count, _OneAtATime() if count == 1 else _Processes(count))


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Keeps Ctrl-C, which a terminal sends to all its processes, from those started meanwhile.

    They are ended by their parent, in order; half-started ones would print a traceback each.
    Windows cannot do that.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _call(log: pathlib.Path | None, asked: str, call: Callable[..., Any], arguments: tuple) -> Any:
    if asked != _THIS:  # a worker, perhaps of a cluster
        own_process()
        if log is not None:
            write_errors_to(log)
    return call(*arguments)
