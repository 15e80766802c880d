import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import draw_bars
from tests.data.pictures import make_pixels
from tests.pretrain.cases import (
    SHAPE,
    assert_same_state,
    compile_method,
    make_method,
    read_state,
)
from tfzero.common.checks import InputError
from tfzero.data.pipeline import stream_batches
from tfzero.networks import build_encoder
from tfzero.pretrain import losses
from tfzero.pretrain.budget import PretrainingBudget
from tfzero.pretrain.gan import GAN
from tfzero.pretrain.run import pretrain
from tfzero.transfer import fit_classifier

IMAGES = make_pixels(5, *SHAPE, seed=3)
SCALED = (IMAGES / 255).astype(np.float32)


def penalty_gradient(gan):
    """Returns what R1 adds to the gradient of the real images' loss."""
    variables = gan.discriminator_variables
    _, gradient = gan._learn_real(tf.constant(SCALED), variables)
    with tf.GradientTape() as tape:
        loss = losses.realness_loss(gan.realness(gan.encoder(SCALED)), real=True)
    plain = tape.gradient(loss, variables)
    return [np.asarray(part - other) for part, other in zip(gradient, plain, strict=True)]


def loss_terms(gan, latents, *, training):
    return gan.loss_terms(
        gan._features_and_logits(SCALED, training=training),
        gan._judge_fakes(latents, training=training),
    )


def make_linear_gan(**arguments):
    """A GAN whose discriminator is linear: logit = (x @ first + b) @ second + c."""
    inputs = keras.Input(SHAPE)
    features = keras.layers.Dense(4, name="features")(keras.layers.Flatten()(inputs))
    gan = GAN(keras.Model(inputs, features), latent_dim=3, generator_width=4, **arguments)
    random = np.random.default_rng(8)
    gan.encoder.set_weights([random.normal(size=w.shape) for w in gan.encoder.get_weights()])
    gan.realness.set_weights([random.normal(size=w.shape) for w in gan.realness.get_weights()])
    return gan


def softplus(values):
    return np.logaddexp(0, np.asarray(values, np.float64))


@pytest.mark.parametrize("weight, interval", [(1.0, 1), (3.0, 4)])
def test_r1_gradient_of_a_linear_discriminator_is_exact(weight, interval):
    gan = compile_method(make_linear_gan(r1_weight=weight, r1_interval=interval))
    first, _, second, _ = (np.asarray(v, np.float64) for v in gan.discriminator_variables)
    # The logit's gradient to any image is first @ second; the penalty, weighted up for the steps
    # between, is weight / 2 * interval * |first @ second|^2.
    slope = first @ second
    factor = weight * interval
    expected = [factor * slope @ second.T, np.zeros(4), factor * first.T @ slope, np.zeros(1)]
    for ours, exact in zip(penalty_gradient(gan), expected, strict=True):
        np.testing.assert_allclose(ours, exact, rtol=1e-4, atol=1e-4)


def test_r1_is_computed_on_each_intervals_first_step():
    gan = compile_method(make_linear_gan(r1_weight=1.0, r1_interval=3))
    computed = []
    for step in range(7):
        gan.discriminator_optimizer.iterations.assign(step)
        computed.append(any(np.abs(part).max() > 1e-3 for part in penalty_gradient(gan)))
    assert computed == [True, False, False, True, False, False, True]
    gan = compile_method(make_linear_gan(r1_weight=0.0, r1_interval=1))
    assert all(np.abs(part).max() < 1e-6 for part in penalty_gradient(gan))


