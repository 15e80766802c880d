"""What every strategy promises, driven by the table STRATEGIES."""

import json
import pathlib
import subprocess
import sys
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import draw_bars
from tests.transfer.cases import BUDGET, NETWORKS, TUNED, UNLABELED, fit, read_weights
from tfzero.common.checks import InputError
from tfzero.transfer import STRATEGIES, fit_classifier, fit_on_features, network, unlabeled
from tfzero.transfer.budget import Budget, default_budget
from tfzero.transfer.features import read_features
from tfzero.transfer.training import Trained

REPOSITORY = pathlib.Path(__file__).parents[2]


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


@select(*NETWORKS)
def test_cost_counts_what_was_spent(fitted, encoder):
    head = 4 * (encoder.output_shape[1] + 1)
    if fitted.strategy in UNLABELED:
        rounds = {"selftrain": BUDGET.steps + 2 * 30, "spread_finetune": 2 * 30}
        assert fitted.cost.steps == rounds[fitted.strategy]
        assert fitted.cost.parameters == head + encoder.count_params()
    elif fitted.strategy in TUNED:
        assert fitted.cost.steps == BUDGET.steps
        assert int(fitted.model.optimizer.iterations.numpy()) == BUDGET.steps
        assert fitted.cost.parameters == head + encoder.count_params()
    else:
        assert fitted.cost.steps == 0
        assert fitted.cost.parameters == head
    assert 0 < fitted.cost.seconds < 60
    assert 0 < fitted.cost.cpu_seconds < 120
    assert fitted.cost.peak_memory_bytes > 1e8


@pytest.mark.parametrize("steps", [1, 23])
def test_any_number_of_steps_is_spent_exactly(encoder, bars, steps):
    fitted = fit("finetune", encoder, *bars, budget=Budget(steps=steps, batch_size=8))
    assert fitted.cost.steps == int(fitted.model.optimizer.iterations.numpy()) == steps


@select("probe")
def test_probe_leaves_the_encoder_alone(fitted, encoder):
    assert fitted.model.encoder is not encoder
    for before, after in zip(encoder.weights, fitted.model.encoder.weights, strict=True):
        np.testing.assert_array_equal(before, after)


@select(*TUNED)
def test_tuning_moves_every_weight_of_a_copy(fitted, encoder):
    copy = fitted.model.encoder
    assert len(copy.trainable_weights) == len(encoder.trainable_weights)
    for before, after in zip(encoder.weights, copy.weights, strict=True):
        assert np.abs(before.numpy() - after.numpy()).max() > 1e-5, before.path


def test_probe_keeps_the_statistics_of_batch_normalization(bars):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Dense(6)(keras.layers.Flatten()(inputs))
    x = keras.layers.BatchNormalization(name="normal")(x)
    own = keras.Model(inputs, keras.layers.ReLU()(x))
    normal = own.get_layer("normal")
    normal.moving_mean.assign(np.linspace(-1, 1, 6))
    normal.moving_variance.assign(np.linspace(0.5, 2, 6))
    model = fit("probe", own, *bars).model
    for before, after in zip(own.weights, model.encoder.weights, strict=True):
        np.testing.assert_array_equal(before, after, err_msg=before.path)
    # And they are used: the head was fitted to features of inference.
    scaled = (bars[0] / 255).astype(np.float32)
    expected = np.asarray(model.head(own(scaled, training=False)))
    np.testing.assert_allclose(model(bars[0]), expected, atol=1e-5)


def test_lpft_starts_from_the_probes_head(encoder, bars, monkeypatch):
    probe = fit("probe", encoder, *bars).model
    started = []

    def watch(classifier, *_, **__):
        started.append(read_weights(classifier))
        return Trained(0, False)

    monkeypatch.setattr(network, "train", watch)
    fit("lpft", encoder, *bars)
    assert len(started) == 1
    for start, weight in zip(started[0], probe.weights, strict=True):
        np.testing.assert_array_equal(start, weight, err_msg=weight.path)


def test_the_budget_decides_about_augmentation(encoder, bars, monkeypatch):
    for module in (network, unlabeled):
        monkeypatch.setattr(module, "train", lambda *_, **__: Trained(0, False))
    for strategy in TUNED:
        for augment in (True, False):
            budget = Budget(steps=2, augment=augment, kind="clothes")
            model = fit(strategy, encoder, *bars, budget=budget).model
            assert model.augment is augment and model.kind == "clothes"


