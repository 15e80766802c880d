import collections

import keras
import numpy as np
import pytest

from tests.pretrain.cases import assert_same_state, compile_method, make_method, read_state
from tfzero.common import compiled
from tfzero.common.compiled import borrow_compiled, predict_compiled

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 1), dtype=np.uint8)


@keras.saving.register_keras_serializable("tfzero_tests")
class Counting(keras.Model):
    """A tiny classifier that counts how often its graphs are traced."""

    traces = collections.Counter()

    def __init__(self, width=3, *, seed=0):
        super().__init__()
        self.width = width
        self.seed = seed
        self.body = keras.layers.Dense(
            width, kernel_initializer=keras.initializers.GlorotUniform(seed), name="body"
        )
        self.normal = keras.layers.BatchNormalization(name="normal")
        self.head = keras.layers.Dense(
            1, kernel_initializer=keras.initializers.GlorotUniform(seed), name="head"
        )
        self.build((None, 2))

    def build(self, shape):
        self.body.build(shape)
        self.normal.build((None, self.width))
        self.head.build((None, self.width))
        self.built = True

    def call(self, inputs, training=False):
        Counting.traces["train" if training else "predict"] += 1
        return self.head(self.normal(self.body(inputs), training=training))

    def get_config(self):
        return {"width": self.width, "seed": self.seed}


INPUTS = np.random.default_rng(1).normal(size=(16, 2)).astype(np.float32)
TARGETS = INPUTS[:, :1] * 2 - INPUTS[:, 1:]


def make_counting(*, width=3, seed=0, rate=0.01, **settings):
    model = Counting(width, seed=seed)
    model.compile(optimizer=keras.optimizers.Adam(rate), loss="mse", **settings)
    return model


def train(model, epochs=2):
    model.fit(INPUTS, TARGETS, batch_size=8, epochs=epochs, shuffle=False, verbose=0)


def lend(model):
    with borrow_compiled(model) as twin:
        return twin


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """No model is kept from other tests, and traces are counted from 0."""
    monkeypatch.setattr(compiled, "_models", collections.OrderedDict())
    Counting.traces.clear()


def test_a_borrowed_fit_equals_a_direct_fit_bit_for_bit():
    direct, indirect = make_counting(seed=3), make_counting(seed=3)
    train(direct)
    with borrow_compiled(indirect) as twin:
        assert twin is not indirect
        train(twin)
    assert int(indirect.optimizer.iterations.numpy()) == 4
    assert_same_state(read_state(direct), read_state(indirect))
    # Statistics of batch normalization are part of the state.
    assert np.abs(indirect.normal.moving_mean.numpy()).max() > 0
    # Training goes on where it stopped, whichever way.
    train(direct)
    with borrow_compiled(indirect) as twin:
        train(twin)
    train(direct)
    train(indirect)
    assert_same_state(read_state(direct), read_state(indirect))


def test_a_gan_lends_both_optimizers():
    def fit(model):
        model.fit(IMAGES, batch_size=6, epochs=1, shuffle=False, verbose=0)

    direct, other, indirect = (
        compile_method(make_method("gan", seed=seed), run_eagerly=True) for seed in (3, 8, 3)
    )
    fit(direct)
    with borrow_compiled(other) as first:
        fit(first)
    with borrow_compiled(indirect) as second:
        assert second is first
        fit(second)
    assert int(indirect.discriminator_optimizer.iterations.numpy()) == 2
    assert_same_state(read_state(direct), read_state(indirect))


def test_one_trace_serves_other_seeds_and_learning_rates():
    first = make_counting(seed=1)
    with borrow_compiled(first) as twin:
        train(twin)
    traces = Counting.traces["train"]
    assert traces > 0
    other, direct = make_counting(seed=2, rate=0.3), make_counting(seed=2, rate=0.3)
    with borrow_compiled(other) as again:
        assert again is twin
        train(again)
    assert Counting.traces["train"] == traces
    train(direct)
    assert_same_state(read_state(direct), read_state(other))
    assert float(other.optimizer.learning_rate) == pytest.approx(0.3)


