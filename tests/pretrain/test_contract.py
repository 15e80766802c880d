"""What every method promises; `cases.ARGUMENTS` is the table."""

import inspect
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfzero
from tests.data.pictures import make_pixels
from tests.graphs import list_computed_on_the_host
from tests.pretrain.cases import (
    ARGUMENTS,
    CHOICES,
    PHOTOS,
    SHAPE,
    TYPICAL_METHODS,
    assert_same_state,
    compile_method,
    find_optimizers,
    list_able,
    make_method,
    read_state,
)
from tfzero.common.checks import InputError
from tfzero.data.pipeline import stream_batches
from tfzero.networks import build_encoder
from tfzero.pretrain import METHODS, find_method
from tfzero.pretrain.base import Pretrainer

IMAGES = make_pixels(24, *SHAPE, seed=1)
EVERY_METHOD = pytest.mark.parametrize("name", list(METHODS))


def list_cases(*quick):
    """Returns (method, arguments) of every method and choice; all but the quick ones are slow."""
    assert set(quick) <= set(METHODS)
    return [
        *((name, {}) for name in quick),
        *(pytest.param(name, {}, marks=pytest.mark.slow) for name in METHODS if name not in quick),
        *(pytest.param(*choice, marks=pytest.mark.slow) for choice in [*CHOICES, *PHOTOS]),
    ]


def test_the_table_has_every_method():
    assert set(ARGUMENTS) == set(METHODS)


def test_an_unknown_method_is_refused_with_the_nearest():
    with pytest.raises(InputError, match='Unknown method "vea". Did you mean "vae"?'):
        find_method("vea")


def fit_three_steps_an_epoch(method, images=IMAGES, **settings):
    return method.fit(images, batch_size=8, epochs=3, shuffle=False, verbose=0, **settings).history


@pytest.fixture(scope="module", params=list(METHODS))
def trained(request):
    """A method after three epochs of plain Keras training with validation."""
    # 2 updates a call do not divide an epoch of 3.
    method = compile_method(make_method(request.param), steps_per_execution=2)
    initial = [weight.numpy() for weight in method.trainable_weights]
    history = fit_three_steps_an_epoch(method, validation_data=(make_pixels(12, *SHAPE, seed=2),))
    return types.SimpleNamespace(
        name=request.param, method=method, initial=initial, history=history
    )


def test_losses_are_finite_and_validated(trained):
    names = set(trained.method.trackers)
    assert set(trained.history) == names | {f"val_{name}" for name in names}
    for name, values in trained.history.items():
        assert len(values) == 3 and np.isfinite(values).all(), name
        assert len(set(values)) > 1, name  # averages are of their own epoch


def test_every_trainable_weight_moves(trained):
    weights = trained.method.trainable_weights
    assert len(weights) == len(trained.initial) >= 5
    for weight, before in zip(weights, trained.initial, strict=True):
        assert np.isfinite(weight.numpy()).all(), weight.path
        assert np.abs(weight.numpy() - before).max() > 1e-5, weight.path


def test_a_gpu_leaves_no_image_to_the_host(trained):
    method = trained.method
    images = tf.TensorSpec((16, *SHAPE), tf.uint8)
    assert list_computed_on_the_host(lambda batch: method.train_step(batch), images) == []


def test_each_trainable_weight_has_one_optimizer(trained):
    owned = [
        id(variable)
        for optimizer in find_optimizers(trained.method).values()
        for variable in optimizer._trainable_variables
    ]
    assert sorted(owned) == sorted(id(weight) for weight in trained.method.trainable_weights)
    for optimizer in find_optimizers(trained.method).values():
        assert int(optimizer.iterations.numpy()) == 9


def test_calling_gives_the_encoders_features(trained):
    method = trained.method
    scaled = (IMAGES / 255).astype(np.float32)
    expected = np.asarray(method.encoder(scaled))
    assert expected.shape == (24, method.encoder.output_shape[1])
    for features in (method(IMAGES), method(scaled), method.predict(IMAGES, verbose=0)):
        np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-5)


def test_evaluation_changes_nothing_and_repeats(trained):
    before = read_state(trained.method)
    first = trained.method.evaluate(IMAGES, return_dict=True, verbose=0)
    assert first == trained.method.evaluate(IMAGES, return_dict=True, verbose=0)
    assert set(first) == set(trained.method.trackers)
    assert_same_state(before, read_state(trained.method))


