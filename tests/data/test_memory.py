import gzip
import os
import struct

import numpy as np
import pytest

from tests.data.pictures import make_arrays, make_classes, make_pixels
from tfzero.common.checks import InputError
from tfzero.data import load_data, memory
from tfzero.data.memory import gather_rows, is_large, join_rows, memory_limit, take_rows


@pytest.fixture
def little(monkeypatch, tmp_path):
    monkeypatch.setenv("TFZERO_MEMORY", "2KB")
    monkeypatch.setenv("TFZERO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("8GB", 8e9), ("1.5 gb", 1.5e9), ("500MB", 5e8), ("2K", 2000), ("1TB", 1e12), ("77", 77)],
)
def test_amounts(monkeypatch, text, expected):
    monkeypatch.setenv("TFZERO_MEMORY", text)
    assert memory_limit() == expected


@pytest.mark.parametrize("text", ["much", "", "0GB", "-1GB", "8XB", "5B"])
def test_no_amounts(monkeypatch, text):
    monkeypatch.setenv("TFZERO_MEMORY", text)
    with pytest.raises(InputError, match="TFZERO_MEMORY is .* expected an amount of memory"):
        memory_limit()


def test_the_machine_has_a_limit(monkeypatch):
    monkeypatch.delenv("TFZERO_MEMORY", raising=False)
    assert 2**26 < memory_limit() <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@pytest.mark.parametrize(
    ("line", "file"),
    [
        ("0::/a/b", "a/b/memory.max"),
        ("0::/not/there", "memory.max"),
        ("4:memory:/a/b", "memory/a/b/memory.limit_in_bytes"),
        ("4:memory:/not/there", "memory/memory.limit_in_bytes"),
        ("2:cpu,memory:/a/b", "memory/a/b/memory.limit_in_bytes"),
    ],
)
def test_a_container_has_a_lower_limit(monkeypatch, tmp_path, line, file):
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text("123456789\n")
    read = memory._read_lines
    monkeypatch.setattr(memory, "_CONTROL_GROUPS", tmp_path)
    monkeypatch.setattr(
        memory, "_read_lines", lambda path: [line] if str(path).startswith("/proc") else read(path)
    )
    assert memory._find_limit.__wrapped__() == 123456789


def test_a_quarter_of_memory_is_large(monkeypatch):
    monkeypatch.setenv("TFZERO_MEMORY", "1000")
    assert not is_large(250) and is_large(251)
    assert not is_large(125, sharers=2) and is_large(126, sharers=2)


def test_large_rows_lie_in_a_file_without_a_name(little):
    pixels = make_pixels(50, 8, 9, 1)
    chunks = np.array_split(pixels, 7)
    rows = gather_rows(iter(chunks), most=60, shape=(8, 9, 1))
    assert isinstance(rows, np.memmap) and not rows.flags.writeable
    np.testing.assert_array_equal(rows, pixels)
    assert list(little.iterdir()) == []
    order = np.random.default_rng(0).permutation(50)
    np.testing.assert_array_equal(take_rows(rows, order), pixels[order])
    np.testing.assert_array_equal(join_rows(rows, pixels), np.concatenate([pixels, pixels]))


def test_small_rows_lie_in_memory():
    rows = gather_rows(iter([make_pixels(3, 8, 9, 1)]), most=5, shape=(8, 9, 1))
    assert not isinstance(rows, np.memmap) and len(rows) == 3


def test_no_place_for_large_rows(little, monkeypatch):
    little.write_text("")
    with pytest.raises(InputError, match="TFZERO_CACHE"):
        gather_rows(iter([make_pixels(50, 8, 9, 1)]), most=50, shape=(8, 9, 1))


@pytest.mark.parametrize("changes", [{}, {"size": 12}, {"channels": 3}], ids=str)
@pytest.mark.parametrize("kind", ["bytes", "floats", "idx", "idx.gz"])
def test_arrays_in_files_that_are_too_large_for_memory_are_the_same_data(
    tmp_path, monkeypatch, kind, changes
):
    images, labels = make_arrays([40, 60])
    source = tmp_path / "x.npz"
    if kind.startswith("idx"):
        source = tmp_path
        pack = gzip.compress if kind == "idx.gz" else bytes
        for name, array in (("images-idx3", images[..., 0]), ("labels-idx1", labels)):
            head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
            file = tmp_path / f"train-{name}-ubyte{'.gz' if kind == 'idx.gz' else ''}"
            file.write_bytes(pack(head + array.astype(np.uint8).tobytes()))
    else:
        scale = 255 if kind == "floats" else 1
        pool = make_pixels(50, 8, 9, 1, seed=5)
        np.savez(source, x_train=images / scale if scale > 1 else images, y_train=labels, pool=pool)
    small = load_data(source, **changes)
    monkeypatch.setenv("TFZERO_MEMORY", "4KB")
    monkeypatch.setenv("TFZERO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(memory, "CHUNK_BYTES", 1000)
    large = load_data(source, **changes)
    assert isinstance(large.train_images, np.memmap) and isinstance(large.pool, np.memmap)
    assert large.fingerprint == small.fingerprint
    if kind == "idx":
        file.with_name("train-images-idx3-ubyte").write_bytes(
            file.with_name("train-images-idx3-ubyte").read_bytes()[:-9]
        )
        with pytest.raises(InputError, match="truncated: shorter than its header states"):
            load_data(source, **changes)


def test_a_folder_that_is_too_large_for_memory_is_the_same_data(tmp_path, monkeypatch):
    make_classes(tmp_path / "x", {"a": 40, "b": 60})
    make_classes(tmp_path / "pool", {"": 50}, start=200)
    small = load_data(tmp_path / "x", pool=tmp_path / "pool")
    monkeypatch.setenv("TFZERO_MEMORY", "4KB")
    monkeypatch.setenv("TFZERO_CACHE", str(tmp_path / "cache"))
    large = load_data(tmp_path / "x", pool=tmp_path / "pool")
    for part in ("train_images", "test_images", "pool"):
        assert isinstance(getattr(large, part), np.memmap)
    assert large.fingerprint == small.fingerprint
    np.testing.assert_array_equal(large.train_labels, small.train_labels)