def test_a_schedule_is_not_exchanged_for_another():
    rates = []
    for rate in (0.1, 0.4):
        schedule = keras.optimizers.schedules.ExponentialDecay(rate, 10, 0.5)
        model = Counting()
        model.compile(optimizer=keras.optimizers.Adam(schedule), loss="mse")
        with borrow_compiled(model) as twin:
            rates.append(float(twin.optimizer.learning_rate))
    assert rates == pytest.approx([0.1, 0.4])


def test_a_nested_loan_gets_a_model_of_its_own():
    outer, inner = make_counting(seed=1, run_eagerly=True), make_counting(seed=2, run_eagerly=True)
    expected_outer, expected_inner = (
        make_counting(seed=1, run_eagerly=True),
        make_counting(seed=2, run_eagerly=True),
    )
    kept = lend(make_counting(run_eagerly=True))
    with borrow_compiled(outer) as first:
        train(first)
        with borrow_compiled(inner) as second:
            assert first is kept and second is not first
            train(second)
        train(first)
    for model, epochs in ((expected_outer, 4), (expected_inner, 2)):
        train(model, epochs)
    assert_same_state(read_state(expected_outer), read_state(outer))
    assert_same_state(read_state(expected_inner), read_state(inner))


def test_an_exception_leaves_the_state_reached():
    direct, indirect = (
        make_counting(seed=1, run_eagerly=True),
        make_counting(seed=1, run_eagerly=True),
    )
    train(direct)
    with pytest.raises(RuntimeError, match="power cut"), borrow_compiled(indirect) as twin:
        train(twin)
        twin.stop_training = True
        raise RuntimeError("power cut")
    assert_same_state(read_state(direct), read_state(indirect))
    # The lent model serves again, from a clean start.
    other, expected = (
        make_counting(seed=2, run_eagerly=True),
        make_counting(seed=2, run_eagerly=True),
    )
    with borrow_compiled(other) as again:
        assert again is twin and not again.stop_training
        train(again)
    train(expected)
    assert_same_state(read_state(expected), read_state(other))


def test_other_structures_are_not_shared():
    def freeze_body(model):
        model.body.trainable = False
        return model

    uncompiled = Counting()
    sgd = Counting()
    sgd.compile(optimizer=keras.optimizers.SGD(0.01), loss="mse")
    decayed = Counting()
    decayed.compile(optimizer=keras.optimizers.Adam(0.01, beta_1=0.5), loss="mse")
    models = [
        make_counting(),
        make_counting(width=4),
        uncompiled,
        sgd,
        decayed,
        make_counting(steps_per_execution=2),
        make_counting(run_eagerly=True),
    ]
    lent = [lend(model) for model in models]
    assert len({id(twin) for twin in lent}) == len(models)
    # Each serves its own structure again.
    assert [id(lend(model)) for model in models] == [id(twin) for twin in lent]


def test_a_frozen_encoder_is_not_shared_and_stays_frozen(encoder):
    from tfzero.networks import copy_network
    from tfzero.transfer.classifier import Classifier

    def make(frozen):
        copy = copy_network(encoder)
        copy.trainable = not frozen
        classifier = Classifier(copy, 2)
        classifier.compile(
            keras.optimizers.Adam(0.01), loss="sparse_categorical_crossentropy", run_eagerly=True
        )
        return classifier

    frozen, free = make(True), make(False)
    twins = []
    for classifier in (frozen, free):
        assert len(classifier.trainable_weights) == (2 if classifier is frozen else 5)
        with borrow_compiled(classifier) as twin:
            twins.append(twin)
            twin.fit(IMAGES, np.arange(12) % 2, verbose=0)
    assert twins[0] is not twins[1]
    for before, kept, moved in zip(
        encoder.weights, frozen.encoder.weights, free.encoder.weights, strict=True
    ):
        np.testing.assert_array_equal(before, kept)
        assert np.abs(before.numpy() - moved.numpy()).max() > 0
    for classifier in (frozen, free):
        assert int(classifier.optimizer.iterations.numpy()) == 1


