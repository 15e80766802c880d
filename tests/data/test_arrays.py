import numpy as np
import pytest

from tests.data.pictures import make_arrays, make_pixels
from tfzero.common.checks import InputError
from tfzero.data import from_arrays


def test_from_arrays_with_test_part():
    images, labels = make_arrays([4, 3])
    test_images, test_labels = make_arrays([2, 2], seed=1)
    pool = make_pixels(5, 8, 9, 1)
    data = from_arrays(
        images / 255,
        labels.astype(np.float32)[:, None],
        test_images,
        test_labels.astype(np.uint8),
        pool=pool,
        class_names=["a", "b"],
        name="mine",
    )
    np.testing.assert_array_equal(data.train_images, images)
    np.testing.assert_array_equal(data.train_labels, labels)
    np.testing.assert_array_equal(data.test_labels, test_labels)
    assert data.train_labels.dtype == data.test_labels.dtype == np.int64
    assert data.pool is pool
    assert (data.class_names, data.name, data.source) == (("a", "b"), "mine", "mine")
    assert data.notes == ()


def test_from_arrays_holds_a_test_part_out():
    images, labels = make_arrays([20, 10, 3])
    data = from_arrays(images, labels, pool=images)
    assert data.pool is data.train_images  # Without the test images.
    assert data.class_names == ("0", "1", "2")
    assert (len(data.train_images), len(data.test_images)) == (23, 10)
    assert np.bincount(data.test_labels).tolist() == [6, 3, 1]
    assert data.notes == ("No test part: a stratified 30 % (10 images) was held out.",)
    rows = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
    for part, part_labels in (
        (data.train_images, data.train_labels),
        (data.test_images, data.test_labels),
    ):
        assert [rows.pop(image.tobytes()) for image in part] == part_labels.tolist()
    assert not rows


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test_images": make_pixels(3, 8, 9, 1)}, "Test images came without test labels"),
        ({"test_labels": np.zeros(3, int)}, "Test labels came without test images"),
        ({"test_share": 0}, "test_share is 0; expected a number between 0 and 1"),
        ({"test_share": 1.0}, "test_share is 1.0"),
        ({"test_share": float("nan")}, "test_share is nan"),
        ({"test_share": "0.3"}, "test_share is '0.3'"),
        ({"test_share": 0.99}, "training image; expected at least 2.*share of the test part"),
        ({"train_images": make_pixels(33, 8, 9)}, r"train_images has shape.*\[\.\.\., None\]"),
        ({"train_images": make_pixels(33, 4, 4, 1)}, "are 4x4 pixels; expected at least 8x8"),
        ({"train_images": np.full((33, 8, 8, 1), np.nan)}, "contains NaN"),
        ({"train_images": np.full((33, 8, 8, 1), 2.0)}, r"floats in 2\.\.2.*pixel_range=\(0, 2\)"),
        ({"train_labels": np.array(["a", "b", "c"] * 11)}, "expected integers from 0"),
        ({"train_labels": np.arange(33) / 2}, "expected integers from 0"),
        ({"train_labels": np.arange(33) % 3 + 1}, 'Class "0" has 0 labelled images'),
        ({"train_labels": np.arange(33) * 10**12}, "labels reach 32000000000000 with only 33"),
        ({"train_labels": np.zeros(33, int)}, 'Only one class \\("0"\\)'),
        ({"train_labels": np.array([0] * 31 + [1] * 2)}, "at least 3, 1 of them for the test part"),
        ({"class_names": ["a", "b"]}, r"labels reach 2; expected 0\.\.1"),
        ({"pool": make_pixels(3, 8, 9)}, "pool has shape"),
    ],
)
def test_from_arrays_refusals(changes, message):
    images, labels = make_arrays([20, 10, 3])
    with pytest.raises(InputError, match=message):
        from_arrays(**({"train_images": images, "train_labels": labels} | changes))