@TYPICAL_METHODS
def test_each_batch_of_an_evaluation_has_noise_of_its_own(name, monkeypatch):
    method = compile_method(make_method(name), run_eagerly=True)
    draw, drawn = method.step_seed, []

    def record(**settings):
        seed = draw(**settings)
        drawn.append(tuple(seed.numpy().tolist()))
        return seed

    monkeypatch.setattr(method, "step_seed", record)
    method.evaluate(IMAGES, batch_size=10, verbose=0)
    assert len(drawn) >= 3 and len(set(drawn)) == len(drawn)
    first, drawn[:] = list(drawn), []
    method.evaluate(IMAGES, batch_size=10, verbose=0)
    assert drawn == first
    drawn.clear()
    method.fit(IMAGES[:8], epochs=1, verbose=0)
    assert drawn and not set(drawn) & set(first)


@pytest.mark.parametrize("trained", list_able("generate"), indirect=True)
def test_generates_images_from_a_seed(trained):
    images = np.asarray(trained.method.generate(6, seed=4))
    assert images.shape == (6, *SHAPE) and images.dtype == np.float32
    assert images.min() >= 0 and images.max() <= 1
    np.testing.assert_array_equal(images, trained.method.generate(6, seed=4))
    assert np.abs(images - trained.method.generate(6, seed=5)).max() > 1e-4
    assert np.abs(images[0] - images[1]).max() > 1e-4


def test_the_encoder_plugs_into_a_classifier(trained):
    labels = np.arange(24) % 3
    fitted = tfzero.fit_classifier(
        "probe", encoder=trained.method.encoder, images=IMAGES, labels=labels
    )
    probabilities = fitted.predict(IMAGES)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    classifier = tfzero.Classifier(trained.method.encoder, num_classes=3)
    assert classifier(IMAGES).shape == (24, 3)


@EVERY_METHOD
def test_methods_are_final_and_keep_keras_methods(name):
    kind = find_method(name)
    assert kind.__bases__ == (Pretrainer,)
    for kept in ("predict", "save", "summary", "__call__"):
        assert getattr(kind, kept) is getattr(keras.Model, kept), kept
    for kept in ("fit", "evaluate"):  # which refuse what Keras would pass over
        assert getattr(kind, kept) is getattr(Pretrainer, kept), kept


@EVERY_METHOD
def test_the_configuration_is_the_constructors_arguments(name):
    method = make_method(name)
    parameters = inspect.signature(type(method).__init__).parameters
    config = method.get_config()
    assert set(config) == set(parameters) - {"self"}
    for argument, value in {**ARGUMENTS[name], "seed": 0}.items():
        assert config[argument] == value
    for argument in set(config) - {"encoder"}:
        assert parameters[argument].kind is inspect.Parameter.KEYWORD_ONLY


@EVERY_METHOD
def test_an_unknown_argument_is_refused(name):
    with pytest.raises(TypeError, match="unexpected keyword argument 'latent_dimm'"):
        make_method(name, latent_dimm=3)


@TYPICAL_METHODS
@pytest.mark.parametrize("kind", ["arrays", "dataset", "evaluate"])
def test_labels_are_refused(name, kind):
    method = compile_method(make_method(name), run_eagerly=True)
    labels = np.ones(24)
    with pytest.raises(
        ValueError, match=r"images alone.*Pass only the images: (fit|evaluate)\(images\)"
    ):
        if kind == "arrays":
            method.fit(IMAGES, labels, verbose=0)
        elif kind == "dataset":
            batches = stream_batches(IMAGES, labels, batch_size=4, seed=0)
            method.fit(batches, steps_per_epoch=1, shuffle=False, verbose=0)
        else:
            method.evaluate(IMAGES, labels, verbose=0)
    assert int(method.optimizer.iterations.numpy()) == 0


@TYPICAL_METHODS
def test_the_seed_decides_the_weights(name):
    def train(seed):
        # Equal encoders: what differs comes from the method's own seed.
        method = compile_method(make_method(name, seed=seed), run_eagerly=True)
        method.fit(IMAGES[:8], batch_size=4, epochs=1, shuffle=False, verbose=0)
        return method

    first, same, other = train(3), train(3), train(4)
    assert_same_state(read_state(first), read_state(same))
    for weight, changed in zip(
        first.encoder.trainable_weights, other.encoder.trainable_weights, strict=True
    ):
        assert np.abs(weight.numpy() - changed.numpy()).max() > 0, weight.path


@TYPICAL_METHODS
def test_the_seed_decides_the_noise(name):
    methods = [compile_method(make_method(name, seed=seed), run_eagerly=True) for seed in (3, 4)]
    for weight, same in zip(methods[0].weights, methods[1].weights, strict=True):
        if weight.name != "noise_seed":
            same.assign(weight)
    for method in methods:
        method.fit(IMAGES[:8], epochs=1, verbose=0)
    first, other = (method.encoder.get_weights() for method in methods)
    assert max(np.abs(a - b).max() for a, b in zip(first, other, strict=True)) > 0


