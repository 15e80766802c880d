import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import norm

from tests.conftest import draw_bars
from tests.data.pictures import make_pixels
from tests.pretrain.cases import SHAPE, compile_method, make_method
from tfzero.common.checks import InputError
from tfzero.common.seeds import derive_seed
from tfzero.data.pipeline import stream_batches
from tfzero.networks import build_encoder
from tfzero.pretrain import vae as vae_module
from tfzero.pretrain.vae import VAE
from tfzero.transfer import fit_classifier

IMAGES = make_pixels(5, *SHAPE, seed=3)
SCALED = (IMAGES / 255).astype(np.float32)


def sigmoid(values):
    return 1 / (1 + np.exp(-np.asarray(values, np.float64)))


def spread_latents(vae, factor=20.0):
    """Scales the weights of the moments, so that latents differ from the prior."""
    kernel, bias = vae.moments.get_weights()
    vae.moments.set_weights([factor * kernel, bias + 0.3])


@pytest.mark.parametrize("beta", [0.0, 0.5, 4.0])
def test_losses_equal_numpy(beta):
    vae = compile_method(make_method("vae", beta=beta, seed=6))
    spread_latents(vae)
    terms = {name: float(value) for name, value in vae.loss_terms(SCALED, training=True).items()}
    moments = np.asarray(vae.moments(vae.encoder(SCALED)), np.float64)
    mean, log_variance = moments[:, :3], moments[:, 3:]
    noise = tf.random.stateless_normal((5, 3), (6, 0)).numpy()  # seed 6, step 0
    logits = vae.decoder((mean + np.exp(log_variance / 2) * noise).astype(np.float32))
    white = sigmoid(logits)
    pixels = SCALED * np.log(white) + (1 - SCALED) * np.log(1 - white)
    reconstruction = -pixels.sum() / 5
    kl = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).sum() / 5
    assert kl > 0.1
    assert terms["reconstruction"] == pytest.approx(reconstruction, rel=1e-4)
    assert terms["kl"] == pytest.approx(kl, rel=1e-4)
    assert terms["loss"] == pytest.approx(reconstruction + beta * kl, rel=1e-4)
    assert terms["elbo"] == pytest.approx(-reconstruction - kl, rel=1e-4)  # whatever beta is
    bits = (reconstruction + kl) / 64 / np.log(2)  # 8x8 pixels, black or white
    assert terms["bits_per_dimension"] == pytest.approx(bits, rel=1e-4)


def test_gaussian_pixels_equal_numpy():
    vae = compile_method(make_method("vae", likelihood="gaussian", seed=6))
    spread_latents(vae)
    vae.log_stddev.assign(np.log(0.05))
    stddev = 0.05 + 1 / 255
    assert float(vae.pixel_stddev()) == pytest.approx(stddev)
    terms = {name: float(value) for name, value in vae.loss_terms(SCALED, training=True).items()}
    moments = np.asarray(vae.moments(vae.encoder(SCALED)), np.float64)
    mean, log_variance = moments[:, :3], moments[:, 3:]
    noise = tf.random.stateless_normal((5, 3), (6, 0)).numpy()
    means = sigmoid(vae.decoder((mean + np.exp(log_variance / 2) * noise).astype(np.float32)))
    density = np.exp(-(((SCALED - means) / stddev) ** 2) / 2) / (stddev * np.sqrt(2 * np.pi))
    reconstruction = -np.log(density).sum() / 5
    assert terms["reconstruction"] == pytest.approx(reconstruction, rel=1e-4)
    assert terms["loss"] == pytest.approx(reconstruction + terms["kl"], rel=1e-4)
    # Bits that a code for 8-bit pixels takes: the density times the width of a value.
    bits = -np.log2(density / 255).sum() / 5 / 64 + terms["kl"] / 64 / np.log(2)
    assert terms["bits_per_dimension"] == pytest.approx(bits, rel=1e-4)


def test_the_pixels_stddev_is_learned_and_never_below_a_step():
    pool, _ = draw_bars(64, seed=1, noise=0.1)
    vae = compile_method(make_method("vae", likelihood="gaussian"))
    start = float(vae.pixel_stddev())
    vae.compile(optimizer=keras.optimizers.Adam(0.02))
    vae.fit(pool, batch_size=16, epochs=30, verbose=0)
    left = np.asarray(vae.reconstruct(pool)) - pool / 255
    assert float(vae.pixel_stddev()) < start / 1.5
    assert float(vae.pixel_stddev()) == pytest.approx(left.std(), rel=0.2)
    vae.log_stddev.assign(-1e4)
    assert float(vae.pixel_stddev()) == pytest.approx(1 / 255)
    with pytest.raises(InputError, match='"bernoulli", which has no standard deviation'):
        make_method("vae").pixel_stddev()


