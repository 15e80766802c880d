import dataclasses
import pickle
import subprocess
import sys

import numpy as np
import pytest

from tests.data.pictures import make_arrays, make_pixels
from tfzero.common.checks import InputError
from tfzero.data import ImageData


def make_data(**changes):
    train, test = make_arrays([4, 3]), make_arrays([2, 1], seed=1)
    fields = {
        "name": "small",
        "pool": train[0],
        "train_images": train[0],
        "train_labels": train[1],
        "test_images": test[0],
        "test_labels": test[1],
        "class_names": ("cat", "dog"),
        "source": "here",
    }
    return ImageData(**(fields | changes))


def test_properties():
    data = make_data()
    assert data.image_shape == (8, 9, 1)
    assert data.num_classes == 2
    assert data.notes == ()
    assert data.describe() == ("small: 7 pool, 7 training and 3 test images of 8x9x1, 2 classes")


def test_is_frozen_and_survives_pickling():
    data = make_data()
    with pytest.raises(dataclasses.FrozenInstanceError):
        data.name = "other"  # pyright: ignore
    copy = pickle.loads(pickle.dumps(data))
    assert copy.pool is copy.train_images
    assert copy.fingerprint == data.fingerprint


def test_fingerprint_ignores_where_data_come_from():
    data = make_data()
    other = make_data(name="x", source="y", notes=("z",), pool=data.pool.copy())
    assert data.fingerprint == other.fingerprint
    assert len(data.fingerprint) == 32
    int(data.fingerprint, 16)


@pytest.mark.parametrize(
    "field", ["pool", "train_images", "train_labels", "test_images", "test_labels"]
)
def test_fingerprint_sees_each_array(field):
    data = make_data(pool=make_pixels(5, 8, 9, 1))
    array = getattr(data, field)
    changed = array[::-1].copy()
    assert not np.array_equal(array, changed)
    assert dataclasses.replace(data, **{field: changed}).fingerprint != data.fingerprint


def test_fingerprint_sees_shapes_but_not_names():
    data = make_data()
    assert make_data(class_names=("cat", "cow")).fingerprint == data.fingerprint  # Names alone.
    turned = {
        name: getattr(data, name).reshape(-1, 9, 8, 1)
        for name in ("pool", "train_images", "test_images")
    }
    assert make_data(**turned).fingerprint != data.fingerprint


def test_fingerprint_is_computed_once():
    data = make_data()
    first = data.fingerprint
    data.train_images[:] = 0
    assert data.fingerprint is first


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "a/b"}, 'cannot be a folder name.*"a-b"'),
        ({"name": ".."}, "cannot be a folder name"),
        ({"name": ""}, "cannot be a folder name"),
        ({"pool": make_pixels(7, 8, 9, 1) / 255}, "pool has type float64; expected a uint8"),
        ({"pool": None}, "pool has type NoneType"),
        ({"pool": make_pixels(7, 9, 9, 1)}, r"pool has shape \(7, 9, 9, 1\).*same height"),
        ({"test_images": make_pixels(3, 8, 9, 3)}, "test_images has shape.*same height"),
        ({"train_images": make_pixels(7, 8, 9)}, r"expected \(N, H, W, C\)"),
        ({"train_labels": np.zeros(7, np.int32)}, "training labels have type int32"),
        ({"train_labels": [0] * 7}, "training labels have type list"),
        ({"train_labels": np.zeros(6, np.int64)}, r"shape \(6,\); expected \(7,\)"),
        ({"test_labels": np.array([0, 1, -1])}, "contains -1"),
        ({"test_labels": np.array([0, 1, 2])}, r"reach 2; expected 0\.\.1 for 2 classes"),
        ({"test_labels": np.array([0, 0, 0])}, '"dog" has 0 test images; expected at least 1'),
        (
            {"train_labels": np.array([1, 0, 0, 0, 0, 0, 0])},
            '"dog" has 1 training image; expected at least 2',
        ),
        ({"class_names": ("cat",)}, r'Only one class \("cat"\)'),
        ({"class_names": ["cat", "dog"]}, "expected a tuple of strings"),
        ({"class_names": (0, 1)}, "expected a tuple of strings"),
        ({"class_names": ("cat", "cat")}, 'Two classes are called "cat"'),
    ],
)
def test_refusals(changes, message):
    with pytest.raises(InputError, match=message):
        make_data(**changes)


def test_import_is_light():
    code = (
        "import sys, tfzero.data\n"
        "print([name for name in ('tensorflow', 'keras', 'sklearn', 'PIL') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