@TYPICAL_METHODS
def test_bytes_and_floats_train_alike(name):
    bytes_method, floats_method = (
        compile_method(make_method(name), run_eagerly=True) for _ in range(2)
    )
    bytes_method.fit(IMAGES[:6], epochs=1, shuffle=False, verbose=0)
    floats_method.fit(IMAGES[:6] / 255, epochs=1, shuffle=False, verbose=0)
    for ours, theirs in zip(bytes_method.weights, floats_method.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "name, eagerly",
    [
        ("gan", True),
        ("vae", False),
        *(pytest.param(name, True, marks=pytest.mark.slow) for name in METHODS if name != "gan"),
    ],
)
def test_floats_out_of_range_are_refused(name, eagerly):
    method = compile_method(make_method(name), run_eagerly=eagerly)
    start = method.get_weights()
    for images in (IMAGES * 1.0, IMAGES / 127.5 - 1, np.full_like(IMAGES, np.nan, np.float32)):
        errors = (InputError, tf.errors.InvalidArgumentError)  # the first where values are known
        with pytest.raises(errors, match=r"expected (uint8 in 0\.\.255 or floats in )?0\.\.1"):
            method.fit(images, epochs=1, verbose=0)
        for weight, before in zip(method.get_weights(), start, strict=True):
            np.testing.assert_array_equal(weight, before)
    method.fit(np.clip(IMAGES / 255 * 1.2 - 0.1, -0.05, 1.05), epochs=1, verbose=0)


@TYPICAL_METHODS
def test_color_images_that_are_not_square(name):
    shape = (9, 12, 3)
    method = compile_method(make_method(name, shape=shape), run_eagerly=True)
    history = method.fit(make_pixels(6, *shape), epochs=1, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())
    if method.can("generate"):
        assert np.asarray(method.generate(2)).shape == (2, *shape)
    assert method(make_pixels(2, *shape)).shape == (2, method.encoder.output_shape[1])


@TYPICAL_METHODS
def test_early_stopping_watches_a_loss(name):
    method = compile_method(make_method(name), run_eagerly=True)
    watched = list(method.trackers)[0]
    # No epoch improves by this much, so patience ends after the second.
    stopping = keras.callbacks.EarlyStopping(
        f"val_{watched}", min_delta=1e9, patience=1, mode="min", restore_best_weights=True
    )
    history = method.fit(
        IMAGES[:8], epochs=5, validation_data=(IMAGES[8:16],), callbacks=[stopping], verbose=0
    ).history
    assert len(history[f"val_{watched}"]) == 2
    assert stopping.best == history[f"val_{watched}"][0]


def train_eagerly(name, images=IMAGES, **arguments):
    method = compile_method(make_method(name, **arguments), run_eagerly=True)
    return method, fit_three_steps_an_epoch(method, images)


def assert_trained_alike(method, history, eager, expected):
    for weight, other in zip(method.weights, eager.weights, strict=True):
        # Adam moves each weight by up to 0.018 in 9 steps, and enlarges rounding errors.
        np.testing.assert_allclose(weight, other, atol=1e-3, err_msg=weight.path)
    assert set(expected) == set(method.trackers)
    # Averages are over all images, not of the last call.
    for name, values in expected.items():
        assert np.isfinite(values).all()
        assert history[name] == pytest.approx(values, rel=0.01, abs=0.01), name


def test_several_steps_a_call_equal_eager_steps(trained):
    eager, expected = train_eagerly(trained.name)
    assert_trained_alike(trained.method, trained.history, eager, expected)


@pytest.mark.parametrize(
    "name, arguments",
    [
        PHOTOS[0],
        *(pytest.param(*each, marks=pytest.mark.slow) for each in [*CHOICES, *PHOTOS[1:]]),
    ],
)
def test_several_steps_a_call_equal_eager_steps_of_each_choice(name, arguments):
    images = make_pixels(24, *arguments.get("shape", SHAPE), seed=1)
    method = compile_method(make_method(name, **arguments), steps_per_execution=2)
    history = fit_three_steps_an_epoch(method, images)
    assert_trained_alike(method, history, *train_eagerly(name, images, **arguments))


@TYPICAL_METHODS
def test_trains_a_residual_encoder(name):
    encoder = build_encoder(SHAPE, width=2, architecture="residual")
    start = [weight.numpy() for weight in encoder.trainable_weights]
    method = compile_method(make_method(name, encoder=encoder), run_eagerly=True)
    history = method.fit(IMAGES[:16], batch_size=8, epochs=2, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())
    for weight, before in zip(encoder.trainable_weights, start, strict=True):
        assert np.abs(weight.numpy() - before).max() > 1e-5, weight.path