def test_the_kl_term_warms_up_by_steps_in_what_is_minimized_alone():
    vae = compile_method(make_method("vae", beta=0.5, kl_warmup=10))
    spread_latents(vae)
    vae.optimizer.build(vae.trainable_variables)
    for step, weight in [(0, 0.0), (1, 0.05), (5, 0.25), (10, 0.5), (99, 0.5)]:
        vae.optimizer.iterations.assign(step)
        terms = vae.loss_terms(SCALED, training=True)
        expected = float(terms["reconstruction"] + weight * terms["kl"])
        assert float(vae._warm_up(terms)) == pytest.approx(expected, rel=1e-5), step
        # The reported loss of one epoch compares with another's.
        expected = float(terms["reconstruction"] + 0.5 * terms["kl"])
        assert float(terms["loss"]) == pytest.approx(expected, rel=1e-5), step


def test_free_bits_replace_what_lies_below_them():
    vae = compile_method(make_method("vae", beta=0.5, free_bits=0.3))
    terms = vae.loss_terms(SCALED, training=True)  # a posterior near the prior: all below
    assert float(terms["kl"]) < 0.01
    expected = float(terms["reconstruction"]) + 0.5 * 3 * 0.3
    assert float(terms["loss"]) == pytest.approx(expected, rel=1e-6)
    spread_latents(vae, factor=200)  # all above
    terms = vae.loss_terms(SCALED, training=True)
    expected = float(terms["reconstruction"] + 0.5 * terms["kl"])
    assert float(terms["loss"]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_log_likelihood_equals_numpy(likelihood, monkeypatch):
    monkeypatch.setattr(vae_module, "_BATCH", 3)  # images 0 to 2, a sample at once; then 3 and 4
    vae = make_method("vae", likelihood=likelihood)
    spread_latents(vae)
    moments = np.asarray(vae.moments(vae.encoder(SCALED)), np.float64)
    result = vae.log_likelihood(IMAGES, num_samples=4, seed=7)
    for row, image in enumerate(SCALED):
        mean, stddev = moments[row, :3], np.exp(moments[row, 3:] / 2)
        start, count = 3 * (row // 3), min(3, 5 - 3 * (row // 3))
        weights = []
        for sample in range(4):
            seed = (derive_seed(7, start), sample)
            noise = tf.random.stateless_normal((1, count, 3), seed).numpy()[0, row - start]
            latents = mean + stddev * noise
            log_ratio = norm.logpdf(latents).sum() - norm.logpdf(latents, mean, stddev).sum()
            decoded = sigmoid(vae.decoder(latents[None].astype(np.float32)))[0]
            if likelihood == "bernoulli":
                pixels = image * np.log(decoded) + (1 - image) * np.log(1 - decoded)
            else:
                pixels = norm.logpdf(image, decoded, float(vae.pixel_stddev()))
            weights.append(np.exp(pixels.sum() + log_ratio))
        assert float(result[row]) == pytest.approx(np.log(np.mean(weights)), rel=1e-4)


def test_log_likelihood_comes_near_the_integral_over_the_prior():
    """One latent, so that log p(x) can be integrated by a grid."""
    vae = compile_method(make_method("vae", latent_dim=1, likelihood="gaussian"))
    vae.log_stddev.assign(np.log(0.6))
    spread_latents(vae, factor=2)
    kernel, bias = vae.decoder.get_layer("start").get_weights()
    vae.decoder.get_layer("start").set_weights([3 * kernel, bias])  # so that the latent matters
    grid = np.linspace(-6, 6, 2401)
    decoded = sigmoid(vae.decoder(grid[:, None].astype(np.float32)))  # (2401, 8, 8, 1)
    exact = []
    for image in SCALED:
        logs = norm.logpdf(image, decoded, float(vae.pixel_stddev())).sum(axis=(1, 2, 3))
        exact.append(np.log((np.exp(logs + norm.logpdf(grid))).sum() * (grid[1] - grid[0])))
    few, many = (vae.log_likelihood(IMAGES, num_samples=count) for count in (1, 4000))
    np.testing.assert_allclose(many, exact, atol=0.1)
    elbo = float(vae.loss_terms(SCALED, training=True)["elbo"])
    assert np.mean(few) < np.mean(exact) and elbo < np.mean(exact)
    assert np.mean(np.abs(few - np.array(exact))) > 0.1  # one sample is no estimate
    np.testing.assert_array_equal(few, vae.log_likelihood(IMAGES, num_samples=1, seed=0))
    assert (np.asarray(few) != np.asarray(vae.log_likelihood(IMAGES, num_samples=1, seed=1))).all()


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"likelihood": "gausian"}, 'Unknown likelihood "gausian". Did you mean "gaussian"?'),
        ({"latent_dim": 0}, "latent_dim is 0; expected an integer from 1"),
        ({"beta": -1}, "beta is -1; expected at least 0"),
        ({"kl_warmup": -1}, "kl_warmup is -1; expected at least 0"),
        ({"free_bits": float("nan")}, "free_bits is nan; expected at least 0"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        make_method("vae", **arguments)


@pytest.mark.parametrize(("kl_warmup", "minimized"), [(0, "loss"), (10, "reconstruction")])
def test_training_descends_the_gradient_of_the_loss(kl_warmup, minimized):
    rate = 1e-3
    vae = make_method("vae", kl_warmup=kl_warmup)
    spread_latents(vae)
    vae.compile(optimizer=keras.optimizers.SGD(rate), run_eagerly=True)
    twin = compile_method(make_method("vae"))
    spread_latents(twin)
    with tf.GradientTape() as tape:
        loss = twin.loss_terms(SCALED, training=True)[minimized]  # in the first step
    gradient = tape.gradient(loss, twin.trainable_weights)
    vae.fit(IMAGES, epochs=1, shuffle=False, verbose=0)
    for moved, start, part in zip(
        vae.trainable_weights, twin.trainable_weights, gradient, strict=True
    ):
        np.testing.assert_allclose(moved, start - rate * part, rtol=1e-4, atol=1e-5)


def test_noise_depends_on_the_step():
    vae = compile_method(make_method("vae"))
    spread_latents(vae)
    vae.optimizer.build(vae.trainable_variables)
    first = float(vae.loss_terms(SCALED, training=True)["reconstruction"])
    assert first == float(vae.loss_terms(SCALED, training=True)["reconstruction"])
    vae.optimizer.iterations.assign(1)
    assert first != float(vae.loss_terms(SCALED, training=True)["reconstruction"])


def test_an_extreme_posterior_stays_finite():
    vae = compile_method(make_method("vae"))
    kernel, bias = vae.moments.get_weights()
    for extreme in (1e4, -1e4):
        vae.moments.set_weights([kernel, bias + [0, 0, 0, extreme, extreme, extreme]])
        for name, value in vae.loss_terms(SCALED, training=True).items():
            assert np.isfinite(float(value)), name


def test_reconstructs_the_posterior_mean_of_bytes_and_floats():
    vae = make_method("vae")
    spread_latents(vae)
    mean = np.asarray(vae.moments(vae.encoder(SCALED)))[:, :3]
    expected = sigmoid(vae.decoder(mean))
    for images in (IMAGES, SCALED):
        result = np.asarray(vae.reconstruct(images))
        assert result.dtype == np.float32
        np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)


