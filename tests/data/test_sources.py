import gc
import os
import pathlib
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from tests.data.pictures import make_classes
from tfzero.common.checks import InputError
from tfzero.data import load_data


def test_digits():
    data = load_data()
    assert (data.name, data.source) == ("digits", "digits")
    assert data.image_shape == (8, 8, 1)
    assert data.class_names == tuple("0123456789")
    assert (len(data.train_images), len(data.test_images)) == (1297, 500)
    assert data.pool is data.train_images
    everything = np.concatenate([data.train_images, data.test_images])
    assert everything.min() == 0 and everything.max() == 255
    original = np.rint(load_digits().images * 255 / 16).astype(np.uint8)
    assert sorted(i.tobytes() for i in everything) == sorted(i.tobytes() for i in original)
    shares = np.bincount(load_digits().target) * 500 / 1797
    assert (abs(np.bincount(data.test_labels) - shares) < 1).all()
    assert data.notes == ("A stratified test part of 500 images was held out.",)


def test_digits_are_the_same_every_time():
    # Results on digits that stand in reports mean these test images.
    assert load_data().fingerprint == load_data(test_share=0.5).fingerprint == FINGERPRINT


def test_digits_keep_their_test_part_at_every_size():
    small, large = load_data(), load_data(size=(12, 16))
    assert large.image_shape == (12, 16, 1)
    np.testing.assert_array_equal(small.test_labels, large.test_labels)
    np.testing.assert_array_equal(small.train_labels, large.train_labels)
    assert large.notes[1] == "All images were resized to 12x16 pixels."


FINGERPRINT = "b78f0444ed3f5b0862d59f428bd7ca3f"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("digist", 'There is no "digist".*Did you mean "digits"'),
        ("pest", 'There is no "pest".*Did you mean "pets"'),
        ("no/such/folder", 'There is no "no/such/folder"'),
        (Path("digits"), 'There is no "digits"; expected "digits" or a path that exists'),
        ("x" * 5000, 'There is no "xxxx'),
        ("zero\0byte", "There is no"),
        ("", "source is empty"),
        (np.zeros(3), "source has type ndarray.*from_arrays"),
        (3, "source has type int"),
        (
            "notes.txt",
            r"notes\.txt is a file; expected .*, an \.npz file or a \.csv or \.tsv file\.$",
        ),
        ("pets.zip", r"pets\.zip is a file.*Unpack it first"),
    ],
)
def test_sources_refused(tmp_path, monkeypatch, source, message):
    (tmp_path / "pets").mkdir()
    (tmp_path / "notes.txt").touch()
    (tmp_path / "pets.zip").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message):
        load_data(source)


def test_missing_parent_says_where_the_path_ends(tmp_path):
    with pytest.raises(InputError, match=rf"{tmp_path} exists, but the rest of the path does not"):
        load_data(tmp_path / "a" / "b")


def test_path_named_digits_is_a_folder(tmp_path, monkeypatch):
    make_classes(tmp_path / "digits", {"a": 3, "b": 3})
    monkeypatch.chdir(tmp_path)
    assert len(load_data("digits").class_names) == 10
    assert load_data("./digits").class_names == ("a", "b")
    assert load_data(Path("digits")).name == "digits"


def test_current_folder_and_home(tmp_path, monkeypatch):
    make_classes(tmp_path / "pets", {"a": 3, "b": 3})
    monkeypatch.chdir(tmp_path / "pets")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_data(".").name == load_data("~/pets").name == "pets"


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (7, "size is 7x7 pixels; expected at least 8x8"),
        ((32, 4), "size is 32x4 pixels"),
        ((8, 8, 3), r"size is \(8, 8, 3\); expected one whole number or \(height, width\)"),
        (8.5, "size is 8.5; expected"),
        (True, "size is True; expected"),
        ("32", "size is '32'; expected"),
    ],
)
def test_sizes_refused(size, message):
    with pytest.raises(InputError, match=message):
        load_data("digits", size=size)


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, True, "half"])
def test_shares_refused(share):
    with pytest.raises(InputError, match=f"test_share is {share!r}; expected a number between"):
        load_data("digits", test_share=share)


def test_files_are_closed(tmp_path):
    make_classes(tmp_path, {"a": 3, "b": 3})
    load_data(tmp_path)
    gc.collect()  # An unclosed file warns here, and warnings are errors.
    still_open = [os.path.realpath(link) for link in pathlib.Path("/proc/self/fd").iterdir()]
    assert not [path for path in still_open if path.startswith(str(tmp_path))]
