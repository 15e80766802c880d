import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfzero
from tests.conftest import build_small_encoder, draw_bars
from tests.pretrain.cases import (
    TYPICAL_METHODS,
    assert_same_state,
    compile_method,
    make_method,
    read_state,
)
from tfzero.common.checks import InputError
from tfzero.pretrain import METHODS, alarms
from tfzero.pretrain.alarms import describe_alarms, describe_losses
from tfzero.pretrain.base import Pretrainer
from tfzero.pretrain.signs import Sign, choose_images, find_signs, rank_me

IMAGES, _ = draw_bars(256, seed=5)


class Still(Pretrainer):
    """A method that learns nothing, and whose loss is given."""

    def __init__(self, *, loss=1.0):
        super().__init__(build_small_encoder(), loss_names=("loss",), seed=0)
        self.given = loss
        self.built = True

    def train_step(self, data):
        return self.track(self.take_images(data), loss=tf.constant(self.given))

    test_step = train_step


class Repeating(Still):
    """Generates two of the images over and over, each a little changed."""

    def generate(self, count, *, seed=0):
        noise = tf.random.stateless_normal((count, 8, 8, 1), (seed, 0), stddev=0.01)
        return np.tile(IMAGES[:2] / np.float32(255), (count // 2, 1, 1, 1)) + noise


class Faithful(Still):
    """Generates images like the real ones."""

    def generate(self, count, *, seed=0):
        return draw_bars(count, seed=seed)[0] / np.float32(255)


class Disturbing(Still):
    """Has views that are the image and noise."""

    noise = 0.1

    def draw_views(self, images, *, seed):
        shape = tf.shape(images)
        first, second = (
            tf.random.stateless_normal(shape, seed + stream, stddev=self.noise) for stream in (0, 1)
        )
        keep = 0.0 if self.noise >= 1 else 1.0
        return keep * images + first, keep * images + second


class Destroying(Disturbing):
    noise = 1.0


def watch(method, *, epochs=2, **settings):
    said = []
    watcher = tfzero.Alarms(IMAGES, say=said.append, **settings)
    if not method.compiled:
        method.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    method.fit(IMAGES, batch_size=64, epochs=epochs, verbose=0, callbacks=[watcher])
    assert said == list(watcher.raised.values())
    return watcher.raised


def test_a_loss_that_is_not_finite():
    raised = watch(Still(loss=float("nan")))
    assert set(raised) == {"loss not finite"}
    assert raised["loss not finite"].startswith(
        "Epoch 1, loss not finite: loss is nan (expected a finite number)."
    )
    assert "Lower the learning rate" in raised["loss not finite"]
    # A GAN's discriminator has an optimizer of its own, which clips nothing.
    assert "discriminator_learning_rate" in raised["loss not finite"]
    assert "the optimizer given to compile" in raised["loss not finite"]
    assert watch(Still(loss=1e30)) == {}


def test_features_that_are_all_alike():
    method = Still()
    kernel, bias, gain = method.encoder.get_layer("block1").weights
    gain.assign(0.001 * gain)
    bias.assign(bias + 1)
    raised = watch(method)
    assert set(raised) == {"representation collapse"}
    sentences = raised["representation collapse"]
    assert "effective rank (RankMe) of 1.0 of 96 possible (expected 2.9 or more)" in sentences
    assert "learning rate" in sentences


def test_a_posterior_that_ignores_the_image():
    method = make_method("vae")
    kernel = method.moments.kernel.numpy()
    kernel[:, :3] = 0
    method.moments.kernel.assign(kernel)
    raised = watch(method, epochs=1)
    sentences = raised["posterior collapse"]
    assert "0 of 3 latents depend on the image (expected 1 or more" in sentences
    assert "(beta)" in sentences and sentences.endswith("All are arguments of the method.")


@pytest.mark.parametrize(
    ("count", "active", "least"), [(1, 0, 1), (10, 0, 1), (11, 1, 2), (32, 3, 4), (70, 6, 7)]
)
def test_the_active_latents_expected_are_a_tenth_rounded_up(count, active, least):
    vae = make_method("vae", latent_dim=count)
    kernel = vae.moments.kernel.numpy()
    kernel[:, active:count] = 0
    kernel[:, :active] *= 100
    vae.moments.kernel.assign(kernel)
    [sign] = [sign for sign in find_signs(vae, IMAGES) if sign.name == "posterior collapse"]
    assert sign.is_low and (sign.value, sign.threshold) == (active, least)
    assert f"{active} of {count} latents depend on the image (expected {least} or" in sign.seen


def test_a_generator_of_one_image():
    method = make_method("gan")
    for network in (method.generator, method.averaged_generator):
        for weight in network.get_layer("logits").weights:
            weight.assign(0 * weight)
    method.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    method.discriminator_optimizer.learning_rate = 0.0
    raised = watch(method)
    assert set(raised) == {"mode collapse"}
    assert (
        "128 generated images vary 0 % as much as real ones (expected 5 % or more)"
        in (raised["mode collapse"])
    )
    assert "(r1_weight, an argument of the method)" in raised["mode collapse"]


def test_a_generator_of_black_and_white_alone():
    method = make_method("gan")
    for network in (method.generator, method.averaged_generator):
        kernel = network.get_layer("logits").weights[0]
        kernel.assign(1e4 * kernel)
    method.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    method.discriminator_optimizer.learning_rate = 0.0
    sentences = watch(method)["generator saturated"]
    assert "of the values of generated images lie between black and white, but" in sentences
    assert "(r1_weight, an argument of the method)" in sentences
    # Of images that are black and white themselves nothing is missed.
    images = np.where(IMAGES > 0.5 * IMAGES.max(), 255, 0).astype(np.uint8)
    assert "generator saturated" not in {sign.name for sign in find_signs(method, images)}
    assert "generator saturated" in {sign.name for sign in find_signs(method, IMAGES)}
    healthy = find_signs(make_method("gan"), IMAGES)
    assert not any(sign.is_low for sign in healthy if sign.name == "generator saturated")


def test_a_discriminator_is_asked_of_the_generator_it_meets():
    def is_saturated(method):
        return any(s.is_low for s in find_signs(method, IMAGES) if s.name == "generator saturated")

    for changed in ("generator", "averaged_generator"):
        method = make_method("gan")
        kernel = getattr(method, changed).get_layer("logits").kernel
        kernel.assign(1e4 * kernel)
        assert is_saturated(method) == (changed == "generator")


def test_a_generator_of_few_images():
    raised = watch(Repeating())
    assert set(raised) == {"mode collapse"}
    assert "% of 128 real ones (expected" in raised["mode collapse"]
    assert watch(Faithful()) == {}


@pytest.mark.slow
def test_training_for_the_prior_alone_ends_in_such_a_posterior():
    method = compile_method(make_method("vae", beta=1000.0), steps_per_execution=4)
    assert "posterior collapse" in watch(method, epochs=30, every=10)


@pytest.mark.slow
def test_a_discriminator_that_has_won():
    method = make_method("gan", r1_weight=0.0, discriminator_learning_rate=5e-3)
    # The generator never learns, and no penalty holds the discriminator back.
    method.compile(keras.optimizers.SGD(0.0), steps_per_execution=4)
    raised = watch(method, epochs=20, every=5)
    assert "the discriminator is wrong with a probability of" in raised["discriminator won"]
    assert "(expected 2 % or more; mean logit " in raised["discriminator won"]
    assert raised["discriminator won"].endswith("Both are arguments of the method.")


def test_views_that_share_nothing():
    raised = watch(Destroying())
    assert set(raised) == {"augmentation destroys the signal"}
    sentences = raised["augmentation destroys the signal"]
    assert "(expected 2.3 % or more; 0.78 % by chance)" in sentences
    assert "Reduce the augmentation" in sentences
    assert watch(Disturbing()) == {}


def find_views_sign(method):
    [sign] = [sign for sign in find_signs(method, IMAGES) if sign.measure == "views found"]
    return sign


def test_a_method_s_own_arguments_can_destroy_the_signal():
    assert find_views_sign(make_method("denoising", noise_stddev=50.0, mask_share=0.0)).is_low
    assert not find_views_sign(make_method("denoising")).is_low
    # Every image gray: what a view with too little left would be.
    for name in ("rotation", "simclr"):
        method = make_method(name)
        assert not find_views_sign(method).is_low
        method.views = dataclasses.replace(method.views, mask_share=1e3)
        assert find_views_sign(method).is_low, name
    assert find_views_sign(make_method("rotation", augment=False)).value == 1.0


def test_floats_that_training_refuses_are_refused():
    tfzero.Alarms(IMAGES / 255 * 1.2 - 0.1)
    with pytest.raises(InputError, match=r"images are floats in 0\.\.255; expected uint8 in 0"):
        tfzero.Alarms(IMAGES / IMAGES.max() * 255.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(METHODS))
def test_a_healthy_run_is_silent(name):
    method = compile_method(make_method(name), steps_per_execution=4)
    assert watch(method, epochs=40, every=10) == {}
    assert describe_alarms(method, IMAGES, {"loss": [1.0, 0.5]}) == []


def script(monkeypatch, *values):
    """Has `Alarms` see these numbers of one sign, against a threshold of 1."""
    left = list(values)
    monkeypatch.setattr(
        alarms,
        "find_signs",
        lambda *_, **__: [Sign("trouble", "it", left.pop(0), 1.0, "Seen.", "Change it.")],
    )
    return left


@pytest.mark.parametrize(
    ("values", "epoch"),
    [
        ((0.5, 0.5, 2.0), 2),  # low twice, and not rising
        ((0.5, 0.54, 2.0), 2),
        ((0.1, 0.2, 0.4, 2.0), None),  # on its way
        ((0.5, 2.0, 0.5, 2.0), None),  # low once
        ((2.0, 2.0, 0.5), 3),  # low at the end
        ((0.1, 0.3, 0.6), 3),
        ((0.0, 0.0, 2.0), 2),
    ],
)
def test_what_gets_better_raises_no_alarm(monkeypatch, values, epoch):
    left = script(monkeypatch, *values)
    raised = watch(Still(), epochs=len(values))
    assert left == []
    expected = {} if epoch is None else {"trouble": f"Epoch {epoch}, trouble: Seen. Change it."}
    assert raised == expected


def test_looks_each_so_many_epochs_and_at_the_end(monkeypatch):
    left = script(monkeypatch, 0.5, 0.5, 0.5, 2.0)
    assert watch(Still(), epochs=8, every=3)["trouble"].startswith("Epoch 6")
    assert left == [2.0]  # epochs 3, 6 and the last
    with pytest.raises(InputError, match="every is 0"):
        tfzero.Alarms(IMAGES, every=0)


@TYPICAL_METHODS
def test_watching_changes_nothing(name):
    plain, watched = (compile_method(make_method(name), run_eagerly=True) for _ in range(2))
    for method, callbacks in ((plain, []), (watched, [tfzero.Alarms(IMAGES)])):
        method.fit(IMAGES[:32], batch_size=16, verbose=0, shuffle=False, callbacks=callbacks)
    assert_same_state(read_state(plain), read_state(watched))


def test_other_keras_models_are_watched_by_their_features_alone():
    class Bearer(keras.Model):
        def __init__(self):
            super().__init__()
            self.encoder = build_small_encoder()

        def call(self, images):
            return self.encoder(images)

    assert [sign.name for sign in find_signs(Bearer(), IMAGES)] == ["representation collapse"]
    assert find_signs(build_small_encoder(), IMAGES) == []
    assert find_signs(Bearer(), IMAGES[:8]) == []  # too few to tell


def lose_weights(method):
    for weight in method.weights:
        if weight.dtype == "float32":
            weight.assign(np.nan * weight)


@pytest.mark.parametrize("name", list(METHODS))
def test_weights_that_are_not_finite_are_seen_by_their_features_alone(name):
    method = make_method(name)
    lose_weights(method)
    [sign] = find_signs(method, IMAGES)
    assert sign.is_low and sign.describe().startswith(
        "features not finite: the features of 256 of 256 images are not finite (expected"
    )
    # The images' fault, and the loss says so.
    assert find_signs(method, np.full((20, 8, 8, 1), np.nan, np.float32)) == []
    assert describe_alarms(method, IMAGES, {"loss": [1.0]}) == [sign.describe()]
    [told] = describe_alarms(method, IMAGES, {"loss": [float("nan")]})
    assert told.startswith("loss not finite")


def test_weights_lost_at_the_last_update_raise_an_alarm():
    class Lost(Still):
        """Loses its weights after a loss that is finite."""

        def train_step(self, data):
            found = super().train_step(data)
            lose_weights(self)
            return found

    raised = watch(Lost(), epochs=1)
    assert set(raised) == {"features not finite"}
    assert raised["features not finite"].startswith("Epoch 1, features not finite: ")
    assert set(watch(Lost(loss=float("nan")))) == {"loss not finite"}


def test_alarms_after_training_name_each_trouble_once():
    method = make_method("gan")
    for weight in method.averaged_generator.get_layer("logits").weights:
        weight.assign(0 * weight)
    history = {"a": [1.0, 2.0], "b": [1.0, float("inf")], "c": [float("nan"), 1.0]}
    found = describe_alarms(method, IMAGES, history)
    assert [sentences.partition(":")[0] for sentences in found] == [
        "loss not finite",
        "mode collapse",
    ]
    assert "b is inf in epoch 2 of 2" in found[0]
    assert describe_losses({"a": [1.0, 2.0]}) == []


def test_effective_rank():
    assert rank_me(np.eye(7)) == pytest.approx(7, rel=1e-4)
    assert rank_me(np.ones((9, 4))) == pytest.approx(1, rel=1e-4)
    # Singular values 3 and 1: shares 3/4 and 1/4.
    expected = np.exp(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25)))
    assert rank_me(np.array([[3.0, 0], [0, 1], [0, 0]])) == pytest.approx(expected, rel=1e-5)
    # Fewer rows than columns.
    assert rank_me(np.array([[3.0, 0, 0], [0, 1, 0]])) == pytest.approx(expected, rel=1e-5)
    assert rank_me(np.zeros((5, 3))) == pytest.approx(1, abs=1e-4)


def test_chosen_images_are_drawn_without_replacement():
    images = np.arange(1000).reshape(1000, 1, 1, 1)
    chosen = choose_images(images, seed=1).ravel()
    assert len(set(chosen.tolist())) == 256 and chosen.tolist() != sorted(chosen.tolist())
    assert sorted(choose_images(images[:9]).ravel()) == list(range(9))
