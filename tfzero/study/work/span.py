"""How long jobs take together that wait for each other and share workers."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import NamedTuple

from tfzero.study.planning.lanes import Lane
from tfzero.study.work.ready import Ready


class Step(NamedTuple):
    """A job as far as the time of a whole study depends on it; see `Task`.

    Attributes:
        kind: What is built in a process once: a graph.
        tracing: The seconds of that.
        lane: Where it runs.
    """

    key: str
    seconds: float
    needs: tuple[str, ...]
    replicate: int
    kind: str
    tracing: float
    lane: Lane = Lane.CPU


def find_span(
    steps: Sequence[Step], workers: int, built: dict[str, int], *, on_gpu: int = 0
) -> float:
    """Returns when the last job ends, each free worker taking the next that can start.

    The first `on_gpu` workers take those of the GPU, the others all else; without any, the others
    take all.
    """
    if not on_gpu:
        steps = [step._replace(lane=Lane.CPU) for step in steps]
    ready, now = Ready(steps), 0.0
    known = [{kind for kind, count in built.items() if count > each} for each in range(workers)]
    free = {Lane.GPU: list(range(on_gpu)), Lane.CPU: list(range(on_gpu, workers))}
    at_work: list[tuple[float, int, str]] = []
    while ready.left:
        for lane, idle in free.items():
            while idle and (step := ready.take(lane)) is not None:
                knowing = [each for each in idle if step.kind in known[each]]
                worker = (knowing or idle)[0]
                idle.remove(worker)
                tracing = 0.0 if step.kind in known[worker] else step.tracing
                known[worker].add(step.kind)
                heapq.heappush(at_work, (now + tracing + step.seconds, worker, step.key))
        now, worker, key = heapq.heappop(at_work)
        free[Lane.GPU if worker < on_gpu else Lane.CPU].append(worker)
        ready.end(key)
    return now
