"""Every argument and callback of Keras is honoured in all networks of a model, or refused."""

import inspect

import keras
import numpy as np
import pytest

from tests.conftest import build_small_encoder, draw_bars
from tests.pretrain.cases import SHAPE, make_method
from tfzero.common.checks import InputError
from tfzero.pretrain import METHODS
from tfzero.transfer.classifier import Classifier

IMAGES, LABELS = draw_bars(8, seed=0)
WEIGHTS = np.ones(8, "float32")
HONOURED, REFUSED = "honoured", "refused"
# Of the methods: argument of Keras, a value, what becomes of it.
COMPILE = {
    "optimizer": (lambda: keras.optimizers.SGD(0.01, clipnorm=1.0), HONOURED),
    "loss": ("mse", REFUSED),
    "loss_weights": ([2.0], REFUSED),
    "metrics": (["accuracy"], REFUSED),
    "weighted_metrics": (["accuracy"], REFUSED),
    "run_eagerly": (True, HONOURED),
    "steps_per_execution": (2, HONOURED),
    "jit_compile": (False, HONOURED),
    "auto_scale_loss": (False, HONOURED),
}
FIT = {
    "x": (IMAGES, HONOURED),
    "y": (LABELS, REFUSED),
    "batch_size": (4, HONOURED),
    "epochs": (2, HONOURED),
    "verbose": (0, HONOURED),
    "callbacks": (None, HONOURED),  # see CALLBACKS
    "validation_split": (0.5, HONOURED),
    "validation_data": (IMAGES, HONOURED),
    "shuffle": (False, HONOURED),
    "class_weight": ({0: 2.0}, REFUSED),
    "sample_weight": (WEIGHTS, REFUSED),
    "initial_epoch": (1, HONOURED),
    "steps_per_epoch": (1, HONOURED),
    "validation_steps": (1, HONOURED),
    "validation_batch_size": (4, HONOURED),
    "validation_freq": (1, HONOURED),
}
EVALUATE = {
    "x": (IMAGES, HONOURED),
    "y": (LABELS, REFUSED),
    "batch_size": (4, HONOURED),
    "verbose": (0, HONOURED),
    "sample_weight": (WEIGHTS, REFUSED),
    "steps": (1, HONOURED),
    "callbacks": (None, HONOURED),
    "return_dict": (True, HONOURED),
}
# Losses are refused when `fit` begins; these would else go by unnoticed.
CALLS = [("fit", FIT), ("evaluate", EVALUATE)]
# How each callback of Keras is made, and what it looks at or changes beside the model as a whole.
CALLBACKS = {
    "BackupAndRestore": lambda folder: keras.callbacks.BackupAndRestore(folder / "backup"),
    "CSVLogger": lambda folder: keras.callbacks.CSVLogger(str(folder / "log.csv")),
    "Callback": lambda folder: keras.callbacks.Callback(),
    "EarlyStopping": lambda folder: keras.callbacks.EarlyStopping(
        next(iter(FOUND)), restore_best_weights=True, mode="min"
    ),
    "History": lambda folder: keras.callbacks.History(),
    "LambdaCallback": lambda folder: keras.callbacks.LambdaCallback(),
    "LearningRateScheduler": lambda folder: keras.callbacks.LearningRateScheduler(lambda _: 0.5),
    "ModelCheckpoint": lambda folder: keras.callbacks.ModelCheckpoint(str(folder / "m.keras")),
    "ProgbarLogger": lambda folder: keras.callbacks.ProgbarLogger(),
    "ReduceLROnPlateau": lambda folder: keras.callbacks.ReduceLROnPlateau(
        next(iter(FOUND)), mode="min"
    ),
    "SwapEMAWeights": lambda folder: keras.callbacks.SwapEMAWeights(),
    "TensorBoard": lambda folder: keras.callbacks.TensorBoard(str(folder / "board")),
    "TerminateOnNaN": lambda folder: keras.callbacks.TerminateOnNaN(),
}
# Keras makes this of other callbacks, and these need a server or a package that is not there.
ELSEWHERE = {"CallbackList", "OrbaxCheckpoint", "RemoteMonitor"}
# One of several optimizers would follow them, and the last looks at a loss that is not there.
REFUSED_BY_GAN = {"LearningRateScheduler", "ReduceLROnPlateau", "SwapEMAWeights", "TerminateOnNaN"}
FOUND = {"val_loss": None}


# What methods share is quick of one with one optimizer and of the one with two.
BY_SHARE = [
    pytest.param(name, marks=() if name in ("gan", "rotation") else pytest.mark.slow)
    for name in METHODS
]


def compiled(name, **arguments):
    method = make_method(name)
    method.compile(**{"optimizer": "adam", "run_eagerly": True, **arguments})
    return method


def values(value):
    return value() if callable(value) else value


@pytest.fixture(scope="module", params=BY_SHARE)
def method(request):
    return compiled(request.param)


def names(function):
    signature = inspect.signature(function)
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return {n for n, p in signature.parameters.items() if n != "self" and p.kind not in kinds}


def test_the_tables_have_every_argument_and_callback_of_keras():
    assert names(keras.Model.compile) == set(COMPILE)
    assert names(keras.Model.fit) == set(FIT)
    assert names(keras.Model.evaluate) == set(EVALUATE)
    shipped = {
        name
        for name in dir(keras.callbacks)
        if isinstance(getattr(keras.callbacks, name), type)
        and issubclass(getattr(keras.callbacks, name), keras.callbacks.Callback)
    }
    assert shipped | {"CallbackList"} == set(CALLBACKS) | ELSEWHERE


