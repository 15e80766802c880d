"""A small version of benchmarks/costs.py."""

import sys

import numpy as np
import pytest
import tensorflow as tf

from benchmarks import costs
from tests.pretrain.cases import SHAPE, compile_method
from tfzero.networks import build_encoder


def test_the_autoencoder_is_the_vae_without_noise_and_kl():
    from tfzero.pretrain import losses

    method = compile_method(costs.build_autoencoder(build_encoder(SHAPE, width=4, seed=0)))
    images = np.random.default_rng(0).random((6, *SHAPE)).astype(np.float32)
    mean, _ = method.vae.posterior(images, training=False)
    expected = -np.mean(
        losses.bernoulli_log_likelihood(tf.constant(images), method.vae.decoder(mean))
    )
    first, second = (method.fit(images, verbose=0).history["loss"][0] for _ in range(2))
    assert first == pytest.approx(float(expected), rel=1e-5)
    assert second < first


@pytest.mark.slow
def test_ratios_are_to_what_is_asked(monkeypatch, capsys):
    monkeypatch.setattr(costs, "_IMAGES", 256)
    for name in ("set_intra_op_parallelism_threads", "set_inter_op_parallelism_threads"):
        monkeypatch.setattr(tf.config.threading, name, lambda count: None)  # TensorFlow is at work
    asked = ["costs.py", "--methods", "vae", "--over", "autoencoder", "--rounds", "2"]
    monkeypatch.setattr(sys, "argv", [*asked, "--size", "8"])
    costs.main()
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("autoencoder ") and first.endswith("; 1.00 (1.00-1.00)")
    assert second.startswith("vae ")
