"""What images are called, by the million: no string is kept that nobody has asked for."""

from __future__ import annotations

import heapq
import itertools
import os
import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

import numpy as np

# Paths that are sorted at once, as strings.
_RUN = 2**16


def display_name(path: str) -> str:
    """Returns a path that any output can hold, whatever bytes the file system has in it."""
    return path if path.isascii() else os.fsencode(path).decode("utf-8", errors="replace")


def safe_name(text: str) -> str:
    """Returns `text` with everything unsafe in a folder name replaced; "data" if none is left."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text)[:80].strip(".-_") or "data"


class Paths(Sequence[str]):
    """Paths, end to end in one block of bytes: eight bytes each beside their own.

    A list of strings takes 70 bytes each beside their own, more than a small image has pixels.

    Args:
        paths: As the file system spells them.
    """

    def __init__(self, paths: Iterable[str] = ()):
        self._text = bytearray()
        self._ends = array("Q", [0])
        self.extend(paths)

    @classmethod
    def sort(cls, paths: Iterable[str]) -> Paths:
        """Returns paths in the order of their characters; few are strings at any time."""
        waiting, runs = iter(paths), []
        while run := sorted(itertools.islice(waiting, _RUN)):
            runs.append(cls(run))
        return runs[0] if len(runs) == 1 else cls(heapq.merge(*runs))

    def append(self, path: str) -> None:
        """Adds a path at the end."""
        self._text += os.fsencode(path)
        self._ends.append(len(self._text))

    def extend(self, paths: Iterable[str]) -> None:
        """Adds paths at the end."""
        for path in paths:
            self.append(path)

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __iter__(self) -> Iterator[str]:
        return (self[place] for place in range(len(self)))

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            return [self[each] for each in range(len(self))[place]]
        place = range(len(self))[place]
        return os.fsdecode(bytes(self._text[self._ends[place] : self._ends[place + 1]]))


class PagedNames(Sequence[str]):
    """What images are called of which several are in a file: "a.tif[0]", "a.tif[1]", ..."""

    def __init__(self, paths: Sequence[str], pages: np.ndarray):
        self.paths = paths
        self.pages = pages

    def __len__(self) -> int:
        return len(self.pages)

    def __getitem__(self, place):
        return f"{self.paths[place]}[{self.pages[place]}]"


class _Numbered(Sequence[str]):
    """What images without names are called: "part[0]", "part[1]", ..."""

    def __init__(self, part: str, length: int):
        self.part = part
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, place):
        return f"{self.part}[{place}]"


class Names(Sequence[str]):
    """What the images of a part are called. Taking some of them copies no text.

    Args:
        texts: A name for each row of the source, in whatever form.
        rows: uint32 `(N,)`: the row that each image is; None for all, in order.
    """

    def __init__(self, texts: Sequence[str], rows: np.ndarray | None = None):
        self._texts = texts
        self._rows = np.arange(len(texts), dtype=np.uint32) if rows is None else rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, place: int | np.integer) -> str: ...
    @overload
    def __getitem__(self, place: slice | np.ndarray) -> Names: ...
    def __getitem__(self, place):
        found = self._rows[place]
        if isinstance(found, np.ndarray):
            return Names(self._texts, found)
        return display_name(self._texts[int(found)])


def name_rows(part: str, count: int) -> Names:
    """Returns "part[0]", "part[1]", ... for images that came without names."""
    return Names(_Numbered(part, count))
