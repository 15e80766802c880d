import math

import numpy as np
import pytest
import tensorflow as tf

from tfzero.networks import augment_images, augmentation


@pytest.fixture
def images():
    return np.random.default_rng(0).random((5, 8, 16, 2)).astype(np.float32)


def set_strengths(monkeypatch, *, shift=0.0, rotation=0.0, zoom=0.0):
    monkeypatch.setattr(augmentation, "MAX_SHIFT", shift)
    monkeypatch.setattr(augmentation, "MAX_ROTATION", rotation)
    monkeypatch.setattr(augmentation, "MAX_ZOOM", zoom)


def fix_draws(monkeypatch, value):
    """Makes each draw `value` instead of random in -1..1."""
    monkeypatch.setattr(
        augmentation.tf.random, "stateless_uniform", lambda shape, *_, **__: tf.fill(shape, value)
    )


def seed(first=0, second=0):
    return tf.constant([first, second])


def test_without_strength_nothing_changes(monkeypatch, images):
    set_strengths(monkeypatch)
    np.testing.assert_array_equal(augment_images(images, seed=seed()), images)


@pytest.mark.parametrize("direction", [1, -1])
def test_a_shift_moves_pixels_and_repeats_the_edge(monkeypatch, images, direction):
    set_strengths(monkeypatch, shift=1 / 8)
    fix_draws(monkeypatch, float(direction))
    # An eighth of the side: 1 row and 2 columns.
    rows = np.clip(np.arange(8) + direction, 0, 7)
    columns = np.clip(np.arange(16) + 2 * direction, 0, 15)
    expected = images[:, rows][:, :, columns]
    np.testing.assert_allclose(augment_images(images, seed=seed()), expected, atol=1e-6)


def test_a_quarter_turn_is_exact(monkeypatch, images):
    set_strengths(monkeypatch, rotation=math.pi / 2)
    fix_draws(monkeypatch, 1.0)
    square = images[:, :, :8]
    expected = np.rot90(square, axes=(1, 2))
    np.testing.assert_allclose(augment_images(square, seed=seed()), expected, atol=1e-5)


def test_a_zoom_is_about_the_center(monkeypatch):
    set_strengths(monkeypatch, zoom=1.0)
    fix_draws(monkeypatch, 1.0)
    images = np.random.default_rng(0).random((2, 9, 9, 1)).astype(np.float32)
    read = np.clip(4 + 2 * (np.arange(9) - 4), 0, 8)
    expected = images[:, read][:, :, read]
    np.testing.assert_allclose(augment_images(images, seed=seed()), expected, atol=1e-5)


def test_each_strength_warps_by_itself(monkeypatch, images):
    for strength in ("shift", "rotation", "zoom"):
        set_strengths(monkeypatch, **{strength: 0.3})
        assert np.abs(augment_images(images, seed=seed()) - images).max() > 0.1, strength


def test_the_seed_decides_and_each_image_has_its_own_warp(images):
    same = np.repeat(images[:1], 4, axis=0)
    warped = augment_images(same, seed=seed(3, 7)).numpy()
    np.testing.assert_array_equal(warped, augment_images(same, seed=seed(3, 7)))
    for other in (seed(4, 7), seed(3, 8)):
        assert np.abs(warped - augment_images(same, seed=other)).max() > 1e-3
    for first in range(4):
        for second in range(first):
            assert np.abs(warped[first] - warped[second]).max() > 1e-3
    assert warped.min() >= images[0].min() and warped.max() <= images[0].max()


def test_works_in_a_graph_of_unknown_batch_size(images):
    signature = [tf.TensorSpec((None, 8, 16, 2)), tf.TensorSpec((2,), tf.int32)]
    traced = tf.function(
        lambda batch, seed: augment_images(batch, seed=seed), input_signature=signature
    )
    assert traced.get_concrete_function().output_shapes.as_list() == [None, 8, 16, 2]
    expected = augment_images(images, seed=seed(1, 2))
    np.testing.assert_allclose(traced(images, seed(1, 2)), expected, atol=1e-5)
