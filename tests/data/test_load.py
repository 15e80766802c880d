"""Loading has one order, and images pass each file once."""

import pathlib
import sys
import zlib

import numpy as np
import pytest

import tfzero.data
from tests.data.pictures import make_arrays, make_classes
from tests.data.sounds import make_clips
from tfzero.data import load_data

PACKAGE = str(pathlib.Path(tfzero.data.__file__).parent)
# What any stage may use: objects that travel, and work on arrays, names and files.
HELPERS = "collection options names scan threads patterns logmel resize decode".split()
HELPERS += (
    "memory digests splits groups passed_over spelling regular tiff places fit chosen".split()
)
ASSEMBLY = ["assemble", "classes", "separate", "held_out", "pool", "dataset"]
FILES = ["load", "sources", "idx", "folder", "files", "identity", "clips", "headers", "pixels"]


def trace_files(function):
    """Returns the files of `tfzero.data` in the order in which their functions are entered."""
    entered = []

    def watch(frame, event, argument):
        del argument
        code = frame.f_code
        # Comprehensions are frames of their own, but no function is entered for them.
        if event != "call" or code.co_name[0] == "<" or not code.co_filename.startswith(PACKAGE):
            return
        name = pathlib.Path(code.co_filename).stem
        if name not in HELPERS and entered[-1:] != [name]:
            entered.append(name)

    sys.setprofile(watch)
    try:
        function()
    finally:
        sys.setprofile(None)
    return entered


@pytest.mark.parametrize("has_test", [False, True])
def test_images_of_a_folder_pass_each_file_once(tmp_path, has_test):
    parts = ("train", "test") if has_test else ("",)
    for number, part in enumerate(parts):
        make_classes(tmp_path / "x" / part, {"a": 9, "b": 12}, start=100 * number)
    make_classes(tmp_path / "pool", {"": 7}, start=300)
    (tmp_path / "x" / parts[0] / "a" / "99.png").write_bytes(b"")
    options = {"pool": tmp_path / "pool", "drop_leaks": True, "group": r"(\d+)\.png"}
    options = options if not has_test else {**options, "group": None}
    found = trace_files(lambda: load_data(tmp_path / "x", **options))
    # Of few labelled images without a test part it is asked whether a study can cross-fit.
    asked = ["cross_fit"] if not has_test else []
    assert found == [*FILES, *ASSEMBLY[:-1], *asked, ASSEMBLY[-1]]


def test_images_of_a_table_pass_each_file_once(tmp_path):
    paths = make_classes(tmp_path, {"a": 9, "b": 12})
    rows = [f"{path.relative_to(tmp_path)},{path.parent.name}" for path in paths]
    (tmp_path / "labels.csv").write_text("\n".join(["file,label", *rows]))
    found = trace_files(lambda: load_data(tmp_path))
    assert found == [{"folder": "table"}.get(name, name) for name in [*FILES, *ASSEMBLY]]


def test_arrays_pass_each_file_once(tmp_path):
    images, labels = make_arrays([9, 12])
    np.savez(tmp_path / "x.npz", x_train=images, y_train=labels)
    found = trace_files(lambda: load_data(tmp_path / "x.npz", size=12))
    assert found == ["load", "sources", "npz", "unlabeled", *ASSEMBLY]


def test_clips_pass_each_file_once(tmp_path, monkeypatch):
    make_clips(tmp_path, {"down": 5, "up": 5})

    def decode(path, page):  # without TensorFlow, which takes long while each call is watched
        del page
        return np.full((32, 32, 1), zlib.crc32(path.encode()) % 256, np.uint8)

    monkeypatch.setattr("tfzero.data.sound.clip_decoder", lambda settings: decode)
    found = trace_files(lambda: load_data(tmp_path))
    assert found == [{"headers": "sound"}.get(name, name) for name in [*FILES, *ASSEMBLY]]


def test_the_steps_follow_one_another(tmp_path, monkeypatch):
    make_classes(tmp_path, {"a": 9, "b": 12})
    steps = ["read_source", "check_classes", "separate", "hold_out_test", "join_pool"]
    done = []

    def spy(place, name):
        step = getattr(sys.modules[place], name)

        def record(*arguments, **options):
            done.append(name)
            return step(*arguments, **options)

        monkeypatch.setattr(f"{place}.{name}", record)

    spy("tfzero.data.load", steps[0])
    for name in steps[1:]:
        spy("tfzero.data.assemble", name)
    load_data(tmp_path)
    assert done == steps
