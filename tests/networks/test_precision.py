"""Precisions of networks: which are taken, and what stays float32."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import build_small_encoder
from tfzero.common.checks import InputError
from tfzero.common.precision import find_precision
from tfzero.common.surroundings import PRECISIONS, own_settings
from tfzero.networks import build_encoder, copy_network
from tfzero.networks.blocks import join_blocks
from tfzero.networks.decoder import build_decoder, make_generator
from tfzero.networks.kmeans import fit_kmeans
from tfzero.networks.layers import StandardizedConv2D
from tfzero.networks.precision import call_network, require_precision, require_same_precision
from tfzero.networks.reading import read_network

IMAGES = np.random.default_rng(0).random((4, 16, 16, 3), np.float32)
MIXED = pytest.mark.parametrize("precision", PRECISIONS[1:])


@pytest.fixture
def set_policy():
    """Sets Keras's dtype policy; it is float32 again afterwards."""
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy("float32")


@MIXED
def test_the_librarys_encoder_computes_in_half_precision_and_gives_float32(precision, set_policy):
    plain = build_encoder((16, 16, 3), architecture="residual", seed=1)
    set_policy(precision)
    encoder = build_encoder((16, 16, 3), architecture="residual", seed=1)
    half = precision.removeprefix("mixed_")
    assert {encoder.get_layer(f"block{k}").output.dtype for k in (1, 2, 3, 4)} == {half}
    assert {weight.dtype for weight in encoder.weights} == {"float32"}
    assert find_precision(encoder) == require_precision(encoder) == precision
    features = encoder(IMAGES)
    assert features.dtype == tf.float32 == join_blocks(encoder)[0](IMAGES).dtype
    difference = np.abs(features - plain(IMAGES)).max()
    assert 0 < difference < 0.05 * np.abs(features).max()


@MIXED
def test_copies_and_features_are_of_the_networks_own_precision(precision):
    with own_settings(precision):
        own = build_small_encoder((16, 16, 3))  # its features are not float32
    assert own.output.dtype == precision.removeprefix("mixed_")
    assert call_network(own, IMAGES).dtype == tf.float32
    assert find_precision(copy_network(own)) == precision
    features = read_network(own, IMAGES)
    assert features.dtype == np.float32
    # A graph fuses operations, and rounds less often.
    np.testing.assert_allclose(features, call_network(own, IMAGES), rtol=0.02, atol=0.01)


@keras.saving.register_keras_serializable("tests")
class Own(keras.Model):
    """An encoder whose configuration says nothing of its precision."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3)

    def build(self, shape):
        self.dense.build((None, 8 * 8))
        self.built = True

    @property
    def input_shape(self):
        return (None, 8, 8, 1)

    def call(self, images):
        return self.dense(keras.ops.reshape(images, (-1, 64)))

    def get_config(self):
        return {}


@MIXED
def test_a_copy_has_the_precision_that_its_configuration_does_not_tell(precision):
    with own_settings(precision):
        own = Own()
        own.build((None, 8, 8, 1))
    assert find_precision(copy_network(own)) == precision
    images = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    np.testing.assert_array_equal(read_network(own, images), call_network(own, images))


@MIXED
def test_kernels_are_standardized_in_float32(precision):
    layer = StandardizedConv2D(2, 3, dtype=precision, kernel_initializer="ones")
    layer.build((None, 8, 8, 1))
    values = np.ones((3, 3, 1, 2), np.float32)
    values[0, 0] += 1e-3  # less than a step of bfloat16 at 1
    layer.kernel.assign(values)
    outputs = layer(np.eye(8, dtype=np.float32)[None, ..., None])
    assert outputs.dtype == precision.removeprefix("mixed_")
    plain = StandardizedConv2D(2, 3)
    plain.build((None, 8, 8, 1))
    plain.set_weights(layer.get_weights())
    expected = plain(np.eye(8, dtype=np.float32)[None, ..., None])
    assert np.abs(expected).max() > 0.01
    np.testing.assert_allclose(tf.cast(outputs, tf.float32), expected, atol=0.01)


@MIXED
def test_a_decoders_logits_and_images_are_float32(precision):
    decoder = build_decoder((9, 12, 1), 3, width=4, precision=precision)
    assert find_precision(decoder) == precision
    assert decoder.output.dtype == make_generator(decoder).output.dtype == "float32"
    assert decoder.get_layer("block1").output.dtype == precision.removeprefix("mixed_")


@MIXED
def test_what_has_no_weights_to_train_stays_float32(precision, set_policy):
    set_policy(precision)
    images = (255 * IMAGES).astype(np.uint8)
    features = read_network(fit_kmeans(images, num_centroids=3), images)
    set_policy("float32")
    np.testing.assert_array_equal(
        features, read_network(fit_kmeans(images, num_centroids=3), images)
    )


def build_two(first, second):
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(2, 3, dtype=first, name="first")(inputs)
    x = keras.layers.Conv2D(2, 3, dtype=second, name="second")(x)
    return keras.Model(inputs, keras.layers.Flatten()(x), name="mine")


def test_layers_may_differ_where_weights_are_float32():
    assert require_precision(build_two("float32", "mixed_bfloat16")) == "mixed_bfloat16"
    assert require_precision(build_two("mixed_float16", "mixed_bfloat16")) == "mixed_float16"
    for policy in ("float16", "bfloat16", "float64"):
        with pytest.raises(InputError, match=f"'second'.*'mine' keeps weights in {policy}.*Build"):
            require_precision(build_two("float32", policy))


def test_other_policies_and_orders_of_keras_are_refused(set_policy):
    encoder = build_small_encoder()
    set_policy("float16")
    with pytest.raises(InputError, match="dtype policy float16.*mixed_bfloat16 or mixed_float16"):
        require_precision(encoder)
    assert find_precision(build_encoder((8, 8, 1))) == "float32"
    set_policy("mixed_float16")
    keras.config.set_image_data_format("channels_first")
    try:
        with pytest.raises(InputError, match="channels_first; expected .*channels_last"):
            require_precision(encoder)
    finally:
        keras.config.set_image_data_format("channels_last")


def test_another_precision_than_asked_for_is_refused_with_the_remedy():
    encoder = build_small_encoder()
    require_same_precision(encoder, "float32", what="it")
    with pytest.raises(InputError, match="mine.keras computes in float32.*precision='float32'"):
        require_same_precision(encoder, "mixed_bfloat16", what="mine.keras")
    inputs = keras.Input((8, 8, 1))
    pixels = keras.Model(inputs, keras.layers.Flatten()(inputs))
    require_same_precision(pixels, "mixed_bfloat16", what="pixels")


def test_settings_keep_a_mixed_policy_unless_another_is_asked_for(set_policy):
    def policy():
        return keras.config.dtype_policy().name

    set_policy("mixed_bfloat16")
    with own_settings():
        assert policy() == "mixed_bfloat16"
    with own_settings("float32"):
        assert policy() == "float32"
        with own_settings("mixed_float16"), own_settings():
            assert policy() == "mixed_float16"
    assert policy() == "mixed_bfloat16"
    set_policy("float16")
    with own_settings():
        assert policy() == "float32"
    assert policy() == "float16"
