import itertools

import numpy as np
import pytest

from tfzero.data import pipeline
from tfzero.data.rows import JoinedRows, append_rows, write_rows

FIRST = np.arange(7 * 8 * 9, dtype=np.uint8).reshape(7, 8, 9, 1)
SECOND = FIRST[:5] + np.uint8(3)
WHOLE = np.concatenate([FIRST, SECOND])


@pytest.mark.parametrize(
    "rows",
    [slice(None), slice(2, 9), slice(None, None, 3), slice(8, 8), [11, 0, 6, 7, -1, 0], []],
    ids=str,
)
def test_joined_rows_are_those_of_the_concatenation(rows):
    joined = JoinedRows(FIRST, SECOND)
    rows = np.array(rows, int) if isinstance(rows, list) else rows
    np.testing.assert_array_equal(joined[rows], WHOLE[rows])
    assert joined[rows].dtype == np.uint8
    assert (len(joined), joined.shape, joined.nbytes) == (12, WHOLE.shape, WHOLE.nbytes)
    np.testing.assert_array_equal(np.asarray(joined), WHOLE)


def test_a_row_outside_is_refused():
    with pytest.raises(IndexError):
        JoinedRows(FIRST, SECOND)[np.array([12])]


def test_few_images_are_joined_in_memory_and_many_are_not(monkeypatch):
    assert type(append_rows(FIRST, SECOND)) is np.ndarray
    monkeypatch.setenv("TFZERO_MEMORY", "2KB")
    joined = append_rows(FIRST, SECOND)
    assert type(joined) is JoinedRows


def test_joined_rows_stream_as_the_concatenation(monkeypatch):
    def take(images):
        stream = pipeline.stream_batches(images, batch_size=5, seed=2)
        return [batch.numpy() for batch in itertools.islice(stream, 6)]

    whole = take(WHOLE)
    np.testing.assert_array_equal(take(JoinedRows(FIRST, SECOND)), whole)
    monkeypatch.setattr(pipeline, "_MOST_HELD", 1)
    np.testing.assert_array_equal(take(JoinedRows(FIRST, SECOND)), whole)


def test_rows_are_written_as_numpy_writes_them_and_only_whole(tmp_path):
    path = tmp_path / "rows.npy"

    def stop():
        yield FIRST
        raise RuntimeError("stop here")

    with pytest.raises(RuntimeError, match="stop here"):
        write_rows(path, stop(), shape=WHOLE.shape, kind=np.uint8)
    assert list(tmp_path.iterdir()) == []
    write_rows(path, [FIRST, SECOND], shape=WHOLE.shape, kind=np.uint8)
    read = np.load(path, mmap_mode="r")
    np.testing.assert_array_equal(read, WHOLE)
    assert read.dtype == np.uint8


def test_a_mask_is_refused():
    joined = JoinedRows(np.zeros((3, 2), np.uint8), np.ones((2, 2), np.uint8))
    with pytest.raises(TypeError, match="not a mask"):
        joined[np.array([True, False, True, False, True])]
