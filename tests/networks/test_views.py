import colorsys
import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tests.graphs import list_computed_on_the_host
from tfzero.common.checks import InputError
from tfzero.data.kinds import KINDS, default_kind
from tfzero.networks.views import VIEWS, Views, find_views, random_views

SEED = tf.constant([3, 5])


def draw(*shape, seed=0):
    return np.random.default_rng(seed).random(shape).astype(np.float32)


def view(images, *, seed=SEED, **strengths):
    return random_views(tf.constant(images), Views(**strengths), seed=seed).numpy()


def test_every_kind_has_views_and_no_other():
    assert set(VIEWS) == set(KINDS)
    assert find_views("clothes") == VIEWS["clothes"]
    with pytest.raises(InputError, match='"clothes"'):
        find_views("cloths")


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("digits", {"smallest_crop", "rotation", "jitter"}),
        ("clothes", {"smallest_crop", "flip", "jitter"}),
        ("photos", {"smallest_crop", "flip", "jitter", "saturation", "hue", "gray_share"}),
        (
            "microscopy",
            {"smallest_crop", "flip", "right_angles", "jitter", "saturation", "hue"},
        ),
        ("spectrograms", {"shift", "mask_share", "jitter"}),
    ],
)
def test_what_each_kind_of_data_changes(kind, changes):
    still = dataclasses.asdict(Views())
    strengths = dataclasses.asdict(find_views(kind))
    assert {name for name, value in strengths.items() if value != still[name]} == changes


def test_gray_images_are_never_mirrored_unless_said():
    assert default_kind(1) == "digits" and not VIEWS["digits"].flip
    assert default_kind(3) == "photos" and VIEWS["photos"].flip
    assert not VIEWS["spectrograms"].flip and VIEWS["spectrograms"].smallest_crop == 1


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_without_strength_nothing_changes(channels):
    images = draw(4, 9, 12, channels)
    np.testing.assert_allclose(view(images), images, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(5, 9, 12, 1), (5, 8, 8, 3)], ids=str)
def test_views_are_images_drawn_by_the_seed(kind, shape):
    images = draw(*shape)
    first, same = (random_views(images, VIEWS[kind], seed=SEED).numpy() for _ in range(2))
    other = random_views(images, VIEWS[kind], seed=SEED + 1).numpy()
    assert first.shape == shape and first.min() >= 0 and first.max() <= 1
    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).max() > 0.1
    # Each image draws its own.
    alike = random_views(np.repeat(images[:1], 5, axis=0), VIEWS[kind], seed=SEED).numpy()
    assert len({one.tobytes() for one in alike}) == 5


def test_half_of_the_views_are_mirrored():
    images = draw(200, 4, 6, 1)
    viewed = view(images, flip=True)
    same = np.abs(viewed - images).max(axis=(1, 2, 3)) < 1e-5
    mirrored = np.abs(viewed - images[:, :, ::-1]).max(axis=(1, 2, 3)) < 1e-5
    assert (same ^ mirrored).all() and 70 < mirrored.sum() < 130


def test_turns_by_right_angles_move_pixels_and_come_equally_often():
    images = draw(400, 6, 6, 1)
    viewed = view(images, right_angles=True)
    turned = [np.rot90(images, turns, axes=(1, 2)) for turns in range(4)]
    found = [np.abs(viewed - each).max(axis=(1, 2, 3)) < 1e-5 for each in turned]
    assert (np.sum(found, axis=0) == 1).all()
    assert all(70 < each.sum() < 130 for each in found)
    # Mirrored too, an image has 8 positions.
    viewed = view(images, right_angles=True, flip=True)
    positions = [*turned, *(each[:, ::-1] for each in turned)]
    found = [np.abs(viewed - each).max(axis=(1, 2, 3)) < 1e-5 for each in positions]
    assert all(20 < each.sum() < 90 for each in found)


def test_images_that_are_not_square_are_turned_by_half_a_turn_alone():
    images = draw(200, 4, 6, 1)
    viewed = view(images, right_angles=True)
    same = np.abs(viewed - images).max(axis=(1, 2, 3)) < 1e-5
    turned = np.abs(viewed - images[:, ::-1, ::-1]).max(axis=(1, 2, 3)) < 1e-5
    assert (same ^ turned).all() and 70 < turned.sum() < 130


def test_crops_keep_the_area_asked_for_and_stay_inside():
    # Rows and columns as values: what a view spans shows what was kept.
    rows, columns = np.mgrid[0:32, 0:40].astype(np.float32)
    images = np.stack([rows / 31, columns / 39], axis=-1)[None].repeat(300, axis=0)
    viewed = view(images, smallest_crop=0.5)
    spans = viewed.max(axis=(1, 2)) - viewed.min(axis=(1, 2))
    area = spans.prod(axis=1)
    assert 0.44 < area.min() < 0.6 and area.max() > 0.93
    ratio = spans[:, 0] / spans[:, 1]
    assert 0.7 < ratio.min() < 0.85 and 1.18 < ratio.max() < 1.4
    assert viewed[:, 0, 0, 0].min() < 0.02 and viewed[:, -1, 0, 0].max() > 0.98