@pytest.mark.parametrize("layer, step", [("realness", 0.1), ("block4", 1e-3), ("block1", 1e-3)])
def test_r1_gradient_agrees_with_differences(layer, step):
    encoder = build_encoder((8, 8, 1), width=4, seed=0)
    gan = compile_method(make_method("gan", encoder=encoder, r1_weight=2.0, r1_interval=1))

    def penalty():
        images = tf.constant(SCALED)
        with tf.GradientTape() as tape:
            tape.watch(images)
            logits = gan.realness(gan.encoder(images))
        slopes = np.asarray(tape.gradient(logits, images), np.float64)
        return 2.0 / 2 * (slopes**2).sum() / len(slopes)

    gradient = penalty_gradient(gan)
    kernel = (gan.realness if layer == "realness" else gan.encoder.get_layer(layer)).kernel
    place = [variable is kernel for variable in gan.discriminator_variables].index(True)
    part = np.asarray(gradient[place])
    direction = part / np.linalg.norm(part)
    start = kernel.numpy()
    kernel.assign(start + step * direction)
    above = penalty()
    kernel.assign(start - step * direction)
    slope = (above - penalty()) / (2 * step)
    assert slope > 0.1
    # Along the head's kernel the penalty is quadratic, so that differences are exact.
    tolerance = 1e-3 if layer == "realness" else 0.05
    assert np.linalg.norm(part) == pytest.approx(slope, rel=tolerance)


@pytest.mark.parametrize("generator_loss", ["nonsaturating", "feature_matching"])
def test_losses_equal_numpy(generator_loss):
    gan = compile_method(make_method("gan", generator_loss=generator_loss))
    latents = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
    terms = loss_terms(gan, latents, training=False)
    fakes = tf.sigmoid(gan.generator(latents))
    real = np.asarray(gan.realness(gan.encoder(SCALED)), np.float64)
    fake = np.asarray(gan.realness(gan.encoder(fakes)), np.float64)
    expected = {
        "discriminator_loss": softplus(-real).mean() + softplus(fake).mean(),
        "generator_loss": softplus(-fake).mean(),
        "real_logit": real.mean(),
        "fake_logit": fake.mean(),
    }
    if generator_loss == "feature_matching":
        features = [np.asarray(gan.encoder(images), np.float64) for images in (SCALED, fakes)]
        expected["generator_loss"] = 0.0
        for feature in range(features[0].shape[1]):
            means = [part[:, feature].sum() / 5 for part in features]
            expected["generator_loss"] += (means[0] - means[1]) ** 2
    assert set(terms) == set(expected)
    for name, value in expected.items():
        assert float(terms[name]) == pytest.approx(value, rel=1e-4, abs=1e-5), name


@pytest.mark.parametrize("generator_loss", ["nonsaturating", "feature_matching"])
def test_a_step_follows_both_gradients_as_they_were_before_it(generator_loss, monkeypatch):
    arguments = {"r1_weight": 5.0, "r1_interval": 2, "generator_loss": generator_loss}
    gan = compile_method(make_method("gan", seed=4, **arguments), run_eagerly=True)
    generator, discriminator = gan.generator.trainable_variables, gan.discriminator_variables
    given = {}
    for optimizer, variables in (
        (gan.optimizer, generator),
        (gan.discriminator_optimizer, discriminator),
    ):
        apply = optimizer.apply

        def record(gradient, weights, *, apply=apply, variables=variables):
            assert [id(weight) for weight in weights] == [id(weight) for weight in variables]
            given[id(variables)] = [np.asarray(part) for part in gradient]
            apply(gradient, weights)

        monkeypatch.setattr(optimizer, "apply", record)
    latents = tf.random.stateless_normal((5, 3), (4, 0))  # seed 4, step 0
    with tf.GradientTape(persistent=True) as tape:
        terms = loss_terms(gan, latents, training=True)
    expected_generator = tape.gradient(terms["generator_loss"], generator)
    expected = tape.gradient(terms["discriminator_loss"], discriminator)
    penalty = penalty_gradient(gan)
    assert max(np.abs(part).max() for part in penalty) > 1e-3
    gan.fit(IMAGES, epochs=1, shuffle=False, verbose=0)
    for ours, exact in zip(given[id(generator)], expected_generator, strict=True):
        np.testing.assert_allclose(ours, exact, rtol=1e-4, atol=1e-6)
    for ours, exact, extra in zip(given[id(discriminator)], expected, penalty, strict=True):
        np.testing.assert_allclose(ours, exact + extra, rtol=1e-4, atol=1e-6)