def test_few_models_are_kept_the_latest(monkeypatch):
    monkeypatch.setattr(compiled, "_MAX_MODELS", 2)
    models = [make_counting(width=width) for width in (2, 3, 4)]
    lent = [lend(model) for model in models]
    assert len(compiled._models) == 2
    assert lend(models[2]) is lent[2] and lend(models[1]) is lent[1]
    assert lend(models[0]) is not lent[0]


@pytest.mark.parametrize("count", [1, 3, 4, 5, 8, 11])
def test_predicts_each_image_once_and_in_order(monkeypatch, count):
    monkeypatch.setattr(compiled, "_PREDICT_BATCH", 4)
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Rescaling(2.0)(inputs))
    numbers = np.arange(2 * count, dtype=np.float32).reshape(count, 2)
    np.testing.assert_array_equal(predict_compiled(model, numbers), 2 * numbers)


def test_predicts_in_inference_mode_and_leaves_the_model_alone(monkeypatch):
    monkeypatch.setattr(compiled, "_PREDICT_BATCH", 5)
    model = make_counting(seed=4)
    train(model)
    before = read_state(model)
    expected = model(INPUTS, training=False).numpy()
    np.testing.assert_allclose(predict_compiled(model, INPUTS), expected, rtol=1e-5, atol=1e-6)
    assert_same_state(before, read_state(model))


def test_predictions_follow_the_weights_with_one_trace():
    first, second = make_counting(seed=1), make_counting(seed=2)
    results = [predict_compiled(model, INPUTS) for model in (first, second)]
    assert Counting.traces["predict"] == 1
    for model, result in zip((first, second), results, strict=True):
        np.testing.assert_allclose(result, model(INPUTS), rtol=1e-5, atol=1e-6)
    assert np.abs(results[0] - results[1]).max() > 1e-3


@pytest.mark.parametrize("order", [["uint8", "float32", "float64"], ["float32", "uint8"]])
def test_each_type_of_images_gets_its_own_graph(order):
    vae = make_method("vae")
    expected = vae(IMAGES).numpy()
    for kind in order:
        images = IMAGES if kind == "uint8" else (IMAGES / 255).astype(kind)
        np.testing.assert_allclose(predict_compiled(vae, images), expected, rtol=1e-4, atol=1e-5)


def test_networks_of_large_images_predict_fewer_at_once():
    from tfzero.common.compiled import _predict_batch

    def build(side):
        inputs = keras.Input((8, 8, 1))
        large = keras.layers.UpSampling2D(side // 8)(inputs)
        return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(large))

    inner = build(512)
    outer = keras.Sequential([keras.Input((8, 8, 1)), inner])
    assert _predict_batch(build(64)) == 500
    assert _predict_batch(inner) == _predict_batch(outer) == 2**28 // (4 * 512 * 512) == 256
    # And every image is answered once.
    images = np.random.default_rng(0).random((300, 8, 8, 1)).astype(np.float32)
    found = predict_compiled(outer, images)
    np.testing.assert_allclose(found[:, 0], images.mean(axis=(1, 2, 3)), atol=1e-5)


def test_sizes_of_batches_that_were_met_before_change_nothing(encoder):
    from tfzero.transfer import fit_classifier
    from tfzero.transfer.budget import Budget

    labels = np.arange(12) % 3

    def predict(batch_size):
        budget = Budget(steps=20, batch_size=batch_size)
        fitted = fit_classifier(
            "finetune", encoder=encoder, images=IMAGES, labels=labels, budget=budget
        )
        return fitted.predict(IMAGES)

    compiled.forget_models()
    alone = predict(12)
    compiled.forget_models()
    predict(7)
    np.testing.assert_array_equal(predict(12), alone)
