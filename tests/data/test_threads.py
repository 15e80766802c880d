import pytest

from tfzero.common.checks import InputError
from tfzero.data.threads import map_threads


def test_map_threads_keeps_order_and_raises_the_earliest():
    assert list(map_threads(lambda item: item * 2, range(50))) == list(range(0, 100, 2))

    def fail(item):
        if item % 10 == 7:
            raise InputError(str(item))

    with pytest.raises(InputError, match="^7$"):
        list(map_threads(fail, range(50)))


def test_map_threads_runs_only_a_little_ahead():
    started = []

    def start(item):
        started.append(item)
        return item

    stream = map_threads(start, range(10_000))
    assert [next(stream) for _ in range(3)] == [0, 1, 2]
    assert len(started) < 100
    stream.close()
    assert len(started) < 100
