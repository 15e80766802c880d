"""The one table that drives the contract tests: every method and how to build it small."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import build_small_encoder
from tfzero.pretrain import METHODS, find_method
from tfzero.pretrain.base import Pretrainer

SHAPE = (8, 8, 1)
# Everything that a default could change is given, so that tests do not depend on defaults.
ARGUMENTS = {
    "denoising": {"noise_stddev": 0.2, "mask_share": 0.5, "patch_size": 2, "decoder_width": 4},
    "gan": {
        "latent_dim": 3,
        "generator_loss": "nonsaturating",
        "r1_weight": 1.0,
        "r1_interval": 2,
        "discriminator_learning_rate": 2e-3,
        "averaging": 0.999,
        "generator_width": 4,
    },
    "distillation": {"kind": "digits", "loss": "squared"},
    "rotation": {"kind": "digits", "augment": True, "all_turns": False},
    "simclr": {"kind": "digits", "temperature": 0.5, "hidden_dim": 8, "projection_dim": 4},
    "vae": {
        "latent_dim": 3,
        "likelihood": "bernoulli",
        "beta": 1.0,
        "kl_warmup": 0,
        "free_bits": 0.0,
        "decoder_width": 4,
    },
}
# Choices that change what is trained or kept: (method, arguments).
CHOICES = [
    ("distillation", {"loss": "cosine"}),
    # R1 on every third step: continuing needs the right step, not only its parity.
    ("gan", {"r1_interval": 3, "generator_loss": "feature_matching", "averaging": 0.5}),
    ("rotation", {"augment": False, "all_turns": True}),
    ("vae", {"likelihood": "gaussian", "kl_warmup": 4, "free_bits": 0.01}),
]
# Colours are changed in a graph of their own, of methods that are told the kind of data.
PHOTOS = [
    (name, {"kind": "photos", "shape": (9, 12, 3)})
    for name, entry in METHODS.items()
    if entry.takes_kind
]
LEARNING_RATE = 2e-3
# Behaviour that comes from what all methods share: quick of a method with one optimizer and of one
# with two, slow of the others.
TYPICAL_METHODS = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in ("gan", "vae") else pytest.mark.slow)
        for name in METHODS
    ],
)


def make_method(name, *, shape=SHAPE, seed=0, encoder=None, **arguments):
    """Builds a small method, not compiled; the encoder starts equal whatever the seed."""
    encoder = build_small_encoder(shape) if encoder is None else encoder
    if METHODS[name].needs_teacher:
        takes = getattr(encoder, "input_shape", (None, *shape))
        arguments.setdefault("teacher", build_teacher(takes[1:]))
    return find_method(name)(encoder, seed=seed, **{**ARGUMENTS[name], **arguments})


def build_teacher(shape=SHAPE, *, seed=8):
    """Returns a small network of random weights to learn from; not frozen, as a user's may be."""
    inputs = keras.Input(shape)
    normal = keras.initializers.HeNormal
    x = keras.layers.Conv2D(5, 3, strides=2, activation="tanh", kernel_initializer=normal(seed))(
        inputs
    )
    # Statistics that must not move, and noise that must not be drawn.
    x = keras.layers.Dropout(0.5)(keras.layers.BatchNormalization()(x))
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x), name="teacher")


def list_able(ability):
    """Returns the names of the methods that can do something optional; at least one."""
    names = [name for name in METHODS if ability in vars(find_method(name))]
    assert names
    return names


def compile_method(method, **settings):
    """Compiles with Adam at a fixed learning rate; returns the method."""
    method.compile(optimizer=keras.optimizers.Adam(LEARNING_RATE), **settings)
    return method


def find_optimizers(method):
    """Returns the optimizers by attribute name, each once."""
    found = {}
    for name, value in vars(method).items():
        if isinstance(value, keras.optimizers.Optimizer) and value not in found.values():
            found[name] = value
    return found


def read_state(method):
    """Returns a copy of all that decides how training goes on: weights and optimizers."""
    state = {f"{k} {weight.path}": weight.numpy() for k, weight in enumerate(method.weights)}
    for name, optimizer in find_optimizers(method).items():
        for k, variable in enumerate(optimizer.variables):
            state[f"{name} {k}"] = variable.numpy()
    return state


def assert_same_state(first, second):
    """Fails unless two results of `read_state` are equal bit for bit."""
    # Keras numbers the names of layers, so only the order is compared.
    assert len(first) == len(second)
    for (name, ours), theirs in zip(first.items(), second.values(), strict=True):
        np.testing.assert_array_equal(ours, theirs, err_msg=name)


@keras.saving.register_keras_serializable("tests")
class Brightness(Pretrainer):
    """Learns features that tell how bright an image is: the cheapest method to train by steps.

    For tests of what surrounds the training of any method.
    """

    def __init__(self, encoder, *, seed=0):
        super().__init__(encoder, loss_names=("loss",), seed=seed)
        self.head = keras.layers.Dense(1, kernel_initializer=keras.initializers.GlorotUniform(seed))
        self.head.build((None, encoder.output_shape[-1]))
        self.built = True

    def compute(self, images):
        bright = keras.ops.mean(images, axis=(1, 2))
        return keras.ops.mean((self.head(self.encode(images, training=True)) - bright) ** 2)

    def train_step(self, data):
        images = self.take_images(data)
        with tf.GradientTape() as tape:
            loss = self.compute(images)
        variables = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return self.track(images, loss=loss)

    def test_step(self, data):
        images = self.take_images(data)
        return self.track(images, loss=self.compute(images))