def test_turns_and_shifts_reach_as_far_as_they_say():
    rows, columns = np.mgrid[0:21, 0:21].astype(np.float32)
    images = (columns / 20)[None, ..., None].repeat(200, axis=0)
    turned = view(images, rotation=0.3)
    slope_x = turned[:, 10, 12, 0] - turned[:, 10, 8, 0]
    slope_y = turned[:, 12, 10, 0] - turned[:, 8, 10, 0]
    angles = np.arctan2(slope_y, slope_x)
    assert -0.31 < angles.min() < -0.25 and 0.25 < angles.max() < 0.31
    moved = view(images, shift=(0.0, 0.2))[:, 0, 10, 0] - 0.5
    assert -0.22 < moved.min() < -0.17 and 0.17 < moved.max() < 0.22


def test_shifts_along_the_height_and_zooms_are_about_the_middle():
    rows, columns = np.mgrid[0:21, 0:21].astype(np.float32)
    images = np.stack([rows / 20, columns / 20], axis=-1)[None].repeat(200, axis=0)
    moved = view(images, shift=(0.2, 0.0))[:, 10, 10]
    assert -0.22 < moved[:, 0].min() - 0.5 < -0.17 and 0.17 < moved[:, 0].max() - 0.5 < 0.22
    np.testing.assert_allclose(moved[:, 1], 0.5, atol=1e-6)
    zoomed = view(images, zoom=0.3)
    np.testing.assert_allclose(zoomed[:, 10, 10], 0.5, atol=1e-6)
    spans = zoomed[:, 13, 13] - zoomed[:, 7, 7]  # 0.3 unchanged
    np.testing.assert_allclose(spans[:, 0], spans[:, 1], atol=1e-6)
    assert 0.21 <= spans.min() < 0.23 and 0.37 < spans.max() <= 0.391


def test_brightness_and_contrast_by_hand():
    images = draw(400, 3, 3, 1, seed=1) * 0.4 + 0.3
    viewed = view(images, jitter=0.3)
    mean = images.mean(axis=(1, 2, 3))
    # (x - mean) brightness contrast + mean brightness.
    brightness = viewed.mean(axis=(1, 2, 3)) / mean
    both = viewed.std(axis=(1, 2, 3)) / images.std(axis=(1, 2, 3))
    contrast = both / brightness
    for found in (brightness, contrast):
        assert 0.69 < found.min() < 0.75 and 1.25 < found.max() < 1.31


def test_gray_views_have_no_colour_and_keep_their_brightness():
    images = draw(6, 3, 3, 3)
    viewed = view(images, gray_share=1.0)
    luma = images @ np.array([0.299, 0.587, 0.114], np.float32)
    np.testing.assert_allclose(viewed, np.repeat(luma[..., None], 3, axis=-1), atol=2e-3)
    some = view(draw(300, 2, 2, 3), gray_share=0.2)
    gray = np.ptp(some, axis=-1).max(axis=(1, 2)) < 5e-3
    assert 35 < gray.sum() < 85


def test_a_turned_hue_is_another_colour_of_the_same_brightness():
    red = np.zeros((300, 1, 1, 3), np.float32) + np.array([0.6, 0.4, 0.4], np.float32)
    viewed = view(red, hue=0.1)[:, 0, 0]
    luma = viewed @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(luma, 0.6 * 0.299 + 0.4 * 0.701, atol=2e-3)
    hues = np.array([colorsys.rgb_to_hsv(*pixel)[0] for pixel in viewed])
    hues = (hues + 0.5) % 1 - 0.5
    assert -0.15 < hues.min() < -0.06 and 0.06 < hues.max() < 0.15


def test_masks_hide_bands_of_rows_and_of_columns():
    images = draw(50, 20, 30, 1)
    viewed = view(images, mask_share=0.5)
    hidden = np.abs(viewed - images)[..., 0] > 1e-6
    rows, columns = hidden.all(axis=2).sum(axis=1), hidden.all(axis=1).sum(axis=1)
    assert rows.max() > 6 and rows.max() <= 10 and columns.max() > 9 and columns.max() <= 15
    np.testing.assert_allclose(
        viewed[hidden],
        np.broadcast_to(images.mean(axis=(1, 2), keepdims=True), images.shape)[hidden],
        atol=1e-6,
    )


def test_works_in_a_graph_of_any_batch_size():
    traced = tf.function(
        lambda images: random_views(images, VIEWS["photos"], seed=SEED),
        input_signature=[tf.TensorSpec((None, 8, 8, 3))],
    )
    images = draw(3, 8, 8, 3)
    np.testing.assert_allclose(
        traced(images), random_views(images, VIEWS["photos"], seed=SEED), atol=1e-5
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_gpu_leaves_no_pixel_to_the_host(kind):
    def views(images):
        return random_views(images, find_views(kind), seed=SEED)

    assert list_computed_on_the_host(views, tf.TensorSpec((16, 12, 12, 3))) == []
