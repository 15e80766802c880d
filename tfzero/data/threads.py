"""Work on many files at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from tfzero.common.cores import count_cores

# Files whose headers, or small images, a thread takes at once: fewer would be all overhead.
FILES_AT_ONCE = 64

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_threads(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Applies `function` in threads and yields in order; few results wait at any time."""
    workers = min(8, count_cores())
    with ThreadPoolExecutor(workers) as executor:
        waiting: deque[Future[Result]] = deque()
        try:
            for item in items:
                waiting.append(executor.submit(function, item))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:  # The consumer left, or an item failed.
                future.cancel()
