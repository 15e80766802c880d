"""Any Keras classifier, an encoder alone, a generator alone."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfzero
from tests.conftest import build_small_encoder
from tests.export.conftest import encode
from tfzero import InputError
from tfzero.export import fresh_process, layout
from tfzero.networks.copies import as_float32

SHAPE = (8, 8, 3)


@pytest.fixture(scope="module")
def images():
    coarse = np.random.default_rng(3).integers(0, 256, (6, 4, 4, 3), dtype=np.uint8)
    return coarse.repeat(2, axis=1).repeat(2, axis=2)


def build_classifier(units=3, *, activation=None, seed=0):
    """A small network in Keras's usual style: augmentation, normalization, dropout, a head."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input(SHAPE),
            keras.layers.RandomFlip(),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(units, activation=activation),
        ]
    )
    model.set_weights([np.random.default_rng(0).random(w.shape) for w in model.get_weights()])
    return model


def serve(version, images, signature="serving_default"):
    loaded = tf.saved_model.load(str(version))
    outputs = loaded.signatures[signature](tf.constant(images))
    return {name: output.numpy() for name, output in outputs.items()}


@pytest.mark.parametrize("pixel_range", [(-1, 1), pytest.param((0, 255), marks=pytest.mark.slow)])
def test_logits_of_a_model_with_pixels_of_its_own(tmp_path, images, pixel_range):
    low, high = pixel_range
    model = build_classifier()
    version = tfzero.export_savedmodel(model, tmp_path, pixel_range=pixel_range, from_logits=True)
    wanted = tf.nn.softmax(model(images / 255.0 * (high - low) + low, training=False))
    np.testing.assert_allclose(serve(version, images)["scores"], wanted, atol=1e-5)
    encoded = [encode(image) for image in images]
    np.testing.assert_allclose(
        serve(version, encoded, "serving_bytes")["scores"], wanted, atol=1e-5
    )
    assert json.loads((version / fresh_process.SPEC_FILE).read_text())["pixel_range"] == [low, high]


@pytest.mark.parametrize("from_logits", [False, True])
def test_one_output_is_the_second_of_two_classes(tmp_path, images, from_logits):
    model = build_classifier(1, activation=None if from_logits else "sigmoid")
    version = tfzero.export_savedmodel(
        model, tmp_path, class_names=["cat", "dog"], from_logits=from_logits
    )
    outputs = model(images / 255.0, training=False)
    dog = tf.sigmoid(outputs) if from_logits else outputs
    found = serve(version, images)
    np.testing.assert_allclose(found["scores"], tf.concat([1 - dog, dog], axis=1), atol=1e-5)
    wanted = [b"dog" if score > 0.5 else b"cat" for score in dog[:, 0]]
    assert found["label"].tolist() == wanted


class Captioner(keras.Model):
    """Somebody's classifier whose `encoder` reads something else than images."""

    def __init__(self):
        super().__init__()
        inputs = keras.Input((5,))
        self.encoder = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(inputs))

    def call(self, images, training=False):
        return self.encoder(tf.reduce_mean(images, axis=(1, 2, 3))[:, None] * tf.ones((1, 5)))


def test_an_encoder_of_something_else_is_no_feature(tmp_path):
    version = tfzero.export_savedmodel(Captioner(), tmp_path, image_shape=SHAPE)
    assert "features" not in tf.saved_model.load(str(version)).signatures


@pytest.mark.slow
def test_sixteen_bits_inside(tmp_path, images):
    inputs = keras.Input(SHAPE)
    x = keras.layers.Conv2D(4, 3, dtype="mixed_bfloat16")(inputs)
    x = keras.layers.GlobalAveragePooling2D(dtype="mixed_bfloat16")(x)
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax", dtype="float32")(x))
    version = tfzero.export_savedmodel(model, tmp_path)
    found = serve(version, images)["scores"]
    assert found.dtype == np.float32
    # It is served in float32, which rounds alike everywhere.
    np.testing.assert_allclose(found, as_float32(model)(images / 255.0), atol=1e-5)
    np.testing.assert_allclose(found, model(images / 255.0), atol=2e-3)


def test_gradients_of_a_loaded_model_are_those_of_the_model(tmp_path, images):
    inputs = keras.Input(SHAPE)
    x = keras.layers.Conv2D(4, 3, activation="silu")(inputs)  # has a gradient of its own
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))
    version = tfzero.export_savedmodel(model, tmp_path)
    pixels = tf.constant(images / 255.0, tf.float32)
    loaded = tf.saved_model.load(str(version))
    gradients = []
    for answer in (
        lambda x: model(x, training=False),
        lambda x: loaded.signatures["serving_float"](image=x)["scores"],
    ):
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            score = tf.reduce_sum(answer(pixels)[:, 0])
        gradients.append(tape.gradient(score, pixels))
    assert np.abs(gradients[0]).max() > 1e-4
    np.testing.assert_allclose(gradients[1], gradients[0], atol=1e-6)