def _set_noise(monkeypatch):
    """Has all noise be the same numbers: XLA draws other ones than eager steps from a seed."""

    def spread(shape, seed, maxval=1.0, dtype=tf.float32, **_):
        count = tf.cast(tf.reduce_prod(shape), tf.float32)
        values = tf.math.floormod(tf.range(count) * 0.618, 1.0)  # even over 0..1
        return tf.cast(tf.reshape(values, shape) * tf.cast(maxval, tf.float32), dtype)

    monkeypatch.setattr(tf.random, "stateless_uniform", spread)
    monkeypatch.setattr(tf.random, "stateless_normal", lambda *a, **k: 4 * spread(*a, **k) - 2)


@pytest.mark.parametrize("name, arguments", list_cases("denoising"))
def test_trains_alike_when_compiled_by_xla(name, arguments, monkeypatch):
    _set_noise(monkeypatch)
    images = make_pixels(24, *arguments.get("shape", SHAPE), seed=1)
    method = compile_method(make_method(name, **arguments), jit_compile=True)
    history = fit_three_steps_an_epoch(method, images)
    assert_trained_alike(method, history, *train_eagerly(name, images, **arguments))


@pytest.mark.slow
def test_xla_draws_noise_anew_and_evaluates():
    method = make_method("vae")
    method.compile(keras.optimizers.SGD(0.0), jit_compile=True)
    # Nothing is learnt and every batch is the same: only the noise differs.
    same = np.repeat(IMAGES[:4], 2, axis=0)[[0, 2, 4, 6, 1, 3, 5, 7]]
    history = method.fit(same, batch_size=4, epochs=3, shuffle=False, verbose=0).history
    assert len(set(history["reconstruction"])) == 3 and np.isfinite(history["loss"]).all()
    found = [
        method.evaluate(images, batch_size=4, verbose=0, return_dict=True)["reconstruction"]
        for images in (same, same, same[:4])
    ]
    assert found[0] == found[1] != found[2]


class Crash(keras.callbacks.Callback):
    """Stops the run by an exception, like a machine that goes down."""

    class Error(Exception):
        pass

    def __init__(self, step):
        super().__init__()
        self.step = step

    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.optimizer.iterations.numpy()) == self.step:
            raise self.Error


def fit_three_epochs(method, *, done=0, callbacks=()):
    """Fits epochs of 2 steps in the order that a run from the start would have."""
    batches = stream_batches(IMAGES, batch_size=6, seed=7, start=2 * done)
    method.fit(
        batches,
        steps_per_epoch=2,
        initial_epoch=done,
        epochs=3,
        shuffle=False,
        verbose=0,
        callbacks=list(callbacks),
    )


@pytest.mark.parametrize(
    "name, arguments, eagerly",
    [
        ("gan", {}, False),
        ("vae", {}, True),
        *(
            pytest.param(name, arguments, False, marks=pytest.mark.slow)
            for name, arguments in [*((name, {}) for name in METHODS if name != "gan"), *CHOICES]
        ),
    ],
)
def test_saved_or_killed_training_continues_as_if_never_stopped(name, arguments, eagerly, tmp_path):
    method = compile_method(make_method(name, **arguments), run_eagerly=eagerly)
    initial = [variable.numpy() for variable in method.variables]
    fit_three_epochs(method)
    expected = read_state(method)
    for optimizer in find_optimizers(method).values():
        assert int(optimizer.iterations.numpy()) == 6
        assert len(optimizer.variables) > 10  # slots are there to compare

    def back_up():
        return keras.callbacks.BackupAndRestore(tmp_path / "backup", save_freq="epoch")

    # From the start again, this time killed in the third epoch; the graph is reused.
    for variable, value in zip(method.variables, initial, strict=True):
        variable.assign(value)
    for optimizer in find_optimizers(method).values():
        for variable in optimizer.variables:
            if variable.name != "learning_rate":
                variable.assign(0 * variable)
    saver = keras.callbacks.ModelCheckpoint(tmp_path / "epoch{epoch}.keras")
    with pytest.raises(Crash.Error):
        fit_three_epochs(method, callbacks=[saver, back_up(), Crash(step=5)])

    loaded = tfzero.load_model(tmp_path / "epoch2.keras")
    assert type(loaded) is type(method)
    assert set(find_optimizers(loaded)) == set(find_optimizers(method))
    fit_three_epochs(loaded, done=2)
    assert_same_state(expected, read_state(loaded))

    # The same object serves as the restarted process, with nothing right but its shapes.
    for part in [loaded, *find_optimizers(loaded).values()]:
        for variable in part.variables:
            if variable.name not in ("noise_seed", "learning_rate"):
                variable.assign(variable + 1)
    batches = stream_batches(IMAGES, batch_size=6, seed=7, start=4)
    loaded.fit(
        batches, steps_per_epoch=2, epochs=3, callbacks=[back_up()], shuffle=False, verbose=0
    )
    assert_same_state(expected, read_state(loaded))
