import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import draw_bars
from tests.data.pictures import make_pixels
from tests.pretrain.cases import SHAPE, compile_method, make_method
from tfzero.data.pipeline import stream_batches
from tfzero.networks import build_encoder
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
    terms = {name: float(value) for name, value in vae.loss_terms(SCALED, training=False).items()}
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


def test_training_descends_the_gradient_of_the_loss():
    rate = 1e-3
    vae = make_method("vae")
    vae.compile(optimizer=keras.optimizers.SGD(rate), run_eagerly=True)
    twin = compile_method(make_method("vae"))
    with tf.GradientTape() as tape:
        loss = twin.loss_terms(SCALED, training=True)["loss"]
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
    first = float(vae.loss_terms(SCALED, training=False)["reconstruction"])
    assert first == float(vae.loss_terms(SCALED, training=False)["reconstruction"])
    vae.optimizer.iterations.assign(1)
    assert first != float(vae.loss_terms(SCALED, training=False)["reconstruction"])


def test_an_extreme_posterior_stays_finite():
    vae = compile_method(make_method("vae"))
    kernel, bias = vae.moments.get_weights()
    for extreme in (1e4, -1e4):
        vae.moments.set_weights([kernel, bias + [0, 0, 0, extreme, extreme, extreme]])
        for name, value in vae.loss_terms(SCALED, training=False).items():
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
        stream_batches(pool, batch_size=32, seed=0), steps_per_epoch=60, epochs=2, shuffle=False,
        verbose=0,
    ).history  # fmt: skip
    assert history["loss"][1] < history["loss"][0]
    trained = probe_accuracy(encoder)
    assert untrained < 0.8 and trained > 0.9, (untrained, trained)