def test_an_encoder_alone(tmp_path, images):
    encoder = build_small_encoder(SHAPE)
    version = tfzero.export_encoder(encoder, tmp_path, notes={"method": "vae"})
    wanted = encoder(images / 255.0)
    encoded = [encode(image) for image in images]
    for signature, inputs in [("serving_default", images), ("serving_bytes", encoded)]:
        np.testing.assert_allclose(
            serve(version, inputs, signature)["features"], wanted, rtol=1e-5, atol=1e-5
        )
    assert not (version / "assets").exists() or not list((version / "assets").iterdir())
    assert fresh_process.check_version(version) == []
    assert tfzero.export_encoder(encoder, tmp_path, notes={"method": "vae"}) == version


def test_the_gan_s_generator_alone(tmp_path):
    gan = tfzero.GAN(build_small_encoder(), latent_dim=5)
    version = tfzero.export_generator(gan.parts()["generator"], tmp_path)
    latents = np.random.default_rng(1).normal(size=(3, 5)).astype(np.float32)
    wanted = tf.sigmoid(gan.generator(latents))
    found = serve(version, latents)
    np.testing.assert_allclose(found["pixels"], wanted, atol=1e-5)
    assert found["image"].dtype == np.uint8
    np.testing.assert_allclose(found["image"], 255 * wanted, atol=0.51)
    assert fresh_process.check_version(version) == []
    # Made anew, with another number in Keras's names, it is the same.
    assert tfzero.export_generator(gan.parts()["generator"], tmp_path) == version


def test_the_vae_s_two_halves_make_its_reconstruction(tmp_path, bars):
    images, _ = bars
    vae = tfzero.VAE(build_small_encoder(), latent_dim=5)
    parts = vae.parts()
    assert list(parts) == ["encoder", "posterior", "decoder"]
    first = tfzero.export_encoder(parts["posterior"], tmp_path / "posterior")
    second = tfzero.export_generator(parts["decoder"], tmp_path / "decoder")
    latents = serve(first, images)
    assert latents["stddev"].shape == (40, 5) and (latents["stddev"] > 0).all()
    restored = serve(second, latents["mean"])["pixels"]
    np.testing.assert_allclose(restored, vae.reconstruct(images), atol=1e-5)
    for version in (first, second):
        assert fresh_process.check_version(version) == []
    assert tfzero.export_encoder(vae.parts()["posterior"], tmp_path / "posterior") == first


def build_generator(activation):
    latents = keras.Input((5,))
    x = keras.layers.Dense(8 * 8 * 3, activation=activation)(latents)
    return keras.Model(latents, keras.layers.Reshape((8, 8, 3))(x))


@pytest.fixture(scope="module")
def generator(tmp_path_factory):
    """A version of a generator of five latents."""
    return tfzero.export_generator(build_generator("sigmoid"), tmp_path_factory.mktemp("pixels"))


def test_a_generator_that_ends_in_tanh(tmp_path):
    model = build_generator("tanh")
    with pytest.raises(InputError, match=r"pixels lie in -.*pixel_range=\(-1, 1\)"):
        tfzero.export_generator(model, tmp_path)
    version = tfzero.export_generator(model, tmp_path, pixel_range=(-1, 1))
    latents = np.eye(5, dtype=np.float32)
    wanted = (model(latents) + 1) / 2
    np.testing.assert_allclose(serve(version, latents)["pixels"], wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("latents", "message"),
    [
        (np.zeros((2, 4), np.float32), r"\[2,4\] is not compatible"),
        (np.zeros((0, 5), np.float32), "The batch is empty"),
        (np.full((1, 5), np.nan, np.float32), "NaN or infinity"),
    ],
)
def test_bad_latents_are_refused(generator, latents, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        serve(generator, latents)


def two_outputs(first="scores", **names):
    inputs = keras.Input(SHAPE)
    flat = keras.layers.Flatten()(inputs)
    return keras.Model(inputs, {first: keras.layers.Softmax()(flat), **names})


def test_what_cannot_be_served_so_is_refused(tmp_path):
    refusals = [
        (lambda: tfzero.export_savedmodel(two_outputs(), tmp_path), "returns dict; expected one"),
        (lambda: tfzero.export_encoder(two_outputs("a/b"), tmp_path), 'returns "a/b"'),
        (lambda: tfzero.export_generator(two_outputs(), tmp_path), r"expected latents \(Z,\)"),
        (
            lambda: tfzero.export_savedmodel(build_classifier(), tmp_path, pixel_range=(1, 0)),
            r"pixel_range is \(1, 0\); expected the pixel values",
        ),
        (
            lambda: tfzero.export_encoder(build_classifier(), tmp_path, pixel_range=3),
            "pixel_range is 3; expected the pixel values",
        ),
        (lambda: tfzero.export_savedmodel(build_classifier(), tmp_path), "from_logits=True"),
        (
            lambda: tfzero.export_savedmodel(
                build_classifier(activation="softmax"), tmp_path, from_logits=True
            ),
            "already returns probabilities",
        ),
    ]
    for export, message in refusals:
        with pytest.raises(InputError, match=message):
            export()
    assert layout.list_versions(tmp_path) == []
