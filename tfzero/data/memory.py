"""How much memory there is, and images that stay on disk where they would take too much of it."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tfzero.common.checks import InputError

# Arrays larger than this share of memory are kept on disk and read from there.
MEMORY_SHARE = 0.25
# Bytes that are read, moved or hashed at once.
CHUNK_BYTES = 4 * 2**20
_UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
# What is assumed of a machine that does not tell.
_UNTOLD = 8 * 2**30
_CONTROL_GROUPS = Path("/sys/fs/cgroup")


def is_large(nbytes: int, *, sharers: int = 1) -> bool:
    """Whether an array takes more than its share of memory, divided among `sharers` processes."""
    return nbytes * sharers > MEMORY_SHARE * memory_limit()


def memory_limit() -> int:
    """Returns the bytes this process may use: `TFZERO_MEMORY`, or what machine and container give.

    Raises:
        InputError: If the environment variable TFZERO_MEMORY is no amount such as 8GB.
    """
    asked = os.environ.get("TFZERO_MEMORY")
    if asked is None:
        return _find_limit()
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?B?)\s*", asked.upper())
    unit = match and match[2] and match[2].rstrip("B") + "B"
    if not match or unit == "B" or float(match[1]) == 0:
        raise InputError(
            f'TFZERO_MEMORY is "{asked}"; expected an amount of memory, for example 8GB or 500MB.'
        )
    return int(float(match[1]) * _UNITS[unit or ""])


@cache
def _find_limit() -> int:
    try:
        limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    except (AttributeError, ValueError, OSError):  # Windows has no such call, others no such name
        limits = [_UNTOLD]
    for line in _read_lines(Path("/proc/self/cgroup")):
        _, kinds, group = line.split(":", 2)
        if kinds == "":  # cgroup version 2
            files = [_CONTROL_GROUPS / group.strip("/") / "memory.max"]
        elif "memory" in kinds.split(","):
            base = _CONTROL_GROUPS / "memory"
            files = [base / group.strip("/") / "memory.limit_in_bytes"]
        else:
            continue
        # Inside a container the group's own path may not exist; its root is the container's.
        files.append(files[0].parents[len(Path(group.strip("/")).parts)] / files[0].name)
        limits += [int(text) for file in files for text in _read_lines(file) if text.isdecimal()]
    return min(limits)


def _read_lines(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []


def open_scratch() -> BinaryIO:
    """Opens a file without a name in the cache folder: gone when the process is, killed or not.

    Raises:
        InputError: If the folder cannot be written to.
    """
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(os.environ.get("TFZERO_CACHE") or Path(base) / "tfzero")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryFile(dir=folder)
    except OSError as error:
        raise InputError(
            f"Cannot write to {folder} ({error.strerror}). Images that do not fit into "
            "memory are kept there. Name another folder in the environment variable "
            "TFZERO_CACHE."
        ) from error


def gather_rows(chunks: Iterable[np.ndarray], *, most: int, shape: tuple[int, ...]) -> np.ndarray:
    """Joins chunks of uint8 rows in memory, or on disk if that would take too much of it.

    Args:
        chunks: Arrays `(n, *shape)`, together `most` rows or fewer.
        most: Rows at most.
        shape: Of one row.

    Returns:
        uint8 `(N, *shape)`; on disk it is a read-only `np.memmap`.
    """
    if not is_large(most * int(np.prod(shape))):
        rows, filled = np.empty((most, *shape), np.uint8), 0
        for chunk in chunks:
            rows[filled : filled + len(chunk)] = chunk
            filled += len(chunk)
        return rows[:filled]
    filled = 0
    with open_scratch() as file:
        for chunk in chunks:
            file.write(np.ascontiguousarray(chunk).data)
            filled += len(chunk)
        file.flush()
        if not filled:
            return np.empty((0, *shape), np.uint8)
        return np.memmap(file, np.uint8, mode="r", shape=(filled, *shape))


def take_rows(images: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Returns `images[rows]`, on disk if it would take too much memory."""
    if not is_large(len(rows) * images[:1].nbytes):
        return np.asarray(images[rows])
    pieces = (images[rows[part]] for part in slices(len(rows), images[:1].nbytes))
    return gather_rows(pieces, most=len(rows), shape=images.shape[1:])


def join_rows(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Returns the rows of both, on disk if they would take too much memory."""
    both = (first, second)
    pieces = (rows[part] for rows in both for part in slices(len(rows), rows[:1].nbytes))
    return gather_rows(pieces, most=len(first) + len(second), shape=first.shape[1:])


def slices(count: int, row_bytes: int) -> Iterator[slice]:
    """Cuts `count` rows into slices of some megabytes."""
    step = max(1, CHUNK_BYTES // max(1, row_bytes))
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))
