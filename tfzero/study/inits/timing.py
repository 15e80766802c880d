"""What was timed of one kind of work, and how updates are timed."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

_TIMED_CALLS = 2


class Timing(NamedTuple):
    """What was timed of one kind of work, on one core, with the other cores at work.

    Attributes:
        seconds_per_step: Of an update. Of the network, at the batch size of the label counts.
            Where there are no updates, of all that is done once per encoder.
        seconds_per_large_step: Of the network's, at the batch size of training on all labels.
        fit_seconds: What a fit costs beside its updates.
        trace_seconds: What the first call in a process costs more: building its graph.
        seconds_per_image: Of predicting an image.
        fits: (labels, seconds) of whole fits, for strategies that train no network.
    """

    seconds_per_step: float = 0.0
    seconds_per_large_step: float = 0.0
    fit_seconds: float = 0.0
    trace_seconds: float = 0.0
    seconds_per_image: float = 0.0
    fits: tuple[tuple[int, float], ...] = ()


def time_updates(time_fit: Callable[[int], float], lengths: tuple[int, int]) -> Timing:
    """Returns what an update costs, and what a fit costs beside its updates.

    Args:
        time_fit: Returns the seconds of a fit with a number of updates.
        lengths: Two numbers of updates: two lengths tell the two costs apart.
    """
    short, long = lengths
    first = time_fit(short)  # traces
    fast = [min(time_fit(steps) for _ in range(_TIMED_CALLS)) for steps in (short, long)]
    step = max(0.0, fast[1] - fast[0]) / (long - short)
    return Timing(
        seconds_per_step=step,
        fit_seconds=max(0.0, fast[0] - short * step),
        trace_seconds=max(0.0, first - fast[0]),
    )
