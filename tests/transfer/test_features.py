import numpy as np

from tests.conftest import draw_bars
from tfzero.transfer import features
from tfzero.transfer.features import graph_images, place_images, read_features
from tfzero.transfer.graph import build_graph


def test_pixels_are_scaled_and_kept_in_order():
    images, _ = draw_bars(5, seed=0)
    pixels = read_features(None, images)
    assert pixels.dtype == np.float32
    np.testing.assert_allclose(pixels, images.reshape(5, 64) / 255, rtol=1e-6)
    np.testing.assert_allclose(read_features(None, images / 255), pixels, rtol=1e-6)


def test_features_of_an_encoder_are_its_outputs(encoder):
    images, _ = draw_bars(5, seed=0)
    expected = encoder((images / 255).astype(np.float32))
    for given in (images, (images / 255).astype(np.float32), images / 255):
        np.testing.assert_allclose(read_features(encoder, given), expected, rtol=1e-4, atol=1e-5)


def test_places_are_those_of_the_graph_however_features_are_read(encoder, monkeypatch):
    images, _ = draw_bars(12, seed=0)
    expected = graph_images(None, images).places
    np.testing.assert_allclose(place_images(None, images), expected, atol=1e-5)
    own = build_graph(read_features(encoder, images)).places
    np.testing.assert_allclose(place_images(encoder, images), own, atol=1e-5)
    monkeypatch.setattr(features, "_MOST_BYTES", 0)
    np.testing.assert_allclose(place_images(encoder, images), own, atol=1e-5)
