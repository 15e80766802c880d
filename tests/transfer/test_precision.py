"""Every strategy trains a network of mixed precision, and as far as one of float32."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfzero
from tests.conftest import build_small_encoder, draw_bars
from tests.data.pictures import make_pixels
from tests.pretrain.cases import SHAPE, assert_same_state, make_method, read_state
from tests.transfer.cases import NETWORKS, TUNED, fit
from tfzero.common.compiled import borrow_compiled
from tfzero.common.loss_scaling import LossScaling
from tfzero.common.precision import find_precision
from tfzero.common.surroundings import PRECISIONS, own_settings
from tfzero.data.pipeline import stream_batches
from tfzero.transfer import STRATEGIES, Budget, Classifier
from tfzero.transfer.features import read_blocks
from tfzero.transfer.joint import JointNetwork

IMAGES, LABELS = draw_bars(40, seed=0)
POOL = make_pixels(24, *SHAPE, seed=1)
MIXED = pytest.mark.parametrize("precision", PRECISIONS[1:])


def build(precision):
    """Returns an encoder whose features are in half precision."""
    with own_settings(precision):
        return build_small_encoder(SHAPE)


@functools.cache
def train(strategy, precision):
    """Returns the result of a fit, and how far each weight of the encoder moved."""
    encoder = build(precision)
    fitted = fit(strategy, encoder, IMAGES, LABELS, budget=Budget(steps=24, batch_size=8))
    pairs = zip(fitted.model.encoder.get_weights(), encoder.get_weights(), strict=True)
    return fitted, np.array([np.sqrt(np.mean((new - old) ** 2)) for new, old in pairs])


@pytest.mark.parametrize(
    ("strategy", "precision"),
    [
        pytest.param(name, precision, marks=() if quick else pytest.mark.slow)
        for name in NETWORKS
        for precision, quick in (("mixed_float16", True), ("mixed_bfloat16", name == "finetune"))
    ],
)
def test_networks_move_about_as_far_as_in_float32_and_give_float32(strategy, precision):
    fitted, moved = train(strategy, precision)
    found = fitted.predict(IMAGES)
    assert found.dtype == np.float32 and fitted.model(IMAGES).dtype == tf.float32
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    assert (found.argmax(axis=1) == LABELS).mean() > 0.9
    assert find_precision(fitted.model) == precision
    assert {weight.dtype for weight in fitted.model.weights} == {"float32", "int32"}
    expected = train(strategy, "float32")[1]
    if strategy in TUNED:
        ratio = moved / expected
        assert moved.min() > 1e-4 and 0.6 < ratio.min() and ratio.max() < 1.6, ratio


@MIXED
@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name not in NETWORKS])
def test_strategies_without_a_network_of_their_own_read_float32(strategy, precision):
    found = fit(strategy, build(precision), IMAGES, LABELS).predict(IMAGES)
    assert found.dtype == np.float32 and (found.argmax(axis=1) == LABELS).mean() > 0.9
    assert read_blocks(build(precision), IMAGES)[0].dtype == np.float32


def make_joint(precision):
    """Returns a network of two optimizers, compiled: with the loss of a GAN."""
    method = make_method("gan", encoder=build(precision))
    classifier = Classifier(method.encoder, 4, augment=True, seed=2)
    network = JointNetwork(classifier, method, averaging=0.9)
    network.compile(keras.optimizers.Adam(2e-3), steps_per_execution=2)
    return network


def fit_joint(network, *, epochs, done=0):
    """Trains for epochs of two steps, in the order that a run from the start would have."""
    batches = tf.data.Dataset.zip(
        stream_batches(IMAGES, LABELS, batch_size=4, seed=1, start=2 * done),
        stream_batches(POOL, batch_size=6, seed=2, start=2 * done),
    )
    settings = {"steps_per_epoch": 2, "initial_epoch": done, "epochs": epochs}
    network.fit(batches, shuffle=False, verbose=0, **settings)
    return network


@pytest.mark.parametrize(
    "precision", ["mixed_float16", pytest.param("mixed_bfloat16", marks=pytest.mark.slow)]
)
def test_a_joint_training_continues_as_if_never_stopped(precision, tmp_path):
    whole = fit_joint(make_joint(precision), epochs=3)
    scales = precision == "mixed_float16"
    for optimizer in (whole.optimizer, whole.opponent_optimizer):
        assert isinstance(optimizer, LossScaling) == scales
        assert int(optimizer.iterations.numpy()) == 6
    fit_joint(make_joint(precision), epochs=2).save(tmp_path / "half.keras")
    resumed = tfzero.load_model(tmp_path / "half.keras")
    assert_same_state(read_state(whole), read_state(fit_joint(resumed, epochs=3, done=2)))


def test_a_classifier_scales_its_loss_in_keras_fit_and_goes_on_from_its_file(tmp_path):
    def compiled():
        network = Classifier(build("mixed_float16"), 4, augment=True)
        network.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return network

    def fit_on(network, epochs, done=0):
        batches = stream_batches(IMAGES, LABELS, batch_size=8, seed=1, start=5 * done)
        network.fit(
            batches, steps_per_epoch=5, initial_epoch=done, epochs=epochs, shuffle=False, verbose=0
        )
        return network

    whole = fit_on(compiled(), 3)
    assert (
        isinstance(whole.optimizer, LossScaling) and int(whole.optimizer.iterations.numpy()) == 15
    )
    fit_on(compiled(), 2).save(tmp_path / "half.keras")
    resumed = tfzero.load_model(tmp_path / "half.keras")
    assert_same_state(read_state(whole), read_state(fit_on(resumed, 3, done=2)))


@MIXED
def test_a_borrowed_network_has_the_same_precision_and_another_than_one_of_float32(precision):
    twins = {}
    for each in (precision, "float32"):
        with borrow_compiled(Classifier(build(each), 4)) as twin:
            twins[each] = twin
            assert find_precision(twin) == each
    assert twins[precision] is not twins["float32"]


def test_a_linear_network_of_pixels_is_float32_whatever_keras_is_set_to():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        fitted = fit("svm", None, IMAGES, LABELS)
        model = STRATEGIES["svm"].to_model(fitted, encoder=None, image_shape=SHAPE)
        found = model(IMAGES)
    finally:
        keras.config.set_dtype_policy("float32")
    assert found.dtype == tf.float32
    np.testing.assert_allclose(found, fitted.predict(IMAGES), atol=1e-4)
