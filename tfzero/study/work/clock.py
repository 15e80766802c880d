"""What the seconds of a job went into, so that those of others of its kind can be told."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator

# The clock of the job at work in this process, where one is.
_running: list[JobClock] = []


class JobClock:
    """Measures one job.

    Attributes:
        shared: Seconds in which something was made, or waited for, that other jobs read too.
    """

    def __init__(self):
        self.shared = 0.0
        self._start, self._graphs = time.perf_counter(), _count_graphs()
        self._depth = 0

    def read(self, *, before: float = 0.0) -> dict[str, float]:
        """Returns what a record holds of it until now.

        Args:
            before: Seconds of the same job in another process.

        Returns:
            `seconds` on the wall clock without the shared ones, `shared`, and `graphs`, how many
            of TensorFlow's graphs were built: a process builds each once.
        """
        seconds = time.perf_counter() - self._start - self.shared + before
        graphs = _count_graphs() - self._graphs
        return {"seconds": seconds, "shared": self.shared, "graphs": graphs}

    @contextlib.contextmanager
    def share(self) -> Iterator[None]:
        """Counts the block as shared; blocks may lie in each other."""
        start = time.perf_counter()
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if not self._depth:
                self.shared += time.perf_counter() - start


@contextlib.contextmanager
def clock_job() -> Iterator[JobClock]:
    """Yields the clock of the job that the block does."""
    clock = JobClock()
    _running.append(clock)
    try:
        yield clock
    finally:
        _running.pop()


def share() -> contextlib.AbstractContextManager[None]:
    """Returns a block whose seconds are shared by other jobs, if a job is at work here."""
    return _running[-1].share() if _running else contextlib.nullcontext()


def _count_graphs() -> int:
    compiled = sys.modules.get("tfzero.common.compiled")  # not loaded, it has built none
    return 0 if compiled is None else compiled.count_built()