SCRIPT = """
import json, sys
import numpy as np
import tensorflow as tf
options, intra, inter = json.loads(sys.argv[1])
tf.config.optimizer.set_experimental_options(options)
tf.config.threading.set_intra_op_parallelism_threads(intra)
tf.config.threading.set_inter_op_parallelism_threads(inter)
from tests.conftest import build_small_encoder, draw_bars
from tests.transfer.cases import fit
images, labels = draw_bars(40, seed=0)
encoder = build_small_encoder(seed=1)
np.save(sys.argv[2], fit("finetune", encoder, images, labels, seed=7).predict(images))
"""


def test_a_fit_is_the_same_first_in_a_process_and_after_others(encoder, bars, tmp_path):
    settings = [
        tf.config.optimizer.get_experimental_options(),
        tf.config.threading.get_intra_op_parallelism_threads(),
        tf.config.threading.get_inter_op_parallelism_threads(),
    ]
    out = tmp_path / "first.npy"
    subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(settings), out], cwd=REPOSITORY, check=True
    )
    for strategy in ("lpft", "probe", "svm"):
        fit(strategy, encoder, *bars, seed=8)
    result = fit("finetune", encoder, *bars, seed=7).predict(bars[0])
    np.testing.assert_array_equal(np.load(out), result)


def test_an_unknown_strategy_is_refused_with_the_nearest(encoder, bars):
    with pytest.raises(InputError, match='Unknown strategy "finetun". Did you mean "finetune"?'):
        fit("finetun", encoder, *bars)


@pytest.mark.parametrize("strategy", NETWORKS)
def test_a_network_strategy_needs_an_encoder(strategy, bars):
    with pytest.raises(InputError, match=f'"{strategy}" trains a network, but encoder is None'):
        fit(strategy, None, *bars)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"labels": np.arange(39)}, r"labels has shape \(39,\); expected \(40,\)"),
        ({"labels": np.full(40, "cat")}, "labels has type <U3, for example .*cat"),
        ({"labels": np.arange(40) - 1}, "labels contains -1; expected integers from 0"),
        ({"num_classes": 3}, "labels go up to 3 and num_classes is 3"),
        ({"labels": np.zeros(40, int)}, "labels go up to 0 and num_classes is 1"),
        ({"images": np.zeros((40, 8, 8))}, r"images has shape \(40, 8, 8\)"),
        ({"images": np.full((40, 8, 8, 1), 200.0)}, r"images are floats in 200..200"),
    ],
)
def test_bad_input_is_refused(encoder, bars, change, message):
    images, labels = bars
    arguments = {"images": images, "labels": labels, **change}
    for strategy in STRATEGIES:
        with pytest.raises(InputError, match=message):
            fit_classifier(strategy, encoder=encoder, pool=bars[0], **arguments)


@pytest.mark.parametrize("count", [2, 50, 1000, 50_000])
def test_the_default_budget_can_be_spent(count):
    budget = default_budget(count)
    assert budget.steps > 0 and budget.batch_size > 0


@pytest.mark.parametrize(
    "strategy", [name for name, entry in STRATEGIES.items() if entry.reads_features]
)
def test_on_features_read_before_it_answers_as_on_images(strategy, encoder, bars):
    images, labels = draw_bars(60, seed=9)
    whole = fit(strategy, encoder, *bars).predict(images)
    on_features = fit_on_features(
        strategy, features=read_features(encoder, bars[0]), labels=bars[1], num_classes=4
    )
    np.testing.assert_allclose(
        on_features.predict(read_features(encoder, images)), whole, rtol=1e-4, atol=1e-6
    )


def test_a_strategy_that_trains_the_encoder_takes_no_features(bars):
    with pytest.raises(InputError, match='"finetune".*Known: probe, logistic, svm'):
        fit_on_features("finetune", features=np.zeros((4, 2)), labels=bars[1][:4], num_classes=4)


@pytest.mark.parametrize("strategy", ["probe", "logistic", "svm", "forest", "knn"])
def test_features_that_are_not_finite_are_a_divergence(strategy):
    features = np.full((8, 3), np.nan, np.float32)
    fitted = fit_on_features(strategy, features=features, labels=np.arange(8) % 2, num_classes=2)
    assert np.isnan(fitted.predict(features)).all()


def test_an_encoder_that_diverged_ends_in_nan_and_not_in_an_error(encoder, bars):
    broken = keras.models.clone_model(encoder)
    broken.set_weights([np.full_like(weight, np.nan) for weight in encoder.get_weights()])
    assert np.isnan(fit("lpft", broken, *bars).predict(bars[0])).all()
