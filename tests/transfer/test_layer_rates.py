"""Learning rates by layer: exact, and in the fits that ask for them."""

import dataclasses

import keras
import numpy as np
import pytest

import tfzero
from tests.transfer.cases import BUDGET, fit
from tfzero.common.adam import FusedAdam
from tfzero.common.checks import InputError
from tfzero.networks import build_encoder
from tfzero.transfer.budget import Budget
from tfzero.transfer.classifier import Classifier
from tfzero.transfer.layer_rates import LayerwiseAdamW, layer_factors


def run(optimizer, start, gradients):
    variables = [keras.Variable(value) for value in start]
    optimizer.build(variables)
    for step in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(each) for each in step], variables)
    return [np.asarray(variable) for variable in variables]


def test_each_variable_moves_as_under_adamw_at_its_own_rate():
    random = np.random.default_rng(0)
    start = [random.normal(size=shape).astype(np.float32) for shape in ((3, 2), (4,), (2,))]
    gradients = [[random.normal(size=w.shape).astype(np.float32) for w in start] for _ in range(5)]
    factors = (1.0, 0.5, 0.02)
    found = run(LayerwiseAdamW(factors, 0.1, weight_decay=0.3), start, gradients)
    for place, factor in enumerate(factors):
        alone = run(
            FusedAdam(0.1 * factor, weight_decay=0.3),
            start[place : place + 1],
            [step[place : place + 1] for step in gradients],
        )
        np.testing.assert_allclose(found[place], alone[0], rtol=1e-5, atol=1e-7)


def test_the_number_of_factors_must_be_that_of_the_variables():
    with pytest.raises(ValueError, match="2 factors for 1 trainable variables"):
        LayerwiseAdamW([1.0, 0.5]).build([keras.Variable([1.0])])


def test_factors_fall_from_the_head_to_the_first_block():
    classifier = Classifier(build_encoder((16, 16, 1), width=4), 3)
    factors = layer_factors(classifier, 0.5)
    by_layer = {
        variable.path.split("/")[-2]: factor
        for variable, factor in zip(classifier.trainable_variables, factors, strict=True)
    }
    assert by_layer == {"head": 1, "block4": 0.5, "block3": 0.25, "block2": 0.125, "block1": 0.0625}


@pytest.mark.parametrize("strategy", ["finetune", "lpft", "gradual"])
def test_a_tiny_rate_leaves_the_encoder_nearly_alone(strategy, encoder, bars):
    budget = dataclasses.replace(BUDGET, layer_rate=1e-4)
    slow, fast = (fit(strategy, encoder, *bars, budget=each).model for each in (budget, BUDGET))
    for before, little, much in zip(
        encoder.weights, slow.encoder.weights, fast.encoder.weights, strict=True
    ):
        moved = np.abs(before.numpy() - little.numpy()).max()
        assert 0 < moved < 1e-2 * np.abs(before.numpy() - much.numpy()).max()


@pytest.mark.slow
def test_training_with_layer_rates_is_saved_and_goes_on(encoder, bars, tmp_path):
    model = fit(
        "finetune", encoder, *bars, budget=dataclasses.replace(BUDGET, layer_rate=0.5)
    ).model
    model.save(tmp_path / "model.keras")
    loaded = tfzero.load_model(tmp_path / "model.keras")
    assert loaded.optimizer.factors == [0.5] * len(encoder.trainable_weights) + [1, 1]
    for ours, theirs in zip(model.optimizer.variables, loaded.optimizer.variables, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    loaded.fit(*bars, epochs=1, verbose=0)
    assert np.abs(loaded.head.kernel.numpy() - model.head.kernel.numpy()).max() > 0


@pytest.mark.parametrize("rate", [0, -1, 1.5])
def test_a_rate_that_is_no_factor_is_refused(rate):
    with pytest.raises(InputError, match="`layer_rate` is .*; expected a factor above 0"):
        Budget(steps=1, layer_rate=rate)
