import numpy as np
import pytest
from PIL import Image

from tests.data.pictures import assert_same_part, make_arrays, make_pixels
from tfzero.common.checks import InputError
from tfzero.data import load_data


def write(path, **arrays):
    np.savez(path, **arrays)
    return path


def make_file(folder, **changes):
    images, labels = make_arrays([12, 18])
    arrays = {"x_train": images, "y_train": labels} | changes
    return write(
        folder / "my data.npz", **{key: value for key, value in arrays.items() if value is not None}
    )


def test_all_arrays(tmp_path):
    images, labels = make_arrays([5, 6], size=(8, 9, 3))
    test_images, test_labels = make_arrays([2, 3], size=(8, 9, 3), seed=1)
    pool = make_pixels(7, 8, 9, 3)
    path = write(
        tmp_path / "all.npz",
        x_train=images,
        y_train=labels[:, None],
        x_test=test_images / np.float32(255),
        y_test=test_labels.astype(np.uint8),
        pool=pool,
        class_names=["cat", "dog"],
        other=np.array([{}], object),
    )
    data = load_data(path)
    assert_same_part(data.train_images, data.train_labels, images, labels)
    assert_same_part(data.test_images, data.test_labels, test_images, test_labels)
    np.testing.assert_array_equal(data.pool[:11], data.train_images)
    assert_same_part(data.pool[11:], [0] * 7, pool, [0] * 7)
    only = load_data(path, pool_only=True)
    np.testing.assert_array_equal(only.pool, data.pool[11:])
    assert (data.name, data.class_names) == ("all", ("cat", "dog"))
    assert data.notes == ("Arrays that were not used: other.",)


def test_only_training_arrays_without_channels(tmp_path):
    images, _ = make_arrays([12, 18])
    data = load_data(make_file(tmp_path, x_train=images[..., 0]))
    assert data.name == "my-data"
    assert data.image_shape == (8, 9, 1)
    assert np.bincount(data.test_labels).tolist() == [4, 5]
    assert data.pool is data.train_images


def test_small_images_can_be_enlarged(tmp_path):
    small = np.zeros((30, 4, 5))
    small[:, :, 2:] = 1
    small[:, 0, 0] = np.arange(30) / 255
    with pytest.raises(InputError, match="x_train are 4x5 pixels; expected at least 8x8.*`size`"):
        load_data(make_file(tmp_path, x_train=small))
    data = load_data(make_file(tmp_path, x_train=small), size=(8, 10))
    assert data.image_shape == (8, 10, 1)
    for name, found in zip(data.names["train"], data.train_images, strict=True):
        image = Image.fromarray(np.rint(small[int(name[6:-1])] * 255).astype(np.uint8))
        expected = np.asarray(image.resize((10, 8), Image.Resampling.BILINEAR))
        np.testing.assert_array_equal(found[..., 0], expected)
    assert data.notes[0] == "All images were resized to 8x10 pixels."


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x_train": None, "images": np.zeros(3)}, "has images, y_train; expected x_train and y_t"),
        ({"x_test": np.zeros((3, 8, 9, 1))}, "has x_test but no y_test; expected both or neither"),
        ({"y_test": np.zeros(3, int)}, "has y_test but no x_test"),
        ({"x_train": np.array([{}], object)}, "cannot be read .*expected an .npz file of plain"),
        ({"x_train": np.full((30, 8, 8), np.nan)}, "x_train contains NaN"),
        ({"x_train": np.full((30, 8, 8), 200.0)}, r"x_train are floats in 200\.\.200"),
        ({"x_train": np.zeros((30, 8, 8), int)}, "x_train has type int64"),
        ({"x_train": np.zeros((30, 64))}, r"x_train has shape \(30, 64\)"),
        ({"y_train": np.array(["cat", "dog"] * 15)}, "train_labels has type <U3.*expected int"),
        ({"y_train": np.zeros(29, int)}, r"train_labels has shape \(29,\); expected \(30,\)"),
        ({"pool": np.zeros((3, 9, 9))}, "pool has shape .*expected the same height"),
        ({"class_names": ["a", "b", "c"]}, 'Class "c" has 0 labelled images'),
    ],
)
def test_refusals(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        load_data(make_file(tmp_path, **changes))


def test_pixels_are_checked_before_resizing(tmp_path):
    pixels = np.zeros((30, 4, 4))
    pixels[3, 1, 1] = np.nan
    with pytest.raises(InputError, match="x_train contains NaN"):
        load_data(make_file(tmp_path, x_train=pixels), size=8)


@pytest.mark.parametrize("kind", ["text", "npy", "empty", "truncated"])
def test_no_npz(tmp_path, kind):
    path = make_file(tmp_path)
    content = path.read_bytes()
    if kind == "npy":
        with path.open("wb") as file:
            np.save(file, np.zeros(3))
    else:
        path.write_bytes({"text": b"hello", "empty": b"", "truncated": content[:500]}[kind])
    with pytest.raises(InputError, match=r"my data\.npz cannot be read"):
        load_data(path)
