"""What an error says of a disk that is full."""

import errno

from tfzero.common.files import is_disk_full


def test_the_chain_of_an_error_is_followed_to_its_end_and_never_in_a_circle():
    full = OSError(errno.ENOSPC, "No space left on device")
    outer = ValueError("cannot save")
    outer.__cause__ = full
    assert is_disk_full(full) and is_disk_full(outer)
    alone = TypeError("unknown class")
    alone.__cause__ = alone  # as after `raise error from error`
    assert not is_disk_full(alone)
    first, second = KeyError("one"), KeyError("two")
    first.__context__, second.__context__ = second, first
    assert not is_disk_full(first)
