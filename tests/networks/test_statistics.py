import keras
import numpy as np
import pytest

from tests.conftest import build_small_encoder
from tfzero.networks import build_encoder
from tfzero.networks.statistics import has_statistics, settle_statistics


def build(momentum=0.9):
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, kernel_initializer=keras.initializers.HeNormal(1))(inputs)
    x = keras.layers.BatchNormalization(momentum=momentum, name="normal")(100 * x + 7)
    x = keras.layers.Dropout(0.5, seed=3)(x)
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))


def test_a_random_network_is_judged_by_statistics_of_its_own_weights():
    network = build()
    state = [v.numpy() for v in network.variables if "seed" in v.path]
    settle_statistics(network, seed=0)
    layer = network.get_layer("normal")
    assert layer.momentum == 0.9 and (layer.moving_variance.numpy() > 50).all()
    assert [np.array_equal(a, b.numpy()) for a, b in zip(state, _seeds(network), strict=True)]
    images = np.random.default_rng(1).random((64, 8, 8, 3), np.float32)
    assert 0.1 < float(np.std(network(images))) < 10
    again = build()
    settle_statistics(again, seed=0)
    for one, other in zip(network.weights, again.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def _seeds(network):
    return [v for v in network.variables if "seed" in v.path]


def test_networks_without_batch_normalization_stay_as_they_are():
    encoder = build_small_encoder()
    before = encoder.get_weights()
    settle_statistics(encoder, seed=0)
    assert not has_statistics(encoder) and has_statistics(build())
    for one, other in zip(before, encoder.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["MobileNet", "MobileNetV2", "EfficientNetB0"])
def test_features_of_random_networks_do_not_vanish(name):
    images = np.random.default_rng(0).random((16, 32, 32, 3), np.float32)
    features = build_encoder((32, 32, 3), architecture=f"keras:{name}")(images).numpy()
    assert np.isfinite(features).all() and features.std(axis=0).mean() > 1e-3
