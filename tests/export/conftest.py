from __future__ import annotations

import io
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import PIL.Image
import pytest
import tensorflow as tf

from tfzero.export import export_savedmodel

# Not square, so that a swap of height and width shows.
SHAPE = (12, 9, 1)
CLASS_NAMES = ["boot", "été", "鞋"]


class WithEncoder(keras.Model):
    """Has the outline of `tfzero.Classifier`: an encoder and a head."""

    def __init__(self, encoder, count):
        super().__init__()
        self.encoder = encoder
        self.head = keras.layers.Dense(count, activation="softmax", name="head")
        self.head.build(encoder.output_shape)
        self.unused = self.add_weight(name="unused", initializer="ones")  # for training alone

    def call(self, images, training=False):
        return self.head(self.encoder(images, training=training))


def build_model(seed=0, shape=SHAPE):
    keras.utils.set_random_seed(seed)
    inputs = keras.Input(shape)
    x = keras.layers.Rescaling(2.0, offset=-1.0, name="center")(inputs)
    x = keras.layers.Conv2D(64, 3, strides=2, activation="silu", name="conv")(x)
    x = keras.layers.Dropout(0.5, name="dropout")(keras.layers.Flatten(name="flat")(x))
    encoder = keras.Model(inputs, keras.layers.Dense(128, name="features")(x), name="encoder")
    # Strong weights, so that the classes differ and a wrong pixel moves the scores.
    encoder.set_weights([3 * weights for weights in encoder.get_weights()])
    return WithEncoder(encoder, len(CLASS_NAMES))


def encode(image, kind="PNG", **options):
    if isinstance(image, np.ndarray):
        image = PIL.Image.fromarray(image)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def model():
    return build_model()


@pytest.fixture(scope="session")
def version(model, build_once):
    notes = {"accuracy": 0.9, "study": {"seeds": 5}}

    def export(base):
        export_savedmodel(model, base / "shoes", class_names=CLASS_NAMES, notes=notes)

    return build_once("shoes", export) / "shoes" / "1"


@pytest.fixture(scope="session")
def signatures(version):
    return tf.saved_model.load(str(version)).signatures


@pytest.fixture(scope="session")
def images():
    coarse = np.random.default_rng(7).integers(0, 256, (6, 2, 2, 1), dtype=np.uint8)
    return coarse.repeat(6, axis=1).repeat(5, axis=2)[:, :12, :9]


@pytest.fixture(scope="session")
def expected(model, images):
    return model(tf.constant(images.astype(np.float32) / 255), training=False).numpy()
