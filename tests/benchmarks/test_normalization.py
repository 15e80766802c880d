"""The encoder's variants with other normalizations."""

import importlib
import pathlib

import keras
import numpy as np
import pytest

from tests.conftest import draw_bars
from tfzero.networks import build_encoder
from tfzero.transfer.features import read_blocks


@pytest.fixture
def normalization(monkeypatch):
    """The module, which imports another one of its folder."""
    monkeypatch.syspath_prepend(pathlib.Path(__file__).parents[2] / "benchmarks")
    return importlib.import_module("normalization")


@pytest.mark.parametrize(
    ("name", "normalizes"),
    [("weights", True), ("batch", True), ("layer", True), ("group", True), ("none", False)],
)
def test_variant_reads_the_same_blocks_and_normalizes(normalization, name, normalizes):
    images = draw_bars(40, seed=0)[0]
    variant = normalization.build_variant(name, images.shape[1:], seed=1)
    usual = build_encoder(images.shape[1:], seed=1)
    assert read_blocks(variant, images)[1] == read_blocks(usual, images)[1]
    batch = images.astype(np.float32) / 255
    before = variant(batch, training=True).numpy()
    first = next(layer for layer in variant.layers if isinstance(layer, keras.layers.Conv2D))
    first.kernel.assign(3 * first.kernel)
    after = variant(batch, training=True).numpy()
    # What a normalization takes out: the scale of the weights before it.
    assert np.allclose(before, after, atol=0.02 * before.std()) == normalizes
