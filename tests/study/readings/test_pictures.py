"""Thumbnails, corruptions, maps: what needs no network."""

import numpy as np
import pytest

from tfzero.study.readings.corruptions import CORRUPTIONS, corrupt
from tfzero.study.readings.maps import choose_queries, choose_rows, make_map
from tfzero.study.readings.thumbnails import shrink_images

GENERATOR = np.random.default_rng(0)
IMAGES = GENERATOR.integers(0, 256, (6, 20, 10, 3), np.uint8)


def test_thumbnails_keep_aspect_and_means():
    shrunk = shrink_images(IMAGES, 10)
    assert shrunk.shape == (6, 10, 5, 3) and shrunk.dtype == np.uint8
    np.testing.assert_allclose(shrunk.mean(axis=(1, 2)), IMAGES.mean(axis=(1, 2)), atol=1)
    np.testing.assert_array_equal(shrink_images(IMAGES, 20), IMAGES)
    assert shrink_images(IMAGES[..., :1], 5).shape == (6, 5, 2, 1)
    five = np.repeat(IMAGES[..., :1], 5, axis=-1)
    np.testing.assert_array_equal(shrink_images(five, 20), IMAGES[..., :1])


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_stronger_corruptions_change_more(name):
    before = IMAGES.copy()
    worse = [corrupt(IMAGES, name, level).astype(float) for level in (1, 2, 3)]
    assert all(images.shape == IMAGES.shape for images in worse)
    change = [np.abs(images - IMAGES).mean() for images in worse]
    assert 0 < change[0] < change[1] < change[2]
    np.testing.assert_array_equal(IMAGES, before)
    np.testing.assert_array_equal(corrupt(IMAGES, name, 1), worse[0])  # the same every time


def test_corruptions_do_what_they_say():
    flat = corrupt(IMAGES, "contrast", 3)
    means = IMAGES.mean(axis=(1, 2, 3), keepdims=True)
    np.testing.assert_allclose(flat, means + 0.2 * (IMAGES - means), atol=0.5)
    moved = corrupt(IMAGES, "shift", 3)  # a fifth of 10 pixels
    np.testing.assert_array_equal(moved[:, 2:, 2:], IMAGES[:, :-2, :-2])
    np.testing.assert_array_equal(moved[:, 0, 0], IMAGES[:, 0, 0])
    gray = np.full((4, 32, 32, 1), 128, np.uint8)
    assert corrupt(gray, "noise", 2).std() == pytest.approx(0.08 * 255, rel=0.1)
    assert (corrupt(gray, "blur", 3) == 128).all()


def test_a_map_keeps_near_what_is_near():
    labels = np.arange(90) % 3
    features = GENERATOR.normal(0, 0.1, (90, 12)) + 5 * np.eye(12)[labels]
    arrays, numbers = make_map(features, labels)
    assert numbers["like_neighbours"] == 1.0
    assert numbers["by_chance"] == pytest.approx(1 / 3)
    assert sum(numbers["explained"]) > 0.9
    for name in ("pca", "tsne"):
        points = arrays[name]
        assert points.shape == (90, 2) and np.isfinite(points).all()
        centers = np.stack([points[labels == k].mean(axis=0) for k in range(3)])
        nearest = np.linalg.norm(points[:, None] - centers, axis=2).argmin(axis=1)
        assert (nearest == labels).mean() > 0.95
    np.testing.assert_array_equal(labels[arrays["neighbours"][1]], 1)
    again, _ = make_map(features, labels)
    np.testing.assert_array_equal(again["tsne"], arrays["tsne"])


@pytest.mark.parametrize(("count", "width"), [(3, 1), (12, 1), (200, 128)])
def test_few_or_equal_features_make_a_map(count, width):
    labels = np.arange(count) % 2
    arrays, numbers = make_map(np.ones((count, width)), labels)
    assert arrays["pca"].shape == (count, 2) and ("tsne" in arrays) is (count >= 10)
    assert np.isfinite(arrays["pca"]).all() and np.isfinite(numbers["explained"]).all()


def test_the_same_images_are_shown_for_every_encoder():
    labels = GENERATOR.integers(0, 30, 2000)
    rows = choose_rows(labels)
    assert len(rows) == 600 == len(np.unique(rows)) and (np.diff(rows) > 0).all()
    np.testing.assert_array_equal(rows, choose_rows(labels))
    queries = choose_queries(labels)
    assert len(set(labels[queries])) == 10
    np.testing.assert_array_equal(choose_rows(labels[:7]), np.arange(7))
