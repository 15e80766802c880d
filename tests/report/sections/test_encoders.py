import numpy as np
import pytest

from tests.report.drawn import draw
from tests.report.run_folder import blobs
from tfzero.report import figures
from tfzero.report.sections.encoders.figures import class_styles


@pytest.mark.parametrize("channels", [1, 3])
def test_image_grid_keeps_every_pixel(channels):
    images = blobs(np.random.default_rng(0), 5, (8, 10, channels))
    (axes,) = draw(figures.image_grid(images, columns=3, title="5 $\\frac images")).axes
    (picture,) = axes.images
    assert picture.get_interpolation() == "nearest"
    mosaic = np.asarray(picture.get_array())
    assert mosaic.shape == (8 * 2 + 1, 10 * 3 + 2, 4)
    np.testing.assert_array_equal(mosaic[9:, 11:21, :3], np.broadcast_to(images[4], (8, 10, 3)))
    assert (mosaic[9:, 22:, 3] == 0).all() and (mosaic[9:, 11:21, 3] == 255).all()


def test_reconstructions_stand_below_their_originals():
    originals = blobs(np.random.default_rng(0), 5)
    (axes,) = draw(figures.reconstructions(originals, 255 - originals, columns=3)).axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["original", "reconstruction"] * 2
    mosaic = np.asarray(axes.images[0].get_array())
    np.testing.assert_array_equal(mosaic[:8, :8, 0], originals[0, ..., 0])
    np.testing.assert_array_equal(mosaic[9:17, :8, 0], 255 - originals[0, ..., 0])
    np.testing.assert_array_equal(mosaic[18:26, :8, 0], originals[3, ..., 0])
    with pytest.raises(ValueError, match="one reconstruction per original"):
        figures.reconstructions(originals, originals[:2])


@pytest.mark.parametrize("num_classes", [2, 10, 100])
def test_a_map_has_a_point_an_image_and_a_key_that_fits(num_classes):
    labels = np.arange(200) % num_classes
    points = np.random.default_rng(0).normal(0, 1, (200, 2))
    names = [f"class {k}" for k in range(num_classes)]
    figure = draw(figures.feature_map(points, labels, names))
    (axes,) = figure.axes
    assert sum(len(found.get_offsets()) for found in axes.collections) == 200
    np.testing.assert_array_equal(axes.collections[1].get_offsets(), points[labels == 1])
    assert len(figure.legends) == (num_classes <= 20)
    for legend in figure.legends:
        assert legend.get_window_extent().x1 <= figure.bbox.x1


def test_any_class_name_stands_in_the_key_of_a_map():
    names = ["$$", "_noise_", "a$%$"]
    points = np.random.default_rng(0).normal(0, 1, (9, 2))
    figure = draw(figures.feature_map(points, np.arange(9) % 3, names))
    assert sorted(text.get_text() for text in figure.legends[0].get_texts()) == sorted(names)


def test_classes_differ_by_colour_or_marker():
    assert len(set(class_styles(88))) == 88


def test_neighbours_keep_pixels():
    images = blobs(np.random.default_rng(0), 6, (8, 8, 1))
    (axes,) = draw(figures.neighbours(images, np.array([4]), np.array([[1, 2]]))).axes
    mosaic = np.asarray(axes.images[0].get_array())
    np.testing.assert_array_equal(mosaic[:, :8, 0], images[4, ..., 0])
    np.testing.assert_array_equal(mosaic[:, -8:, 0], images[2, ..., 0])
