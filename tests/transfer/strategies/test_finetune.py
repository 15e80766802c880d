"""Training encoder and head: at once, after a probe, or from the last block down.

What is frozen stays so, statistics included.
"""

import dataclasses

import keras
import numpy as np
import pytest

from tests.transfer.cases import BUDGET, fit, read_weights
from tfzero.common.checks import InputError
from tfzero.common.schedule import WarmupCosine
from tfzero.transfer import training
from tfzero.transfer.budget import Budget, limit_large
from tfzero.transfer.training import Trained, train


@pytest.mark.parametrize("steps", [1, 23])
def test_any_number_of_steps_is_spent_exactly(encoder, bars, steps):
    fitted = fit("finetune", encoder, *bars, budget=Budget(steps=steps, batch_size=8))
    assert fitted.cost.steps == int(fitted.model.optimizer.iterations.numpy()) == steps


def test_lpft_starts_from_the_probes_head(encoder, bars, monkeypatch):
    probe = fit("probe", encoder, *bars).model
    started = []

    def watch(classifier, *_, **__):
        started.append(read_weights(classifier))
        return Trained(0, False)

    monkeypatch.setattr(training, "train", watch)
    fit("lpft", encoder, *bars)
    assert len(started) == 1
    for start, weight in zip(started[0], probe.weights, strict=True):
        np.testing.assert_array_equal(start, weight, err_msg=weight.path)


def test_an_encoder_that_diverged_ends_in_nan_and_not_in_an_error(encoder, bars):
    broken = keras.models.clone_model(encoder)
    broken.set_weights([np.full_like(weight, np.nan) for weight in encoder.get_weights()])
    assert np.isnan(fit("lpft", broken, *bars).predict(bars[0])).all()


@pytest.fixture
def deep():
    """Three blocks, each with batch normalization."""
    keras.utils.set_random_seed(0)
    inputs = x = keras.Input((8, 8, 1), name="image")
    for block in (1, 2, 3):
        x = keras.layers.Conv2D(4, 3, padding="same", name=f"conv{block}")(x)
        x = keras.layers.BatchNormalization(name=f"normal{block}", momentum=0.5)(x)
        x = keras.layers.ReLU(name=f"block{block}")(x)
    return keras.Model(inputs, keras.layers.Flatten()(x), name="deep")


def read_layers(encoder):
    return {
        layer.name: [weight.numpy() for weight in layer.weights]
        for layer in encoder.layers
        if layer.weights
    }


def list_changed(before, after):
    return {
        name
        for name, weights in before.items()
        if any((a != b).any() for a, b in zip(weights, after[name], strict=True))
    }


def test_each_stage_trains_one_block_more_and_nothing_below(deep, bars, monkeypatch, eagerly):
    seen = []

    def watch(classifier, labelled, **settings):
        before = read_layers(classifier.encoder)
        trained = train(classifier, labelled, **settings)
        seen.append((list_changed(before, read_layers(classifier.encoder)), settings["steps"]))
        return trained

    monkeypatch.setattr(training, "train", watch)
    fitted = fit("gradual", deep, *bars, budget=dataclasses.replace(BUDGET, steps=25))
    top, middle, bottom = ({f"conv{n}", f"normal{n}"} for n in (3, 2, 1))
    assert seen == [(top, 8), (top | middle, 8), (top | middle | bottom, 9)]
    assert fitted.cost.steps == 25
    # Left as it would be after fine-tuning: all of it trainable.
    assert len(fitted.model.encoder.trainable_weights) == len(deep.trainable_weights)
    assert fitted.cost.parameters == sum(
        int(np.prod(weight.shape)) for weight in fitted.model.trainable_weights
    )


