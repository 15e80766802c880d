"""What every strategy promises, driven by the table STRATEGIES."""

import types

import keras
import numpy as np
import pytest

from tests.conftest import draw_bars
from tests.transfer.cases import (
    BUDGET,
    FROZEN,
    JOINT_STEPS,
    NETWORKS,
    TUNED,
    fit,
    make_objective,
    read_weights,
)
from tfzero.common.checks import InputError
from tfzero.transfer import STRATEGIES, Strategy, fit_classifier, fit_on_features, training
from tfzero.transfer import budget as budgets
from tfzero.transfer.budget import Budget
from tfzero.transfer.contract import Cost, Fitted
from tfzero.transfer.features import read_features
from tfzero.transfer.strategies.base import FORMS
from tfzero.transfer.training import Trained


def select(*strategies):
    """Runs a test on the fitted classifiers of these strategies alone."""
    return pytest.mark.parametrize("fitted", strategies, indirect=True)


@pytest.fixture(scope="module", params=list(STRATEGIES))
def fitted(request, encoder, bars):
    """Each strategy's classifier of clean bars, fitted once."""
    given = read_weights(encoder)
    result = fit(request.param, encoder, *bars)
    for before, weight in zip(given, encoder.weights, strict=True):
        np.testing.assert_array_equal(before, weight)
    return types.SimpleNamespace(
        strategy=request.param, model=result.model, cost=result.cost, predict=result.predict
    )


def test_learns_and_gives_probabilities_of_bytes_and_floats(fitted):
    images, labels = draw_bars(60, seed=9)
    probabilities = fitted.predict(images)
    assert probabilities.shape == (60, 4) and probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert probabilities.min() >= 0
    assert (probabilities.argmax(axis=1) == labels).mean() > 0.9
    for scaled in ((images / 255).astype(np.float32), images / 255):
        np.testing.assert_allclose(fitted.predict(scaled), probabilities, atol=1e-4)


def test_floats_train_like_bytes_and_repeat_bit_for_bit(fitted, encoder, bars):
    images, labels = bars
    fit(fitted.strategy, encoder, images, labels, seed=4)
    again = fit(fitted.strategy, encoder, images / 255, labels)
    np.testing.assert_array_equal(fitted.predict(images), again.predict(images))


@select(*TUNED)
def test_another_seed_gives_another_network(fitted, encoder, bars):
    other = fit(fitted.strategy, encoder, *bars, seed=4).model
    for weight, changed in zip(
        fitted.model.trainable_weights, other.trainable_weights, strict=True
    ):
        assert np.abs(weight.numpy() - changed.numpy()).max() > 0, weight.path


def test_the_origin_of_the_encoder_does_not_matter(fitted, encoder, bars, tmp_path):
    encoder.save(tmp_path / "encoder.keras")
    loaded = keras.models.load_model(tmp_path / "encoder.keras")
    renamed = keras.Model(loaded.inputs, loaded.outputs, name="another_name")
    result = fit(fitted.strategy, renamed, *bars)
    np.testing.assert_array_equal(result.predict(bars[0]), fitted.predict(bars[0]))


@pytest.mark.parametrize("strategy", list(STRATEGIES))
def test_a_missing_class_keeps_its_column(strategy, encoder, bars):
    images, labels = bars
    there = labels != 1
    fitted = fit(strategy, encoder, images[there], labels[there], num_classes=5)
    probabilities = fitted.predict(images)
    assert probabilities.shape == (40, 5)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    if strategy not in TUNED:  # a random head gives each class a little at first
        assert probabilities[:, [1, 4]].max() == 0
    assert (probabilities.argmax(axis=1) == labels)[there].mean() > 0.6


def test_its_place_in_the_table_says_what_it_is():
    for name, strategy in STRATEGIES.items():
        assert isinstance(strategy, Strategy) and strategy.name == name
        assert 0 < len(strategy.summary) < 60 and not strategy.summary.endswith(".")
        assert len(strategy.reads & set(FORMS)) == 1, name


def test_cost_counts_what_was_spent(fitted, monkeypatch):
    monkeypatch.setattr(budgets, "_JOINT_STEPS", JOINT_STEPS)
    work = STRATEGIES[fitted.strategy].work(BUDGET, 40)
    assert fitted.cost.steps == sum(steps for steps, _ in work.trainings)
    assert fitted.cost.parameters > 0
    assert 0 < fitted.cost.seconds < 60
    assert 0 < fitted.cost.cpu_seconds < 120
    assert fitted.cost.peak_memory_bytes > 1e8


