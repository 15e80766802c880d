import itertools
import subprocess
import sys

import numpy as np
import pytest

from tfzero.data import pipeline
from tfzero.data.pipeline import stream_batches


def read(count, num_batches, **settings):
    """Returns the image numbers of some batches, `(num_batches, B)`."""
    images = np.arange(count)
    batches = stream_batches(images, **settings)
    return np.array([batch.numpy() for batch in itertools.islice(batches, num_batches)])


@pytest.mark.parametrize(
    "count, size", [(1, 1), (1, 3), (2, 1), (7, 3), (10, 5), (12, 32), (50, 7)]
)
def test_each_pass_is_a_permutation_and_no_batch_is_cut(count, size):
    passes = 6
    num_batches = -(-passes * count // size)
    batches = read(count, num_batches, batch_size=size, seed=3)
    assert batches.shape == (num_batches, size)
    orders = batches.ravel()[: passes * count].reshape(passes, count)
    assert (np.sort(orders, axis=1) == np.arange(count)).all()
    if count >= 7:
        assert len({tuple(order) for order in orders}) == passes


@pytest.mark.parametrize("start", [1, 2, 5, 1000])
def test_a_stream_continues_exactly(start):
    whole = read(10, start + 6, batch_size=4, seed=1)
    np.testing.assert_array_equal(whole[start:], read(10, 6, batch_size=4, seed=1, start=start))


def test_the_seed_decides_the_order():
    first = read(30, 2, batch_size=15, seed=1)
    np.testing.assert_array_equal(first, read(30, 2, batch_size=15, seed=1))
    orders = {tuple(read(30, 2, batch_size=15, seed=seed).ravel()) for seed in range(8)}
    assert len(orders) == 8


def test_the_order_does_not_depend_on_the_batch_size():
    ones, fours = (read(9, 12 // size, batch_size=size, seed=2) for size in (1, 4))
    np.testing.assert_array_equal(ones.ravel(), fours.ravel())


def test_every_image_comes_first_about_equally_often():
    first = read(5, 1000, batch_size=5, seed=4)[:, 0]
    # Standard deviation of each share: 0.013.
    assert np.abs(np.bincount(first, minlength=5) / 1000 - 0.2).max() < 0.06


@pytest.mark.parametrize("kind", ["uint8", "float32"])
def test_labels_stay_with_their_images(kind):
    labels = np.arange(20)
    images = np.broadcast_to(labels[:, None, None, None], (20, 8, 9, 2)).astype(kind)
    batches = stream_batches(images, labels, batch_size=6, seed=5)
    seen = []
    for pictures, numbers in itertools.islice(batches, 10):
        assert pictures.shape == (6, 8, 9, 2) and pictures.dtype == kind
        assert (pictures.numpy() == numbers.numpy()[:, None, None, None]).all()
        seen.extend(numbers.numpy())
    # The stream of images alone has the same order.
    alone = stream_batches(images, batch_size=6, seed=5)
    pictures = np.concatenate([batch.numpy() for batch in itertools.islice(alone, 10)])
    assert pictures[:, 0, 0, 0].astype(int).tolist() == seen


def test_shapes_are_known_to_the_graph():
    batches = stream_batches(np.zeros((5, 8, 9, 2), np.uint8), np.zeros(5), batch_size=3, seed=0)
    images, labels = batches.element_spec
    assert images.shape == (3, 8, 9, 2) and labels.shape == (3,)


def test_what_is_large_is_read_from_disk_in_the_same_order(tmp_path, monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 256, (500, 8, 9, 1), np.uint8)
    np.save(tmp_path / "pixels.npy", pixels)
    images = np.load(tmp_path / "pixels.npy", mmap_mode="r")
    settings = {"labels": np.arange(500), "batch_size": 16, "seed": 3}

    def take():
        batches = itertools.islice(stream_batches(images, **settings), 40)
        return [(pictures.numpy(), numbers.numpy()) for pictures, numbers in batches]

    small = take()
    held = []
    hold = pipeline._gather
    monkeypatch.setattr(pipeline, "_gather", lambda array: held.append(array.shape) or hold(array))
    monkeypatch.setenv("TFZERO_MEMORY", "20KB")
    large = take()
    assert held == [(500,)]  # The labels.
    for (a, b), (c, d) in zip(small, large, strict=True):
        np.testing.assert_array_equal(a, c)
        np.testing.assert_array_equal(b, d)


def test_images_are_held_in_the_host_memory_where_there_is_another():
    code = """
import numpy as np, tensorflow as tf
from tfzero.data import pipeline
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
with tf.device("/CPU:1"):  # in place of a GPU
    print(tf.constant([1]).device, pipeline._hold(np.zeros(3)).device)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout
    elsewhere, held = done.split()
    assert elsewhere.endswith("CPU:1") and held.endswith("CPU:0")


def test_large_images_are_not_copied_even_where_there_is_room(monkeypatch):
    images = np.arange(3000, dtype=np.uint8).reshape(30, 10, 10, 1)
    settings = {"batch_size": 4, "seed": 3}
    held = [batch.numpy() for batch in itertools.islice(stream_batches(images, **settings), 9)]
    monkeypatch.setattr(pipeline, "_MOST_HELD", 2999)
    monkeypatch.setattr(pipeline, "_hold", None)  # any call fails
    read = [batch.numpy() for batch in itertools.islice(stream_batches(images, **settings), 9)]
    np.testing.assert_array_equal(read, held)
