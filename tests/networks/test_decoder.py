import numpy as np
import pytest

from tfzero.networks import build_decoder

SHAPES = [(8, 8, 1), (9, 12, 3), (8, 31, 2), (28, 28, 1), (33, 16, 3)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_gives_logits_of_images_of_any_size(shape):
    decoder = build_decoder(shape, 5, width=4)
    latents = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    logits = np.asarray(decoder(latents))
    assert logits.shape == (3, *shape)
    assert np.isfinite(logits).all()
    assert np.abs(logits[0] - logits[1]).max() > 1e-3
    # No row and no column is a leftover of padding.
    assert (logits.std(axis=0) > 0).all()


def test_the_seed_draws_every_kernel():
    first, same, other = (build_decoder((8, 8, 1), 3, width=4, seed=s) for s in (5, 5, 6))
    for a, b, c in zip(first.weights, same.weights, other.weights, strict=True):
        np.testing.assert_array_equal(a, b)
        if a.name == "kernel":
            assert np.abs(a.numpy() - c.numpy()).max() > 1e-3
