import collections
import io
import os
import pickle
from typing import Any

import numpy as np
import pytest

from tfzero.common.checks import InputError
from tfzero.networks.public.torch_file import read_torch_file

HEAD = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}]


def named(module, name):
    """Stands for what PyTorch's own files name; pickled by its module and name alone."""

    class Named:
        def __reduce__(self):
            raise AssertionError("found by its name")

    Named.__module__, Named.__qualname__, Named.__name__ = module, name, name
    return Named


FLOAT, LONG = named("torch", "FloatStorage"), named("torch", "LongStorage")
REBUILD = named("torch._utils", "_rebuild_tensor_v2")


class Storage:
    """Values of a file that is written here."""

    def __init__(self, key, kind, values):
        self.key, self.kind, self.values = key, kind, values


class Weight:
    """A weight of a file that is written here, a view of a storage."""

    def __init__(self, storage, shape, strides, offset=0):
        self.made_of = (storage, offset, shape, strides, False, collections.OrderedDict())


PICKLER: Any = pickle._Pickler  # type: ignore[attr-defined]  # the one that is written in Python


class Writer(PICKLER):
    """Writes names of PyTorch's without PyTorch."""

    def save(self, value, save_persistent_id=True):
        if isinstance(value, type) and value in (FLOAT, LONG, REBUILD):
            self.write(f"c{value.__module__}\n{value.__name__}\n".encode())
        elif isinstance(value, Weight):
            self.save(REBUILD)
            self.save(value.made_of)
            self.write(pickle.REDUCE)
        else:
            super().save(value, save_persistent_id)

    def persistent_id(self, value):
        if isinstance(value, Storage):
            return ("storage", value.kind, value.key, "cpu", len(value.values), None)
        return None


def write(path, weights, storages, *, head=HEAD, keys=None):
    """Writes a file of the format before PyTorch 1.6."""
    file = io.BytesIO()
    for part in [*head, weights, keys or [each.key for each in storages]]:
        Writer(file, protocol=2).dump(part)
    for each in storages:
        file.write(len(each.values).to_bytes(8, "little"))
        file.write(each.values.tobytes())
    path.write_bytes(file.getvalue())
    return path


def make_storage(count=24):
    return Storage("a", FLOAT, np.arange(count, dtype="<f4"))


def test_weights_are_views_of_storages(tmp_path):
    floats, longs = make_storage(), Storage("b", LONG, np.array([7], "<i8"))
    weights = {
        "rows": Weight(floats, (4, 6), (6, 1)),
        "columns": Weight(floats, (6, 4), (1, 6)),
        "part": Weight(floats, (3,), (2,), offset=5),
        "number": Weight(longs, (), ()),
    }
    found = read_torch_file(write(tmp_path / "net.pth", weights, [longs, floats]))
    rows = np.arange(24, dtype=np.float32).reshape(4, 6)
    np.testing.assert_array_equal(found["rows"], rows)
    np.testing.assert_array_equal(found["columns"], rows.T)
    np.testing.assert_array_equal(found["part"], [5, 7, 9])
    assert found["number"] == 7 and found["number"].dtype == np.int64
    assert found["rows"].dtype == np.float32


class Hostile:
    """Runs a command when it is unpickled, if one lets it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_what_a_hostile_file_names_is_not_run(tmp_path):
    trap = tmp_path / "trap"
    for number, parts in enumerate(([Hostile(trap)], [*HEAD, {"weight": Hostile(trap)}])):
        path = tmp_path / f"{number}.pth"
        path.write_bytes(b"".join(pickle.dumps(part, protocol=2) for part in parts))
        with pytest.raises(InputError, match="asks to run posix.mkdir.*no file of weights needs"):
            read_torch_file(path)
    assert not trap.exists()
    pickle.loads(pickle.dumps(Hostile(trap)))  # it would have
    assert trap.exists()


def test_a_truncated_file_is_refused_wherever_it_ends(tmp_path):
    storage = make_storage(2000)
    path = write(tmp_path / "net.pth", {"w": Weight(storage, (2000,), (1,))}, [storage])
    whole = path.read_bytes()
    for length in (0, 1, 2, 20, 100, len(whole) - 8004, len(whole) - 5000, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match="net.pth cannot be read as weights.*Download"):
            read_torch_file(path)
    path.write_bytes(whole)
    assert len(read_torch_file(path)["w"]) == 2000


def test_a_damaged_file_never_ends_in_another_error(tmp_path):
    storage = make_storage(30)
    path = write(tmp_path / "net.pth", {"w": Weight(storage, (5, 6), (6, 1))}, [storage])
    whole = bytearray(path.read_bytes())
    generator = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(whole)
        for place in generator.integers(len(damaged) - 120, size=3):
            damaged[place] = generator.integers(256)
        path.write_bytes(damaged)
        try:
            found = read_torch_file(path)
        except InputError:
            continue
        assert all(isinstance(value, np.ndarray) for value in found.values())


@pytest.mark.parametrize(
    "shape, strides, offset",
    [
        ((25,), (1,), 0),
        ((24,), (1,), 1),
        ((2, 2), (30, 1), 0),
        ((2,), (-1,), 5),
        ((2, 2), (1,), 0),
        ((-2,), (1,), 0),
    ],
)
def test_no_weight_reaches_beyond_its_storage(tmp_path, shape, strides, offset):
    storage = make_storage()
    path = write(tmp_path / "n.pth", {"w": Weight(storage, shape, strides, offset)}, [storage])
    with pytest.raises(InputError, match="a weight (reaches beyond its storage|has a shape)"):
        read_torch_file(path)


def test_files_of_other_kinds_are_named(tmp_path):
    storage = make_storage()
    weights = {"w": Weight(storage, (24,), (1,))}
    path = tmp_path / "n.pth"
    with pytest.raises(InputError, match="No such file"):
        read_torch_file(path)
    write(path, weights, [storage], head=[1, 2, {}])
    with pytest.raises(InputError, match="does not begin with PyTorch's magic number"):
        read_torch_file(path)
    write(path, {"epoch": 3}, [storage])
    with pytest.raises(InputError, match="holds other things than weights"):
        read_torch_file(path)
    write(path, weights, [storage], keys=["another"])
    with pytest.raises(InputError, match="list of storages does not fit"):
        read_torch_file(path)
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(InputError, match="format since PyTorch 1.6, a zip archive"):
        read_torch_file(path)
    other = Storage("a", FLOAT, np.arange(20, dtype="<f4"))
    write(path, weights, [other])
    with pytest.raises(InputError, match="storage a has 20 values, not 24"):
        read_torch_file(path)
