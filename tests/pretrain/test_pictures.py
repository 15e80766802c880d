import numpy as np
import pytest
from PIL import Image

from tests.data.pictures import make_pixels
from tests.pretrain.cases import SHAPE, make_method
from tfzero.common.checks import StopError
from tfzero.pretrain.pictures import (
    draw_interpolations,
    draw_reconstructions,
    draw_samples,
    draw_traversals,
    interpolate,
    list_pictures,
    make_grid,
    write_png,
)

IMAGES = make_pixels(5, *SHAPE, seed=1)


def cut(grid, row, column):
    """Returns an image of a grid of 8x8 images."""
    return grid[1 + 9 * row : 9 + 9 * row, 1 + 9 * column : 9 + 9 * column]


def to_bytes(images):
    return np.rint(np.asarray(images) * 255).astype(np.uint8)


@pytest.mark.parametrize("channels, shown", [(1, 1), (3, 3), (2, 1), (4, 1)])
def test_a_grid_holds_every_image_in_reading_order(channels, shown):
    images = make_pixels(7, 8, 8, channels)
    grid = make_grid(images, columns=3)
    assert grid.shape == (28, 28, shown) and grid.dtype == np.uint8
    for place in range(7):
        expected = (
            images[place] if shown == channels else np.rint(images[place].mean(-1))[..., None]
        )
        np.testing.assert_array_equal(cut(grid, place // 3, place % 3), expected)
    assert (cut(grid, 2, 1) == 128).all() and (grid[0] == 128).all()


def test_floats_are_shown_as_bytes_and_those_out_of_range_clipped():
    images = np.full((1, 8, 8, 1), [[[[0.2]]]])
    images[0, 0, 0], images[0, 0, 1], images[0, 0, 2] = 2.0, -1.0, np.nan
    pixels = cut(make_grid(images), 0, 0)[..., 0]
    assert pixels[0, :4].tolist() == [255, 0, 0, 51]


@pytest.mark.parametrize("name", ["gan", "vae"])
def test_samples_are_what_the_method_generates(name):
    method = make_method(name)
    grid = draw_samples(method, count=6, columns=4, seed=3)
    np.testing.assert_array_equal(cut(grid, 1, 1), to_bytes(method.generate(6, seed=3))[5])


def test_each_reconstruction_is_below_its_image():
    method = make_method("vae")
    grid = draw_reconstructions(method, IMAGES, columns=3)
    restored = to_bytes(method.reconstruct(IMAGES))
    assert grid.shape == (4 * 9 + 1, 3 * 9 + 1, 1)
    for place in range(5):
        row, column = 2 * (place // 3), place % 3
        np.testing.assert_array_equal(cut(grid, row, column), IMAGES[place])
        np.testing.assert_array_equal(cut(grid, row + 1, column), restored[place])


@pytest.mark.parametrize("image", [None, IMAGES[2]])
def test_a_row_of_a_traversal_changes_one_latent(image):
    method = make_method("vae")
    kernel = method.decoder.get_layer("start").kernel
    kernel.assign(kernel.numpy() * np.array([[1.0], [0.0], [5.0]]))  # the strongest is the third
    grid = draw_traversals(method, count=2, steps=5, image=image, seed=6)
    assert grid.shape == (2 * 9 + 1, 5 * 9 + 1, 1)
    if image is None:
        import tensorflow as tf

        point = tf.random.stateless_normal((1, 3), (6, 0)).numpy()[0]
    else:
        point = np.asarray(
            method.posterior((image[None] / 255).astype(np.float32), training=False)[0]
        )[0]
    for row, latent in enumerate([2, 0]):
        for column, value in enumerate([-3, -1.5, 0, 1.5, 3]):
            latents = point.copy()
            latents[latent] = value
            expected = to_bytes(method.decode(latents[None]))[0].astype(int)
            assert np.abs(cut(grid, row, column).astype(int) - expected).max() <= 1
    whole = draw_traversals(method, count=10, steps=2)
    assert whole.shape[0] == 3 * 9 + 1  # no more than there are


def test_interpolations_begin_and_end_with_samples():
    method = make_method("gan")
    grid = draw_interpolations(method, count=2, steps=4, seed=7)
    samples = to_bytes(method.generate(4, seed=7)).astype(int)
    for row in range(2):
        for column, place in ((0, 2 * row), (3, 2 * row + 1)):
            assert np.abs(cut(grid, row, column).astype(int) - samples[place]).max() <= 1


def test_interpolation_follows_a_great_circle():
    path = interpolate(np.array([2.0, 0, 0]), np.array([0, 2.0, 0]), 5)
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), 2, rtol=1e-6)
    np.testing.assert_allclose(path[2], [2**0.5, 2**0.5, 0], rtol=1e-6)
    for other in ([4.0, 0, 0], [-2.0, 0, 0], [0.0, 0, 0]):  # no circle is the one
        straight = interpolate(np.array([2.0, 0, 0]), np.array(other), 3)
        np.testing.assert_allclose(straight[:, 0], [2, (2 + other[0]) / 2, other[0]])


@pytest.mark.parametrize(
    ("name", "images", "expected"),
    [
        ("gan", None, ["samples", "traversals", "interpolations"]),
        ("gan", IMAGES, ["samples", "traversals", "interpolations"]),
        ("vae", None, ["samples", "traversals", "interpolations"]),
        ("vae", IMAGES, ["samples", "reconstructions", "traversals", "interpolations"]),
    ],
)
def test_a_method_shows_what_it_can(name, images, expected):
    method = make_method(name)
    shown = dict(list_pictures(method, images=images, count=4))
    assert list(shown) == expected
    assert all(grid.dtype == np.uint8 for grid in shown.values())
    fewer = list_pictures(method, images=images, traversals=0, interpolations=0)
    assert [name for name, _ in fewer] == expected[:-2]


@pytest.mark.parametrize("channels", [1, 3])
def test_png_files_hold_the_grid_enlarged(tmp_path, channels):
    grid = make_grid(make_pixels(2, 8, 8, channels))
    write_png(tmp_path / "grid.png", grid, zoom=3)
    with Image.open(tmp_path / "grid.png") as picture:
        assert picture.mode == ("L" if channels == 1 else "RGB")
        pixels = np.asarray(picture).reshape(30, 57, channels)
    np.testing.assert_array_equal(pixels[1::3, 1::3], grid)
    with pytest.raises(StopError, match="Cannot write"):
        write_png(tmp_path / "none" / "grid.png", grid)