def test_learns_features_that_a_probe_reads():
    """Faint bars in noise, 2 labels a class. Over 5 seeds 0.45 to 0.71 before, 0.97 after."""
    pool, _ = draw_bars(640, seed=1, contrast=0.25, noise=0.3)
    few = draw_bars(8, seed=2, contrast=0.25, noise=0.3)
    test = draw_bars(400, seed=3, contrast=0.25, noise=0.3)

    def probe_accuracy(encoder):
        fitted = fit_classifier("probe", encoder=encoder, images=few[0], labels=few[1])
        return (fitted.predict(test[0]).argmax(axis=1) == test[1]).mean()

    encoder = build_encoder((8, 8, 1), width=4, seed=0)
    untrained = probe_accuracy(encoder)
    vae = VAE(encoder, latent_dim=8, beta=0.1, decoder_width=8, seed=0)
    vae.compile(optimizer=keras.optimizers.Adam(3e-3), steps_per_execution=20)
    history = vae.fit(
        stream_batches(pool, batch_size=32, seed=0),
        steps_per_epoch=60,
        epochs=2,
        shuffle=False,
        verbose=0,
    ).history
    assert history["loss"][1] < history["loss"][0]
    trained = probe_accuracy(encoder)
    assert untrained < 0.8 and trained > 0.9, (untrained, trained)
