"""What a fit spent: memory is that of the fit, not of what the process did before."""

import pathlib

import numpy as np
import pytest

from tfzero.transfer.contract import measure_cost

MEGABYTE = 1_000_000


def fill(megabytes):
    np.ones(megabytes * MEGABYTE, np.uint8)


@pytest.mark.skipif(
    not pathlib.Path("/proc/self/clear_refs").exists(), reason="only Linux forgets its peak"
)
def test_memory_is_that_of_the_block_and_of_blocks_inside():
    fill(400)
    with measure_cost() as little:
        fill(1)
    with measure_cost() as outer:
        fill(300)
        with measure_cost() as inner:
            fill(150)
    with measure_cost() as around:
        with measure_cost() as within:
            fill(300)
        fill(1)
    assert outer.peak_memory_bytes > little.peak_memory_bytes + 250 * MEGABYTE
    assert inner.peak_memory_bytes < outer.peak_memory_bytes - 100 * MEGABYTE
    assert inner.peak_memory_bytes > little.peak_memory_bytes + 100 * MEGABYTE
    assert around.peak_memory_bytes >= within.peak_memory_bytes
    assert within.peak_memory_bytes > little.peak_memory_bytes + 250 * MEGABYTE
    assert outer.seconds >= inner.seconds > 0


def test_a_block_that_fails_does_not_count_for_the_next():
    with pytest.raises(ValueError, match="stop"), measure_cost():
        raise ValueError("stop")
    with measure_cost() as cost:
        pass
    assert cost.peak_memory_bytes > 0
