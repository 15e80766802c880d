"""Arrays that are written and read by rows, because whole they would fill the memory."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from tfzero.common.files import atomic_file
from tfzero.data.memory import is_large


class JoinedRows:
    """The rows of two arrays, one after the other, without a copy of either.

    Args:
        first: `(N, ...)`, in memory or memory-mapped.
        second: `(M, ...)`, of the same type and of rows of the same shape.
    """

    def __init__(self, first: np.ndarray, second: np.ndarray):
        assert first.dtype == second.dtype and first.shape[1:] == second.shape[1:]
        self._first, self._second = first, second
        self.dtype = first.dtype
        self.shape = (len(first) + len(second), *first.shape[1:])
        self.ndim = len(self.shape)
        self.nbytes = first.nbytes + second.nbytes

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows) -> np.ndarray:
        """Returns the rows of a slice or of an integer array, in memory."""
        rows = rows if isinstance(rows, slice) else np.asarray(rows)
        if not isinstance(rows, slice) and rows.dtype == bool:
            raise TypeError("JoinedRows takes a slice or row numbers, not a mask.")
        numbers = np.arange(len(self))[rows] if isinstance(rows, slice) else rows
        numbers = np.where(numbers < 0, numbers + len(self), numbers)
        taken = np.empty((*numbers.shape, *self.shape[1:]), self.dtype)
        is_second = numbers >= len(self._first)
        taken[~is_second] = self._first[numbers[~is_second]]
        taken[is_second] = self._second[numbers[is_second] - len(self._first)]
        return taken

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        """Returns all rows in memory."""
        return np.concatenate([self._first, self._second]).astype(dtype or self.dtype)


def append_rows(first: np.ndarray, second: np.ndarray) -> Any:
    """Returns the rows of both: an array if they take little memory, `JoinedRows` otherwise."""
    if is_large(first.nbytes + second.nbytes):
        return JoinedRows(first, second)
    return np.concatenate([first, second])


def write_rows(
    path: pathlib.Path, parts: Iterable[np.ndarray], *, shape: tuple[int, ...], kind: type
) -> None:
    """Writes parts one after the other as one npy file, which is whole or absent.

    Args:
        path: Of the file.
        parts: Arrays `(n, ...)`, together of `shape`.
        shape: `(N, ...)`.
        kind: The type of the values.
    """
    with atomic_file(path) as file:
        descr = np.lib.format.dtype_to_descr(np.dtype(kind))
        header = {"descr": descr, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for part in parts:
            file.write(np.ascontiguousarray(part, kind).data)
