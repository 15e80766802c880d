"""Every method trains with an encoder of mixed precision, and as far as with one of float32."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfzero
from tests.conftest import build_small_encoder
from tests.data.pictures import make_pixels
from tests.pretrain.cases import (
    SHAPE,
    Brightness,
    assert_same_state,
    compile_method,
    find_optimizers,
    make_method,
    read_state,
)
from tfzero.common.checks import InputError
from tfzero.common.loss_scaling import LossScaling
from tfzero.common.precision import find_precision
from tfzero.common.surroundings import PRECISIONS, own_settings
from tfzero.data.pipeline import stream_batches
from tfzero.networks.copies import as_float32
from tfzero.pretrain import METHODS
from tfzero.pretrain.budget import default_budget
from tfzero.pretrain.run import pretrain

IMAGES = make_pixels(24, *SHAPE, seed=1)
STEPS = 15
EVERY_METHOD = pytest.mark.parametrize("name", list(METHODS))
QUICK = [*((name, "mixed_float16") for name in METHODS), ("rotation", "mixed_bfloat16")]
MIXED = pytest.mark.parametrize("precision", PRECISIONS[1:])
# Scaling is what fails silently; without it one method stands for all.
SCALED_OF_ALL = pytest.mark.parametrize(
    ("name", "precision"),
    [
        pytest.param(name, precision, marks=() if (name, precision) in QUICK else pytest.mark.slow)
        for name in METHODS
        for precision in PRECISIONS[1:]
    ],
)


def make(name, precision, **arguments):
    """Returns a method around an encoder whose features are in half precision."""
    with own_settings(precision):
        encoder = build_small_encoder(SHAPE)
    return make_method(name, encoder=encoder, **arguments)


@functools.cache
def train(name, precision):
    """Returns a method after some steps, its losses, and how far each weight moved."""
    method = make(name, precision)
    weights = method.trainable_weights
    before = [weight.numpy() for weight in weights]
    method.compile(keras.optimizers.Adam(2e-3), run_eagerly=True)
    history = method.fit(IMAGES, batch_size=8, epochs=STEPS // 3, shuffle=False, verbose=0).history
    moved = [
        float(np.sqrt(np.mean((weight.numpy() - old) ** 2)))
        for weight, old in zip(weights, before, strict=True)
    ]
    return method, history, np.array(moved)


@SCALED_OF_ALL
def test_weights_move_about_as_far_as_in_float32(name, precision):
    method, history, moved = train(name, precision)
    assert all(np.isfinite(values).all() for values in history.values())
    expected = train(name, "float32")[2]
    assert len(moved) == len(expected) >= 5 and moved.min() > 1e-5
    # The first steps in float16 change nothing, until the scale suits the loss.
    ratio = moved / expected
    assert 0.7 < np.median(ratio) < 1.3 and 0.5 < ratio.min() and ratio.max() < 2, ratio
    assert {weight.dtype for weight in method.weights} == {"float32", "int32"}
    assert find_precision(method) == method.precision == precision


@MIXED
@EVERY_METHOD
def test_features_losses_and_images_leave_as_float32(name, precision):
    method, _, _ = train(name, precision)
    assert method.encoder(IMAGES[:2] / 255).dtype == precision.removeprefix("mixed_")
    assert method(IMAGES).dtype == tf.float32
    assert method.predict(IMAGES, verbose=0).dtype == np.float32
    scaled = tf.constant(IMAGES / 255, tf.float32)
    if method.can("read_unlabeled") and name != "gan":  # whose loss asks a classifier
        assert method.read_unlabeled(scaled, None)[0].dtype == tf.float32
    found = [getattr(method, each)(scaled) for each in ("reconstruct",) if method.can(each)]
    found += [method.generate(2)] if method.can("generate") else []
    found += [method.decode(np.zeros((1, 3), np.float32))] if method.can("decode") else []
    found += [method.discriminate(scaled)] if method.can("discriminate") else []
    found += method.posterior(scaled, training=False) if method.can("posterior") else []
    assert all(each.dtype == tf.float32 for each in found)


@EVERY_METHOD
def test_only_float16_scales_and_every_optimizer_does(name):
    for precision, scales in (("mixed_float16", True), ("mixed_bfloat16", False)):
        optimizers = find_optimizers(train(name, precision)[0]).values()
        assert [isinstance(each, LossScaling) for each in optimizers] == [scales] * len(optimizers)
        assert all(int(each.iterations.numpy()) == STEPS for each in optimizers)


@pytest.mark.parametrize(
    ("name", "precision"),
    [
        ("gan", "mixed_float16"),
        pytest.param("vae", "mixed_float16", marks=pytest.mark.slow),
        pytest.param("gan", "mixed_bfloat16", marks=pytest.mark.slow),
        pytest.param("simclr", "mixed_bfloat16", marks=pytest.mark.slow),
    ],
)
def test_saved_training_continues_as_if_never_stopped(name, precision, tmp_path):
    def fit(method, epochs, done=0):
        batches = stream_batches(IMAGES, batch_size=8, seed=1, start=3 * done)
        method.fit(
            batches, steps_per_epoch=3, initial_epoch=done, epochs=epochs, shuffle=False, verbose=0
        )
        return method

    whole = fit(compile_method(make(name, precision)), 3)
    fit(compile_method(make(name, precision)), 2).save(tmp_path / "half.keras")
    resumed = tfzero.load_model(tmp_path / "half.keras")
    assert find_precision(resumed) == precision
    assert_same_state(read_state(whole), read_state(fit(resumed, 3, done=2)))


def test_a_run_of_the_librarys_own_counts_steps_that_changed_nothing():
    method = make("denoising", "mixed_float16")
    pretrain(method, IMAGES, budget=default_budget(len(IMAGES), epochs=6))
    optimizer = method.optimizer
    assert isinstance(optimizer, LossScaling)
    assert int(optimizer.iterations.numpy()) == 6 * default_budget(24).steps_per_epoch(24)
    assert 0 < int(optimizer.inner_optimizer.iterations.numpy())
    assert optimizer.dynamic_scale.numpy() <= optimizer.initial_scale


def test_noise_is_another_after_a_step_that_changed_nothing():
    method = make("vae", "mixed_float16")
    method.compile(LossScaling(keras.optimizers.Adam(), initial_scale=2.0**120), run_eagerly=True)
    before = method.step_seed()
    weights = method.get_weights()
    method.fit(IMAGES[:8], batch_size=8, verbose=0)
    for ours, theirs in zip(method.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert method.optimizer.dynamic_scale.numpy() == 2.0**119
    assert (before.numpy() != method.step_seed().numpy()).any()


def test_a_method_from_outside_that_does_not_scale_its_loss_is_told():
    with own_settings("mixed_float16"):
        encoder = build_small_encoder(SHAPE)
    method = Brightness(encoder)
    method.compile("adam")
    with pytest.raises(InputError, match=r"not scaled.*self\.optimizer\.scale_loss\(loss\)"):
        method.fit(IMAGES, batch_size=8, verbose=0)


def test_compiling_again_starts_the_scale_again():
    method = make("gan", "mixed_float16")
    method.compile()
    method.discriminator_optimizer.dynamic_scale.assign(2.0)
    method.compile()
    assert method.discriminator_optimizer.dynamic_scale.numpy() == 2.0**15
    rate = float(method.discriminator_optimizer.learning_rate)
    assert rate == pytest.approx(method.discriminator_learning_rate)


@MIXED
def test_what_is_exported_computes_in_float32(precision):
    method = make("vae", precision)
    for name, part in method.parts().items():
        inputs = np.random.default_rng(0).random((2, *part.input_shape[1:]), np.float32)
        plain = as_float32(part)
        assert find_precision(plain) == "float32" and find_precision(part) == precision
        found, expected = plain(inputs), part(inputs)
        for ours, theirs in zip(tf.nest.flatten(found), tf.nest.flatten(expected), strict=True):
            theirs = tf.cast(theirs, tf.float32)
            np.testing.assert_allclose(ours, theirs, atol=0.05, err_msg=name)
    plain = make("vae", "float32").encoder
    assert as_float32(plain) is plain
