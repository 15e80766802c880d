import keras
import numpy as np
import pytest

from tfzero.common.checks import InputError
from tfzero.networks import build_encoder, copy_network, redraw_network


def build_own():
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Flatten()(inputs)
    x = keras.layers.Dense(6, activation="relu")(x)
    x = keras.layers.BatchNormalization()(x)
    return keras.Model(inputs, keras.layers.Dense(6)(x))


class NoConfig(keras.Model):
    def __init__(self, width):
        super().__init__()
        self.dense = keras.layers.Dense(width)

    def call(self, images):
        return self.dense(images)


@pytest.mark.parametrize("build", [build_own, lambda: build_encoder((8, 8, 1), width=4)])
def test_a_copy_has_equal_weights_and_shares_none(build):
    network = build()
    network.set_weights([w + 0.01 * k for k, w in enumerate(network.get_weights(), start=1)])
    before = network.get_weights()
    copy = copy_network(network)
    for ours, theirs in zip(before, copy.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    copy.set_weights([weight + 1 for weight in copy.get_weights()])
    for ours, now in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, now)


def test_a_sequential_network_without_input_layer_is_copied():
    network = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(3)])
    images = np.random.default_rng(0).random((2, 8, 8, 1)).astype(np.float32)
    expected = np.asarray(network(images))
    np.testing.assert_array_equal(copy_network(network)(images), expected)


def test_redrawn_weights_depend_on_the_seed_alone():
    trained = build_own()
    untrained = build_own()
    trained.set_weights([weight + 1 for weight in trained.get_weights()])
    first, same, other = (
        redraw_network(network, seed=seed)
        for network, seed in ((trained, 1), (trained, 1), (trained, 2))
    )
    for weight, again, old in zip(first.weights, same.weights, trained.weights, strict=True):
        np.testing.assert_array_equal(weight, again)
        assert np.abs(weight.numpy() - old.numpy()).max() > 0.1, weight.path
    kernels = [
        (a.numpy(), b.numpy())
        for a, b in zip(first.weights, other.weights, strict=True)
        if a.name == "kernel"
    ]
    assert len(kernels) == 2
    for kernel, redrawn in kernels:
        assert np.abs(kernel - redrawn).max() > 1e-3
    # Weights without chance are as before any training.
    assert [weight.numpy().tolist() for weight in first.weights if weight.name == "gamma"] == [
        weight.numpy().tolist() for weight in untrained.weights if weight.name == "gamma"
    ]


def test_layers_of_one_shape_do_not_start_equal():
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(4, name="first")(inputs)
    network = keras.Model(inputs, keras.layers.Dense(4, name="second")(hidden))
    first, _, second, _ = redraw_network(network, seed=0).get_weights()
    assert np.abs(first - second).max() > 0.01


def test_a_network_without_configuration_is_refused():
    network = NoConfig(3)
    network(np.zeros((1, 4), np.float32))
    with pytest.raises(InputError, match="NoConfig.* cannot be copied.*functional Keras model"):
        copy_network(network)


def test_dropout_draws_by_the_seed_too():
    def build():
        return keras.Sequential(
            [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dropout(0.5)], name="own"
        )

    ones = np.ones((2, 8, 8, 1), np.float32)
    first, same, other = (
        np.asarray(redraw_network(build(), seed=seed)(ones, training=True)) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)
