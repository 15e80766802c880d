"""Executors of this machine: its processes, this process, and those that have a part of a GPU."""

from __future__ import annotations

import contextlib
import os
import signal
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from typing import Any

import loky

from tfzero.common.surroundings import OWN_VARIABLES, processor_variables
from tfzero.study.work.devices import Slot
from tfzero.study.work.process import begin_gpu_worker, begin_worker, why_unfit

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
# The libraries of a GPU are loaded when they are first needed, and take much memory.
_ON_GPU = {"LOKY_MAX_MEMORY_LEAK_SIZE": "8e9"}


class ThisProcess(Executor):
    """Runs each call at once, in the process that has loaded all libraries already."""

    def submit(self, fn, /, *args, **kwargs) -> Future:
        """Hands the call out; see `concurrent.futures.Executor`."""
        future: Future = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class Processes(Executor):
    """loky's workers: spawned, never forked; they live on between studies of this process.

    Args:
        count: How many.
    """

    def __init__(self, count: int):
        self._count = count
        # No job is lost with a worker that is replaced, and a person can do nothing about it.
        warnings.filterwarnings("ignore", "A worker (stopped|was restarted) while", UserWarning)

    def submit(self, fn, /, *args, **kwargs) -> Future:
        """Hands the call out; see `concurrent.futures.Executor`."""
        with interrupts_blocked():
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


class OneAtATime(Executor):
    """Runs each call in this process, or in one worker where that would give other numbers."""

    def __init__(self):
        self._here, self._beside = ThisProcess(), Processes(1)

    def submit(self, fn, /, *args, **kwargs) -> Future:
        """Hands the call out; see `concurrent.futures.Executor`."""
        executor = self._beside if why_unfit() else self._here
        return executor.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Ends the worker, if there is one."""
        if why_unfit():
            self._beside.shutdown(wait, cancel_futures=cancel_futures)


class OnGpu(Executor):
    """Processes that have a part of a GPU each, until the study ends.

    Args:
        slots: The parts; a process for each.
    """

    def __init__(self, slots: tuple[Slot, ...]):
        self._slots = slots
        self._workers: loky.ProcessPoolExecutor | None = None

    def submit(self, fn, /, *args, **kwargs) -> Future:
        """Hands the call out; see `concurrent.futures.Executor`."""
        with interrupts_blocked():
            try:
                return self._open().submit(fn, *args, **kwargs)
            except BrokenExecutor:  # a worker was killed: loky ends its fellows then
                self.shutdown()
                return self._open().submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Ends all workers, and what they are at; their parts of GPUs are free then."""
        del cancel_futures
        workers, self._workers = self._workers, None
        if workers is not None:
            workers.shutdown(wait=wait, kill_workers=True)

    def _open(self) -> loky.ProcessPoolExecutor:
        if self._workers is None:
            self._workers = loky.ProcessPoolExecutor(
                len(self._slots),
                timeout=None,  # else idle ones would end, and others could take their slots
                initializer=begin_gpu_worker,
                initargs=(os.getpid(), self._slots),
                env={**_ENVIRONMENT, **_ON_GPU, **processor_variables()},
            )
        return self._workers


class Wrapping(Executor):
    """Hands each call to another executor, inside of a function that calls it.

    Args:
        executor: Gets the work.
        wrapper: Called with the function and its arguments.
    """

    def __init__(self, executor: Executor, wrapper: Callable[..., Any]):
        self._executor, self._wrapper = executor, wrapper

    def submit(self, fn, /, *args, **kwargs) -> Future:
        """Hands the call out; see `concurrent.futures.Executor`."""
        return self._executor.submit(self._wrapper, fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Ends the other executor."""
        self._executor.shutdown(wait, cancel_futures=cancel_futures)


@contextlib.contextmanager
def interrupts_blocked() -> Iterator[None]:
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