def test_statistics_of_frozen_normalization_stand_still_and_are_used(
    deep, bars, monkeypatch, eagerly
):
    def stop_first(classifier, labelled, **settings):
        return Trained(train(classifier, labelled, **settings).steps, True)

    monkeypatch.setattr(training, "train", stop_first)
    few = dataclasses.replace(BUDGET, steps=15)
    model = fit("gradual", deep, *bars, budget=few).model
    for name in ("normal1", "normal2"):
        for before, after in zip(
            deep.get_layer(name).weights, model.encoder.get_layer(name).weights, strict=True
        ):
            np.testing.assert_array_equal(before.numpy(), after.numpy(), err_msg=before.path)
    moving = model.encoder.get_layer("normal3").moving_mean
    assert np.abs(moving.numpy() - deep.get_layer("normal3").moving_mean.numpy()).max() > 1e-4
    # In training mode too, frozen normalization works by its statistics, not by the batch's.
    below = keras.Model(model.encoder.input, model.encoder.get_layer("block2").output)
    images = (bars[0] / 255).astype(np.float32)
    np.testing.assert_allclose(
        below(images[:3], training=True), below(images, training=True)[:3], atol=1e-5
    )


def test_what_its_owner_froze_stays_frozen(deep, bars, eagerly):
    deep.get_layer("conv2").trainable = False
    few = dataclasses.replace(BUDGET, steps=9)
    model = fit("gradual", deep, *bars, budget=few).model
    assert "conv2" not in list_changed(read_layers(deep), read_layers(model.encoder))
    assert not model.encoder.get_layer("conv2").trainable


def test_fewer_steps_than_blocks_are_spent_exactly(deep, bars, eagerly):
    fitted = fit("gradual", deep, *bars, budget=dataclasses.replace(BUDGET, steps=2))
    assert fitted.cost.steps == 2


@pytest.mark.parametrize("strategy", ["finetune", "lpft", "gradual"])
def test_blocks_that_the_budget_freezes_stay_as_they_are(strategy, deep, bars, eagerly):
    before = read_layers(deep)
    few = dataclasses.replace(BUDGET, steps=4, frozen_blocks=2)
    model = fit(strategy, deep, *bars, budget=few).model
    assert list_changed(before, read_layers(model.encoder)) == {"conv3", "normal3"}
    # The last block is trained however many are to be frozen.
    all_of_them = dataclasses.replace(few, frozen_blocks=9)
    model = fit(strategy, deep, *bars, budget=all_of_them).model
    assert list_changed(before, read_layers(model.encoder)) == {"conv3", "normal3"}


@pytest.mark.parametrize("strategy", ["finetune", "lpft", "gradual", "selftrain"])
def test_the_budgets_learning_rate_is_the_highest(strategy, encoder, bars, monkeypatch):
    peaks = []

    build = WarmupCosine.__init__

    def watch(self, peak, steps):
        peaks.append(peak)
        build(self, peak, steps)

    monkeypatch.setattr(WarmupCosine, "__init__", watch)
    few = dataclasses.replace(BUDGET, steps=6, unlabeled_steps=6, learning_rate=0.0123)
    fit(strategy, encoder, *bars, budget=few)
    assert peaks and set(peaks) == {0.0123}


@pytest.mark.parametrize(
    ("settings", "telling"),
    [
        ({"learning_rate": 0.0}, "`learning_rate` is 0; expected above 0"),
        ({"frozen_blocks": -1}, "`frozen_blocks` is -1; expected at least 0"),
        ({"unlabeled_steps": 0}, "`unlabeled_steps` is 0; expected at least 1"),
        ({"most_unlabeled": 0}, "`most_unlabeled` is 0; expected at least 1"),
    ],
)
def test_a_budget_that_cannot_be_is_refused(settings, telling):
    with pytest.raises(InputError, match=telling):
        Budget(steps=1, **settings)


def test_a_large_network_is_trained_less_and_at_a_lower_rate():
    assert limit_large(1000, 15_000_000) == {}
    found = limit_large(1000, 125_000_000)  # EfficientNet-Lite0 at 128 pixels
    assert found["steps"] == 640 and found["unlabeled_steps"] == 160
    assert found["frozen_blocks"] == 2 and found["learning_rate"] < training.LEARNING_RATE / 5
    assert limit_large(200, 125_000_000)["steps"] == 200  # no more than usual
    huge = limit_large(1000, 4_000_000_000)
    assert (huge["steps"], huge["unlabeled_steps"]) == (100, 60)
    assert huge["most_unlabeled"] == 500
    Budget(**limit_large(1000, 125_000_000))
