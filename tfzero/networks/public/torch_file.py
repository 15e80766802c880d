"""Reads the weights in a PyTorch file without PyTorch, and without running what the file says.

Only the format before PyTorch 1.6 is read. Such a file holds four pickles (a magic number, a
version, facts about the machine, the weights' names and shapes), then a pickle with the names of
its storages, then each storage: its number of values in 8 bytes, and the values.
"""

from __future__ import annotations

import collections
import os
import pathlib
import pickle
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from tfzero.common.checks import InputError

_MAGIC, _VERSION = 0x1950A86A20F9469CFC6C, 1001
_DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class _Storage(NamedTuple):
    """Values that weights are views of.

    Attributes:
        key: Its name in the file.
        dtype: Of its values.
        count: How many there are.
    """

    key: str
    dtype: np.dtype
    count: int


class _Weight(NamedTuple):
    """One weight: a view of a storage, all numbers counted in values."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Unpickler(pickle.Unpickler):
    """Builds dictionaries, numbers, text and views of storages, and refuses everything else."""

    def find_class(self, module: str, name: str) -> Any:
        """Returns what a file may name: three things of PyTorch's, and an ordered dictionary."""
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _view
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        raise _Refused(f"it asks to run {module}.{name}, which no file of weights needs")

    def persistent_load(self, pid: Any) -> _Storage:
        """Returns what a weight is a view of."""
        kind, dtype, key, _, count, view = pid
        if kind != "storage" or view is not None or not isinstance(dtype, np.dtype):
            raise _Refused("its storages are not stored whole")
        return _Storage(str(key), dtype, int(count))


class _Refused(Exception):
    """What is wrong with a file, as the end of a sentence."""


def _view(storage, offset, shape, strides, requires_grad, hooks) -> _Weight:
    del requires_grad, hooks
    if not isinstance(storage, _Storage):
        raise _Refused("one of its weights has no storage")
    return _Weight(storage, int(offset), tuple(map(int, shape)), tuple(map(int, strides)))


def read_torch_file(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Returns the weights in a file that `torch.save(model.state_dict())` wrote before 1.6.

    Nothing in the file is run. A file that names anything but weights is refused.

    Args:
        path: The file, such as `NAME.pth`.

    Returns:
        By name, float32 or int64 arrays in PyTorch's order of axes.

    Raises:
        InputError: If there is no such file, or it is of another format, truncated, or names what
            is no weight.
    """
    path = pathlib.Path(path)
    try:
        with path.open("rb") as file:
            return _read(file, path.stat().st_size)
    except _Refused as error:
        reason = str(error)
    except OSError as error:
        reason = error.strerror or str(error)
    # Whatever a damaged pickle does: it is no input that could be mended.
    except Exception as error:
        reason = f"it is damaged or of another format ({type(error).__name__})"
    raise InputError(
        f"{path} cannot be read as weights: {reason}. Expected a file of PyTorch's format before "
        "version 1.6, with float32 weights. Download the file again from where it was published."
    )


def _read(file: BinaryIO, size: int) -> dict[str, np.ndarray]:
    if file.read(2) == b"PK":
        raise _Refused("it is of the format since PyTorch 1.6, a zip archive")
    file.seek(0)
    magic, version, _ = (_Unpickler(file).load() for _ in range(3))
    if (magic, version) != (_MAGIC, _VERSION):
        raise _Refused("it does not begin with PyTorch's magic number and version 1001")
    weights = _Unpickler(file).load()
    if not isinstance(weights, dict) or not all(_is_weight(w) for w in weights.values()):
        raise _Refused("it holds other things than weights by name")
    storages = {weight.storage.key: weight.storage for weight in weights.values()}
    values = dict(_read_storages(file, size, storages, _Unpickler(file).load()))
    return {str(name): _cut(weight, values) for name, weight in weights.items()}


def _is_weight(value: Any) -> bool:
    return isinstance(value, _Weight)


def _read_storages(
    file: BinaryIO, size: int, storages: dict[str, _Storage], keys: Any
) -> Iterator[tuple[str, np.ndarray]]:
    if set(keys) != set(storages):
        raise _Refused("its list of storages does not fit its weights")
    for key in keys:
        dtype, expected = storages[key].dtype, storages[key].count
        head = file.read(8)
        count = int.from_bytes(head, "little")
        # Compared before the values are read: a damaged number could ask for all memory.
        if len(head) < 8 or count * dtype.itemsize > size - file.tell():
            raise _Refused("it is truncated")
        if count != expected:
            raise _Refused(f"storage {key} has {count} values, not {expected}")
        yield key, np.frombuffer(file.read(count * dtype.itemsize), dtype)


def _cut(weight: _Weight, values: dict[str, np.ndarray]) -> np.ndarray:
    storage = values[weight.storage.key]
    shape, strides = weight.shape, weight.strides
    if len(shape) != len(strides) or min((*shape, *strides, weight.offset), default=0) < 0:
        raise _Refused("a weight has a shape that cannot be")
    last = weight.offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    if 0 in shape or last >= len(storage):
        raise _Refused("a weight reaches beyond its storage")
    steps = [step * storage.itemsize for step in strides]
    view = np.lib.stride_tricks.as_strided(storage[weight.offset :], shape, steps, writeable=False)
    return np.ascontiguousarray(view).reshape(shape)
