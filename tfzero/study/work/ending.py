"""How the network to be exported is trained: on how many labels, with how many cores, how long."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

from tfzero.study.planning.plan import StudyPlan

# The export's share of the minutes that a study is given, and what of it no training takes:
# writing, loading again and the report.
_SHARE, _WRITING = 0.2, 8.0
# Training for longer than this, in seconds on one thread, gets processes with more threads.
LONG = 30.0
# So many threads are as fast as this power of their number, or faster.
_SPEED = 0.5
# Each step down tries so many labels less.
_STEP = 0.9


class Training(NamedTuple):
    """How the exported network is trained.

    Attributes:
        most: Labels to learn from at most.
        num_beside: Networks that are trained beside it, to calibrate it by.
        threads: Of each process.
        seconds: Expected.
    """

    most: int
    num_beside: int
    threads: int
    seconds: float


class _Cores(NamedTuple):
    """How the cores are shared by the networks that are trained beside each other.

    Attributes:
        num_beside: Networks beside the exported one.
        threads: Of each process.
        rounds: In so many rounds all are trained.
    """

    num_beside: int
    threads: int
    rounds: int

    def seconds(self, alone: float) -> float:
        """Returns what all take, if one takes `alone` on one thread."""
        # Threads wait for each other; the rounds come one after another.
        return alone * self.rounds / self.threads**_SPEED


def plan_training(
    plan: StudyPlan,
    seconds_on: Callable[[int], float],
    num_beside: Callable[[int], int],
    *,
    cores: int,
    has_threads: bool = True,
) -> Training:
    """Returns how to train with all cores, within a fifth of the study's minutes.

    On all labels, unless minutes were given and a fifth of these does not suffice; never on fewer
    than the study's largest count.

    Args:
        plan: The study.
        seconds_on: Returns the expected seconds of one training on so many labels, on one thread.
        num_beside: Returns how many networks are trained beside it, for so many labels.
        cores: Of this machine.
        has_threads: Whether a process may use several cores.
    """
    seconds_on = functools.cache(seconds_on)

    def split(count: int) -> _Cores:
        others = num_beside(count)
        threads = max(1, cores // (1 + others)) if has_threads else 1
        # A new process loads and builds for as long as threads would save.
        threads = 1 if seconds_on(count) < LONG else threads
        return _Cores(others, threads, math.ceil((1 + others) / cores))

    count, least = plan.data.num_train, min(max(plan.label_counts), plan.data.num_train)
    limit = math.inf if plan.minutes is None else _SHARE * 60 * plan.minutes - _WRITING
    while count > least and split(count).seconds(seconds_on(count)) > limit:
        count = max(least, int(_STEP * count))
    chosen = split(count)
    return Training(count, chosen.num_beside, chosen.threads, chosen.seconds(seconds_on(count)))
