"""How many processor cores there are for this process."""

from __future__ import annotations

import os


def count_cores() -> int:
    """Returns how many cores this process may use; of all where the system does not tell that."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # outside Linux
        return os.cpu_count() or 1
