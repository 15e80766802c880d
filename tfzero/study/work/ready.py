"""Which tasks can start, and in what order."""

from __future__ import annotations

import functools
import heapq
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from tfzero.study.planning.lanes import Lane


class Waits(Protocol):
    """What is asked of a task here; see `tfzero.study.work.attempt.Task`."""

    @property
    def key(self) -> str:
        """Tells it from the others."""
        ...

    @property
    def seconds(self) -> float:
        """Expected."""
        ...

    @property
    def needs(self) -> tuple[str, ...]:
        """Keys of what has to be done before."""
        ...

    @property
    def replicate(self) -> int:
        """Those of earlier ones come first."""
        ...

    @property
    def lane(self) -> Lane:
        """Where it runs."""
        ...


Each = TypeVar("Each", bound=Waits)


class Ready(Generic[Each]):
    """Tasks that are left, and among them those that wait for nothing.

    Replicate by replicate. Within one comes first what begins the longest chain of tasks that wait
    for each other: a long one that started last would leave the other workers idle.

    Args:
        tasks: All of them. What one needs and is not among them is there already.
    """

    def __init__(self, tasks: Sequence[Each]):
        self.left = {task.key: task for task in tasks}
        self._needs = {
            task.key: {need for need in task.needs if need in self.left} for task in tasks
        }
        self._waiting: dict[str, list[str]] = {key: [] for key in self.left}
        for key, needs in self._needs.items():
            for need in needs:
                self._waiting[need].append(key)

        @functools.cache
        def chain(key: str) -> float:
            after = max((chain(each) for each in self._waiting[key]), default=0.0)
            return self.left[key].seconds + after

        self._places = {
            task.key: (task.replicate, -chain(task.key), place) for place, task in enumerate(tasks)
        }
        self._heaps: dict[Lane, list[tuple[tuple[int, float, int], str]]] = {
            lane: [] for lane in Lane
        }
        for task in self.left.values():
            if not self._needs[task.key]:
                self.put_back(task)

    def take(self, lane: Lane = Lane.CPU) -> Each | None:
        """Returns the next task to start in a lane; None where each waits, or was taken."""
        heap = self._heaps[lane]
        while heap:
            _, key = heapq.heappop(heap)
            if key in self.left:
                return self.left[key]
        return None

    def put_back(self, task: Each) -> None:
        """Makes a task that was taken one to start again, in its old place."""
        heapq.heappush(self._heaps[task.lane], (self._places[task.key], task.key))

    def waiting_for(self, key: str) -> list[Each]:
        """Returns the tasks left that need a task."""
        return [self.left[each] for each in self._waiting[key] if each in self.left]

    def end(self, key: str) -> Each:
        """Takes a task out; what waited for nothing else can start."""
        task = self.left.pop(key)
        for each in self._waiting[key]:
            needs = self._needs[each]
            needs.discard(key)
            if not needs and each in self.left:
                self.put_back(self.left[each])
        return task