def test_the_discriminators_optimizer_has_its_own_rate():
    gan = compile_method(make_method("gan", discriminator_learning_rate=0.125))
    assert float(gan.discriminator_optimizer.learning_rate) == 0.125
    assert float(gan.optimizer.learning_rate) != 0.125


def test_each_image_is_judged_once_a_step(monkeypatch):
    gan = compile_method(make_method("gan", r1_interval=1), run_eagerly=True)
    judged, made = [], []
    for network, calls in ((gan.encoder, judged), (gan.generator, made)):
        call = network.call

        def count(inputs, *arguments, call=call, calls=calls, **settings):
            calls.append(len(inputs))
            return call(inputs, *arguments, **settings)

        monkeypatch.setattr(network, "call", count)
    gan.fit(IMAGES, epochs=1, verbose=0)  # a step with the penalty
    assert judged == [5, 5] and made == [5]


@pytest.mark.parametrize("averaging", [0.0, 0.15, 0.999])
def test_the_generators_average_over_time(averaging):
    gan = compile_method(make_method("gan", averaging=averaging), run_eagerly=True)
    average = [weight.numpy().astype(np.float64) for weight in gan.generator.weights]
    for step in range(1, 4):
        gan.fit(IMAGES, epochs=1, verbose=0)
        decay = min(averaging, (1 + step) / (10 + step))
        average = [
            decay * old + (1 - decay) * weight.numpy()
            for old, weight in zip(average, gan.generator.weights, strict=True)
        ]
    for weight, expected in zip(gan.averaged_generator.weights, average, strict=True):
        np.testing.assert_allclose(weight, expected, rtol=1e-4, atol=1e-6)
    # It is what generates, alone and as a part; nothing trains it.
    latents = tf.random.stateless_normal((3, 3), (7, 0))
    expected = tf.sigmoid(gan.averaged_generator(latents))
    np.testing.assert_allclose(gan.generate(3, seed=7), expected, rtol=1e-5)
    np.testing.assert_allclose(gan.parts()["generator"](latents), expected, rtol=1e-5)
    assert gan.averaged_generator.trainable_weights == []
    kernels = [network.weights[0].numpy() for network in (gan.averaged_generator, gan.generator)]
    assert (np.abs(kernels[0] - kernels[1]).max() < 1e-6) == (averaging == 0)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"generator_loss": "wgan"}, 'Unknown generator_loss "wgan"'),
        ({"r1_weight": -1}, "r1_weight is -1; expected at least 0"),
        ({"r1_interval": 0}, "r1_interval is 0; expected an integer from 1"),
        ({"latent_dim": 2.5}, "latent_dim is 2.5; expected an integer from 1"),
        (
            {"discriminator_learning_rate": -1e-3},
            "discriminator_learning_rate is -0.001; expected at least 0",
        ),
        ({"averaging": 1.5}, "averaging is 1.5; expected 0 to 1"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        make_method("gan", **arguments)


@pytest.mark.slow
def test_learns_to_generate_and_to_tell_real_images():
    """Measured over 5 seeds: cosine to the nearest kind of bar 0.16 to 0.27 before, 0.85 to 0.91
    after; real images above scrambled ones in 0.24 to 0.40 of all pairs before, 0.94 after.
    """
    pool, _ = draw_bars(640, seed=1)
    test, _ = draw_bars(300, seed=2)
    kinds = draw_bars(4, seed=0, noise=0.0)[0].reshape(4, -1).astype(float)
    # The same pixels in another order: brightness alone tells nothing.
    order = np.random.default_rng(0)
    scrambled = order.permuted(test.reshape(300, -1), axis=1).reshape(test.shape)

    def measure(gan):
        fakes = np.asarray(gan.generate(300, seed=9), np.float64).reshape(300, -1)
        fakes -= fakes.mean(axis=1, keepdims=True)
        known = kinds - kinds.mean(axis=1, keepdims=True)
        fakes /= np.linalg.norm(fakes, axis=1, keepdims=True)
        cosines = fakes @ (known / np.linalg.norm(known, axis=1, keepdims=True)).T
        shares = np.bincount(cosines.argmax(axis=1), minlength=4) / 300
        real, false = (np.asarray(gan.realness(gan(images))) for images in (test, scrambled))
        return cosines.max(axis=1).mean(), shares.min(), (real > false.T).mean()

    gan = GAN(
        build_encoder((8, 8, 1), width=4, seed=0),
        latent_dim=4,
        r1_weight=0.1,
        r1_interval=4,
        discriminator_learning_rate=4e-3,
        generator_width=8,
        seed=0,
    )
    gan.compile(keras.optimizers.Adam(4e-3, beta_1=0.5), steps_per_execution=20)
    match, _, told = measure(gan)
    assert match < 0.4 and told < 0.6
    gan.fit(
        stream_batches(pool, batch_size=32, seed=0), steps_per_epoch=200, shuffle=False, verbose=0
    )
    match, rarest, told = measure(gan)
    assert match > 0.75
    assert rarest > 0.08  # no kind is missing
    assert told > 0.8


@pytest.mark.parametrize(
    "generator_loss",
    ["nonsaturating", "feature_matching"],
)
@pytest.mark.slow
def test_learns_features_that_a_probe_reads(generator_loss):
    """Faint bars in noise, 2 labels a class. Over 3 encoders 0.64 to 0.73 before, 0.77 to 0.91
    after, and every one better than it was.
    """
    pool, _ = draw_bars(640, seed=1, contrast=0.3, noise=0.3)
    test = draw_bars(400, seed=3, contrast=0.3, noise=0.3)

    def probe_accuracy(encoder):
        found = []
        for seed in (20, 21, 22):
            images, labels = draw_bars(8, seed=seed, contrast=0.3, noise=0.3)
            fitted = fit_classifier("probe", encoder=encoder, images=images, labels=labels)
            found.append((fitted.predict(test[0]).argmax(axis=1) == test[1]).mean())
        return np.mean(found)

    encoder = build_encoder((8, 8, 1), width=4, seed=2)
    untrained = probe_accuracy(encoder)
    gan = GAN(
        encoder,
        latent_dim=4,
        generator_loss=generator_loss,
        r1_weight=0.1,
        r1_interval=4,
        discriminator_learning_rate=2e-3,
        generator_width=8,
        seed=2,
    )
    budget = PretrainingBudget(epochs=10, batch_size=32, learning_rate=2e-3, decays=True)
    pretrain(gan, pool, budget=budget)
    trained = probe_accuracy(encoder)
    assert untrained < 0.7 and trained > 0.8, (untrained, trained)


def test_both_adams_have_the_same_momentum():
    gan = make_linear_gan(discriminator_learning_rate=0.125)
    ours = gan.make_optimizer(0.25)
    assert ours.beta_1 == gan.discriminator_optimizer.beta_1 == 0.5
    assert float(ours.learning_rate) == 0.25
    gan.compile()
    assert gan.optimizer.beta_1 == 0.5 and float(gan.optimizer.learning_rate) == 0.125


def test_compiled_again_both_networks_train_as_at_first():
    fresh, used = (compile_method(make_method("gan"), run_eagerly=True) for _ in range(2))
    start = used.get_weights()
    used.fit(IMAGES, batch_size=2, epochs=1, shuffle=False, verbose=0)  # 3 steps
    used.follow_rate(0.01)  # as at the end of a rate that falls
    used.set_weights(start)
    compile_method(used, run_eagerly=True)
    for gan in (fresh, used):
        gan.fit(IMAGES, batch_size=2, epochs=1, shuffle=False, verbose=0)
    assert_same_state(read_state(fresh), read_state(used))


def test_fakes_are_of_the_generator_that_is_trained():
    gan = make_method("gan")
    kernel = gan.generator.get_layer("logits").kernel
    kernel.assign(2 * kernel)
    expected = tf.sigmoid(gan.generator(tf.random.stateless_normal((3, 3), (7, 0))))
    np.testing.assert_allclose(gan.draw_fakes(3, seed=7), expected, rtol=1e-5)
    assert np.abs(gan.draw_fakes(3, seed=7) - gan.generate(3, seed=7)).max() > 1e-3