def test_work_grows_with_the_budget_and_the_pool():
    for strategy in STRATEGIES.values():
        small, large = (
            strategy.work(Budget(steps=steps, batch_size=8), pool)
            for steps, pool in ((2000, 100), (4000, 200))
        )
        assert small.network == large.network == strategy.trains_network
        assert bool(small.trainings) == strategy.trains_encoder
        for less, more in zip(small.trainings, large.trainings, strict=True):
            assert more.steps == 2 * less.steps and more.batch_size == less.batch_size
        assert large.looks == 2 * small.looks
        assert strategy.reads_pool or (small.looks == 0 and not small.spreads)


@select(*NETWORKS)
def test_a_network_fits_its_head_and_all_that_it_trains(fitted, encoder):
    head = 4 * (encoder.output_shape[1] + 1)
    tuned = fitted.strategy in TUNED
    own = 0
    if STRATEGIES[fitted.strategy].needs_objective:
        own = make_objective(encoder).decoder.count_params()
    assert fitted.cost.parameters == head + tuned * encoder.count_params() + own


@select(*TUNED)
def test_tuning_moves_every_weight_of_a_copy(fitted, encoder):
    copy = fitted.model.encoder
    assert len(copy.trainable_weights) == len(encoder.trainable_weights)
    for before, after in zip(encoder.weights, copy.weights, strict=True):
        assert np.abs(before.numpy() - after.numpy()).max() > 1e-5, before.path


def test_the_budget_decides_about_augmentation(encoder, bars, monkeypatch):
    monkeypatch.setattr(training, "train", lambda *_, **__: Trained(0, False))
    for strategy in TUNED:
        for augment in (True, False):
            budget = Budget(steps=2, augment=augment, kind="clothes")
            model = fit(strategy, encoder, *bars, budget=budget).model
            assert model.augment is augment and model.kind == "clothes"


@pytest.mark.parametrize(
    "change, message",
    [
        ({"labels": np.arange(39)}, r"labels has shape \(39,\); expected \(40,\)"),
        ({"labels": np.full(40, "cat")}, "labels has type <U3, for example .*cat"),
        ({"labels": np.arange(40) - 1}, "labels contains -1; expected integers from 0"),
        ({"num_classes": 3}, "`labels` go up to 3 and `num_classes` is 3"),
        ({"labels": np.zeros(40, int)}, "`labels` go up to 0 and `num_classes` is 1"),
        ({"images": np.zeros((40, 8, 8))}, r"images has shape \(40, 8, 8\)"),
        ({"images": np.full((40, 8, 8, 1), 200.0)}, r"images are floats in 200..200"),
    ],
)
def test_bad_input_is_refused(encoder, bars, change, message):
    images, labels = bars
    arguments = {"images": images, "labels": labels, **change}
    for strategy in STRATEGIES:
        with pytest.raises(InputError, match=message):
            fit_classifier(
                strategy,
                encoder=encoder,
                pool=bars[0],
                objective=make_objective(encoder),
                **arguments,
            )


@pytest.mark.parametrize("strategy", FROZEN)
def test_on_features_read_before_it_answers_as_on_images(strategy, encoder, bars):
    images, labels = draw_bars(60, seed=9)
    whole = fit(strategy, encoder, *bars).predict(images)
    on_features = fit_on_features(
        strategy, features=read_features(encoder, bars[0]), labels=bars[1], num_classes=4
    )
    np.testing.assert_allclose(
        on_features.predict(read_features(encoder, images)), whole, rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("strategy", FROZEN)
def test_features_that_are_not_finite_are_a_divergence(strategy):
    features = np.full((8, 3), np.nan, np.float32)
    fitted = fit_on_features(strategy, features=features, labels=np.arange(8) % 2, num_classes=2)
    assert np.isnan(fitted.predict(features)).all()


@pytest.mark.parametrize("strategy", NETWORKS)
def test_a_network_strategy_needs_an_encoder(strategy, bars):
    with pytest.raises(InputError, match=f'"{strategy}" trains a network, but `encoder` is None'):
        fit(strategy, None, *bars)


@pytest.mark.parametrize("name", list(STRATEGIES))
def test_a_fitted_head_joins_its_encoder_or_is_none(name, encoder, bars):
    strategy = STRATEGIES[name]
    if not strategy.trains_network or strategy.trains_encoder:
        with pytest.raises(InputError, match=f'"{name}" fits no head that could join'):
            strategy.join(encoder, Fitted(None, Cost()))
        return
    features = read_features(encoder, bars[0])
    fitted = fit_on_features(name, features=features, labels=bars[1], num_classes=4)
    network = strategy.join(encoder, fitted)
    assert network.encoder is not encoder
    np.testing.assert_allclose(network(bars[0]), fitted.predict(features), atol=1e-5)
