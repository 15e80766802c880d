import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import draw_bars
from tests.data.pictures import make_pixels
from tests.pretrain.cases import SHAPE, compile_method, make_method
from tfzero.common.checks import InputError
from tfzero.data.kinds import KINDS
from tfzero.data.pipeline import stream_batches
from tfzero.networks import build_encoder
from tfzero.networks.views import VIEWS, random_views
from tfzero.pretrain.simclr import SimCLR, find_equal
from tfzero.transfer import fit_classifier

IMAGES = make_pixels(5, *SHAPE, seed=3)
SCALED = (IMAGES / 255).astype(np.float32)


def slow_nt_xent(projections, temperature, images):
    """Chen et al. 2020, eq. 1, view by view; equal images are one."""
    rows = np.asarray(projections, np.float64)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    count, losses, right = len(rows), [], []
    for i in range(count):
        partner = (i + count // 2) % count
        others = {
            k: np.exp(rows[i] @ rows[k] / temperature)
            for k in range(count)
            if k == partner or (images[k % len(images)] != images[i % len(images)]).any()
        }
        losses.append(-np.log(others[partner] / sum(others.values())))
        right.append(max(others, key=others.get) == partner)
    return np.mean(losses), np.mean(right)


@pytest.mark.parametrize("temperature", [0.1, 1.0])
@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [0, 1, 0, 3, 0, 1]])
def test_losses_equal_loops(temperature, order):
    simclr = compile_method(make_method("simclr", temperature=temperature, seed=6))
    images = SCALED[order]
    terms = {k: float(v) for k, v in simclr.loss_terms(images, training=True).items()}
    twice = np.concatenate([images, images])
    both = random_views(twice, VIEWS["digits"], seed=tf.constant([6, 0]))  # seed 6, step 0
    projections = simclr.projection(simclr.hidden(simclr.encoder(both)))
    loss, accuracy = slow_nt_xent(projections, temperature, images)
    assert loss > 0.5
    assert terms["loss"] == pytest.approx(loss, rel=1e-4)
    assert terms["accuracy"] == pytest.approx(accuracy, abs=1e-6)


def test_training_descends_the_gradient_of_the_loss():
    rate = 1e-2
    simclr = make_method("simclr")
    simclr.compile(optimizer=keras.optimizers.SGD(rate), run_eagerly=True)
    twin = compile_method(make_method("simclr"))
    with tf.GradientTape() as tape:
        loss = twin.loss_terms(SCALED, training=True)["loss"]
    gradient = tape.gradient(loss, twin.trainable_weights)
    simclr.fit(IMAGES, epochs=1, shuffle=False, verbose=0)
    for moved, start, part in zip(
        simclr.trainable_weights, twin.trainable_weights, gradient, strict=True
    ):
        np.testing.assert_allclose(moved, start - rate * part, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_equal_images_are_found_and_no_others(compiled, channels):
    images = np.concatenate(
        [make_pixels(200, 9, 7, channels, seed=1), np.zeros((2, 9, 7, channels))]
    )
    images[150] = images[3]
    images[151], images[151, 4, 4, 0] = images[3], images[3, 4, 4, 0] // 2 + 1  # by one pixel
    order = np.random.default_rng(0).permutation(np.concatenate([np.arange(202), [3, 3, 77]]))
    images = (images[order] / 255).astype(np.float32)
    find = tf.function(find_equal, jit_compile=compiled)
    flat = images.reshape(len(images), -1)
    expected = (flat[:, None] == flat).all(axis=2)
    assert expected.sum() == 205 + 4 * 3 + 2 + 2
    np.testing.assert_array_equal(find(images), expected)


@pytest.mark.parametrize("eagerly", [True, False])
def test_a_batch_of_one_image_is_refused(eagerly):
    simclr = compile_method(make_method("simclr"), run_eagerly=eagerly)
    expected = ValueError if eagerly else (ValueError, tf.errors.InvalidArgumentError)
    with pytest.raises(expected, match="batch of 1 image arrived; expected at least 2"):
        simclr.fit(IMAGES, batch_size=4, epochs=1, verbose=0)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"temperature": -1.0}, "temperature is -1.0; expected at least 0.001"),
        ({"temperature": 0}, "temperature is 0; expected at least 0.001"),
        ({"hidden_dim": 0}, "hidden_dim is 0; expected an integer from 1"),
        ({"projection_dim": 2.5}, "projection_dim is 2.5; expected an integer from 1"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        make_method("simclr", **arguments)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_data_has_its_views(kind):
    simclr = make_method("simclr", kind=kind)
    assert simclr.views is VIEWS[kind]


@pytest.mark.parametrize("channels, kind", [(1, "digits"), (2, "digits"), (3, "photos")])
def test_the_kind_is_chosen_by_channels_unless_given(channels, kind):
    simclr = SimCLR(build_encoder((8, 8, channels), width=2))
    assert simclr.kind is None and simclr.views is VIEWS[kind]


def test_an_unknown_kind_is_refused():
    with pytest.raises(InputError, match='"photos"'):
        make_method("simclr", kind="photo")


@pytest.mark.slow
def test_learns_what_few_labels_cannot():
    """Bars in noise, one label a class: a probe on what views share finds the bars."""
    pool, _ = draw_bars(400, seed=3, contrast=0.15, noise=0.15)
    images, labels = draw_bars(8, seed=4, contrast=0.15, noise=0.15)
    test, truth = draw_bars(400, seed=5, contrast=0.15, noise=0.15)

    def score(encoder):
        fitted = fit_classifier("svm", encoder=encoder, images=images, labels=labels)
        return (fitted.predict(test).argmax(axis=1) == truth).mean()

    encoder = build_encoder(SHAPE, width=8, seed=0)
    untrained = score(encoder)
    simclr = SimCLR(encoder, seed=0)
    simclr.compile(optimizer=keras.optimizers.Adam(2e-3), steps_per_execution=10)
    batches = stream_batches(pool, batch_size=100, seed=0)
    history = simclr.fit(batches, steps_per_epoch=10, epochs=20, shuffle=False, verbose=0).history
    assert history["accuracy"][-1] > history["accuracy"][0] + 0.05
    assert score(encoder) > untrained + 0.05
