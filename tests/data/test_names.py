import os
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfzero.data import names
from tfzero.data.names import Names, Paths, name_rows, safe_name

# Any bytes but 0, as a file system has them, and as Python spells them.
spelled = st.binary(min_size=1, max_size=12).map(lambda raw: os.fsdecode(raw.replace(b"\0", b"/")))


@given(st.lists(spelled), st.integers(1, 5))
def test_paths_come_back_sorted_as_they_are_spelled(paths, run):
    before, names._RUN = names._RUN, run
    try:
        kept = Paths.sort(iter(paths))
    finally:
        names._RUN = before
    assert list(kept) == sorted(paths) and len(kept) == len(paths)
    assert kept[1:3] == sorted(paths)[1:3]
    if paths:
        assert kept[-1] == max(paths)


def test_paths_can_be_added():
    paths = Paths(["b"])
    paths.append("a")
    paths.extend(["日本.png", "caf\udce9.png"])
    assert list(paths) == ["b", "a", "日本.png", "caf\udce9.png"]


def test_a_path_costs_few_bytes_beside_its_own():
    count = 100_000
    tracemalloc.start()
    try:
        kept = Paths.sort(f"{number:07}/picture.png" for number in range(count))
        held, peak = tracemalloc.get_traced_memory()
        some = Names(kept)[np.arange(0, count, 2)][::3]
        after = tracemalloc.get_traced_memory()[0] - held
    finally:
        tracemalloc.stop()
    assert some[1] == "0000006/picture.png"
    assert held < 1.3 * count * (19 + 8)
    # Some thousands at a time are strings; and while runs are joined, all is there twice.
    assert peak < 3 * count * (19 + 8) + 2 * 70 * names._RUN
    assert after < 5 * count


def test_names_are_what_any_output_can_hold():
    named = Names(Paths(["a.png", "caf\udce9.png", "日本.png"]))
    assert list(named) == ["a.png", "caf\ufffd.png", "日本.png"]
    assert list(named[np.array([2, 0])]) == ["日本.png", "a.png"]
    assert named[np.int64(-1)] == "日本.png" and list(named[1:][:1]) == ["caf\ufffd.png"]


def test_rows_without_names_are_numbered():
    named = name_rows("pool", 4)[np.array([3, 1])]
    assert list(named) == ["pool[3]", "pool[1]"] and len(named) == 2


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("my data (2)", "my-data-2"),
        ("../..", "data"),
        ("été", "t"),
        ("图片", "data"),
        ("a_1", "a_1"),
    ],
)
def test_safe_name(text, name):
    assert safe_name(text) == name == safe_name(name)
