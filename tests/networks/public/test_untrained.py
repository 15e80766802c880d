"""Networks of keras.applications with random weights."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfzero
from tests.conftest import draw_bars
from tfzero.common.checks import InputError
from tfzero.networks import build_encoder
from tfzero.networks.blocks import block_names, join_blocks
from tfzero.networks.public.pixels import TRIANGLE, PublicPixels, weigh_pixels
from tfzero.transfer.budget import Budget


def build(name="MobileNet", shape=(32, 32, 3), **arguments):
    return build_encoder(shape, architecture=f"keras:{name}", **arguments)


def identify(network):
    return json.dumps(network.get_config(), sort_keys=True, default=str)


# InceptionV3 has hundreds of layers that Keras numbers, ConvNeXt networks inside, EfficientNet
# dropout and operations that are no layers.
@pytest.mark.parametrize(
    "name, side",
    [
        ("MobileNet", 32),
        pytest.param("MobileNetV3Small", 32, marks=pytest.mark.slow),
        pytest.param("EfficientNetB0", 32, marks=pytest.mark.slow),
        pytest.param("ConvNeXtTiny", 32, marks=pytest.mark.slow),
        pytest.param("InceptionV3", 75, marks=pytest.mark.slow),
    ],
)
def test_a_seed_decides_weights_and_two_builds_have_one_identity(name, side):
    first, same, other = (build(name, (side, side, 3), seed=seed) for seed in (5, 5, 6))
    assert identify(first) == identify(same)
    kernels = 0
    for a, b, c in zip(first.weights, same.weights, other.weights, strict=True):
        np.testing.assert_array_equal(a, b)
        if a.name.endswith("kernel"):
            kernels += 1
            assert np.abs(a.numpy() - c.numpy()).max() > 1e-4, a.path
    assert kernels > 20
    assert len({layer.name for layer in first.layers}) == len(first.layers)


def test_blocks_can_be_read_at_each_resolution(tmp_path):
    network = build("MobileNet", (64, 48, 1))
    shapes = [tuple(network.get_layer(name).output.shape[1:]) for name in block_names(network)]
    # The last values before each strided convolution.
    assert shapes == [(32, 24, 64), (16, 12, 128), (8, 6, 256), (4, 3, 512), (2, 1, 1024)]
    assert list(join_blocks(network)[1]) == ["block2", "block3", "block4", "block5"]
    network.save(tmp_path / "x.keras")
    images = np.random.default_rng(0).random((2, 64, 48, 1)).astype(np.float32)
    kept = tfzero.load_model(tmp_path / "x.keras")
    np.testing.assert_array_equal(kept(images), network(images))


@pytest.mark.slow
def test_a_block_ends_with_the_activation_of_its_last_sum():
    network = build("ResNet50")
    assert [each.output.shape[-1] for each in map(network.get_layer, block_names(network))] == [
        64,
        256,
        512,
        1024,
        2048,
    ]
    last = network.get_layer("block4")
    assert isinstance(last, keras.layers.Activation)
    assert isinstance(last._inbound_nodes[0].parent_nodes[0].operation, keras.layers.Add)


def test_pixels_are_scaled_inside_and_gray_is_repeated():
    gray, color = build(shape=(32, 32, 1)), build(shape=(32, 32, 3))
    color.set_weights(gray.get_weights())  # the statistics are those of noise of its shape
    images = np.random.default_rng(0).random((2, 32, 32, 1)).astype(np.float32)
    np.testing.assert_array_equal(gray(images), color(np.repeat(images, 3, axis=-1)))
    seen = keras.Model(gray.input, gray.get_layer("pixels").output)(images)
    own = keras.applications.mobilenet.preprocess_input(255 * np.repeat(images, 3, axis=-1))
    np.testing.assert_allclose(seen, own, atol=1e-5)


def test_images_are_resized_inside():
    network = build("MobileNet,size=32", (50, 40, 3))
    assert network.input_shape == (None, 50, 40, 3)
    images = np.random.default_rng(0).random((2, 50, 40, 3)).astype(np.float32)
    resized = tf.image.resize(images, (32, 32), antialias=True)
    plain = build()
    plain.set_weights(network.get_weights())
    np.testing.assert_allclose(network(images), plain(resized), atol=1e-2)


@pytest.mark.parametrize("sides", [(50, 40), (20, 33), (32, 64)], ids=str)
def test_the_triangle_is_bilinear_with_antialiasing_and_compiles(sides):
    images = np.random.default_rng(0).random((2, *sides, 3)).astype(np.float32)
    layer = PublicPixels(32, "unit", TRIANGLE)
    expected = tf.image.resize(images, (32, 32), antialias=True)
    np.testing.assert_allclose(layer(images), expected, atol=1e-5)
    compiled = tf.function(lambda batch: layer(batch), jit_compile=True)
    np.testing.assert_allclose(compiled(tf.constant(images)), expected, atol=1e-5)
    np.testing.assert_allclose(weigh_pixels(sides[0], 32).sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize(
    "name, shape, said",
    [
        ("ResNet5", (32, 32, 3), 'Did you mean "ResNet50"'),
        ("MobileNet,side=32", (32, 32, 3), "expected size=N, such as keras:MobileNet,size=96"),
        ("MobileNet", (28, 40, 3), "28x40 pixels; keras:MobileNet takes at least 32x32. Write "),
        ("MobileNet", (28, 40, 3), "keras:MobileNet,size=32"),
        ("Xception,size=32", (96, 96, 3), "at least 71 of Xception. Write keras:Xception,size=71"),
        ("MobileNet", (32, 32, 4), "takes 3 channels, or 1, which it repeats"),
        ("MobileNet", (32, 32), r"shape \(32, 32\)"),
    ],
)
def test_what_it_does_not_take_is_refused(name, shape, said):
    with pytest.raises(InputError, match=said):
        build(name, shape)


def test_a_width_is_refused():
    with pytest.raises(InputError, match="`width=8` is for small, base and residual"):
        build(width=8)


@pytest.mark.slow
def test_few_steps_suffice_for_the_statistics_of_a_mobilenet(tmp_path):
    """With Keras's momentum of 0.999 a network is judged by statistics that it has not learned."""
    images, labels = draw_bars(96, seed=0)
    photos = np.repeat(np.repeat(np.repeat(images, 4, axis=1), 4, axis=2), 3, axis=3)
    network = build("MobileNetV2")
    momenta = {
        layer.momentum
        for layer in network.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    }
    assert momenta == {0.9}
    budget = Budget(steps=200, batch_size=32, augment=False)
    fitted = tfzero.fit_classifier(
        "finetune", encoder=network, images=photos, labels=labels, budget=budget, seed=0
    )
    right = (fitted.predict(photos).argmax(axis=1) == labels).mean()
    assert right > 0.9
    # What a probe reads is what it was fitted to, and what is served.
    probe = tfzero.fit_classifier(
        "probe", encoder=fitted.model.encoder, images=photos, labels=labels, budget=budget, seed=0
    )
    before = fitted.model.encoder.get_weights()
    for kept, weight in zip(before, probe.model.encoder.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, weight)
    version = tfzero.export_savedmodel(probe.model, tmp_path)
    served = tf.saved_model.load(str(version)).signatures["serving_default"]
    np.testing.assert_allclose(
        served(image=tf.constant(photos[:8]))["scores"], probe.predict(photos[:8]), atol=1e-4
    )