@pytest.mark.parametrize(
    "call, argument", [(call, each) for call, table in CALLS for each in table]
)
def test_what_fit_and_evaluate_cannot_use_is_refused(method, call, argument):
    value, outcome = dict(CALLS)[call][argument]
    if argument == "x" or outcome == HONOURED:
        return  # below, all of them at once
    before = [weight.numpy() for weight in method.weights]
    with pytest.raises(InputError, match=f"{call} got `{argument}`; .* images alone"):
        getattr(method, call)(IMAGES, **{argument: value}, verbose=0)
    for old, weight in zip(before, method.weights, strict=True):
        np.testing.assert_array_equal(old, weight)


def test_weights_of_validation_images_are_refused(method):
    for data in ((IMAGES, None, WEIGHTS), (IMAGES, LABELS)):
        with pytest.raises(InputError, match="validation_data.* images alone"):
            method.fit(IMAGES, validation_data=data, verbose=0)


def test_what_is_used_of_fit_and_evaluate_is_used_as_keras_says(method):
    calls = []
    seen = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: calls.append(1))
    common = {"batch_size": 4, "verbose": 0, "shuffle": False, "callbacks": [seen]}
    history = method.fit(IMAGES, epochs=2, initial_epoch=1, validation_split=0.5, **common).history
    assert len(calls) == 1 and all(len(each) == 1 for each in history.values())
    assert {f"val_{name}" for name in method.trackers} < set(history)
    more = {"validation_data": IMAGES, "validation_steps": 1, "validation_batch_size": 4}
    history = method.fit(
        IMAGES, epochs=2, steps_per_epoch=1, validation_freq=2, **more, **common
    ).history
    name = next(iter(method.trackers))
    assert (len(calls), len(history[name]), len(history[f"val_{name}"])) == (3, 2, 1)
    found = method.evaluate(IMAGES, batch_size=4, steps=1, verbose=0, return_dict=True)
    assert set(found) == set(method.trackers)
    assert method.predict(IMAGES, batch_size=4, verbose=0, steps=2).shape[0] == 8


@pytest.mark.parametrize("name", BY_SHARE)
def test_losses_metrics_and_scaled_losses_are_refused_before_any_update(name):
    for argument, (value, outcome) in COMPILE.items():
        if outcome == REFUSED:
            refused = compiled(name, **{argument: value, "loss": value})
            with pytest.raises(InputError, match=r"compile got `loss(_weights)?`"):
                refused.fit(IMAGES, verbose=0)
            if argument != "loss_weights":
                with pytest.raises(InputError, match=f"compile got `{argument}`"):
                    compiled(name, **{argument: value}).fit(IMAGES, verbose=0)
    scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam())
    with pytest.raises(InputError, match="LossScaleOptimizer"):
        compiled(name, optimizer=scaled).fit(IMAGES, verbose=0)


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("name", METHODS)
def test_what_compile_takes_runs(name, jit_compile):
    honoured = {
        argument: values(value) for argument, (value, kind) in COMPILE.items() if kind == HONOURED
    }
    method = compiled(name, **{**honoured, "run_eagerly": False, "jit_compile": jit_compile})
    history = method.fit(IMAGES, batch_size=4, epochs=1, verbose=0).history
    assert all(np.isfinite(each).all() for each in history.values())
    assert method.optimizer.iterations == 2


@pytest.mark.parametrize("kind", CALLBACKS)
def test_each_callback_is_honoured_or_refused(method, kind, tmp_path, monkeypatch):
    if kind == "TensorBoard":
        pytest.importorskip("tensorboard")
    monkeypatch.setitem(FOUND, next(iter(method.trackers)), None)
    FOUND.pop("val_loss", None)
    callback = CALLBACKS[kind](tmp_path)
    if type(method).__name__ == "GAN" and kind in REFUSED_BY_GAN:
        with pytest.raises(InputError, match=kind):
            method.fit(IMAGES, callbacks=callback, verbose=0)
        return
    if kind == "SwapEMAWeights":
        method = compiled(
            type(method).__name__.lower(), optimizer=keras.optimizers.SGD(1.0, use_ema=True)
        )
    method.fit(IMAGES, callbacks=[callback], verbose=0, epochs=1)
    if kind == "LearningRateScheduler":
        assert float(method.optimizer.learning_rate) == 0.5
        method.optimizer.learning_rate = 1e-3
    if kind == "ModelCheckpoint":
        assert len(keras.models.load_model(tmp_path / "m.keras").weights) == len(method.weights)


def test_the_classifier_honours_what_keras_has_for_labels():
    """Weights that leave out a class must change what is learnt; a loss that is missing is said."""

    def fit(**arguments):
        model = Classifier(build_small_encoder(SHAPE, seed=1), 4, seed=0)
        model.compile(
            keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", run_eagerly=True
        )
        model.fit(IMAGES, LABELS, batch_size=8, shuffle=False, verbose=0, **arguments)
        return np.concatenate([weight.numpy().ravel() for weight in model.trainable_weights])

    plain, chosen = fit(), (LABELS == 0).astype("float32")
    np.testing.assert_array_equal(plain, fit(sample_weight=WEIGHTS))
    by_sample, by_class = fit(sample_weight=chosen), fit(class_weight={0: 1.0, 1: 0, 2: 0, 3: 0})
    assert np.abs(plain - by_sample).max() > 1e-3
    np.testing.assert_allclose(by_sample, by_class, atol=1e-6)
    model = Classifier(build_small_encoder(SHAPE, seed=1), 4)
    model.compile("adam", run_eagerly=True)
    with pytest.raises(ValueError, match="[Nn]o loss"):
        model.fit(IMAGES, LABELS, verbose=0)
