import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import build_small_encoder, draw_bars
from tests.data.pictures import make_pixels
from tests.pretrain.cases import (
    SHAPE,
    assert_same_state,
    build_teacher,
    compile_method,
    make_method,
    read_state,
)
from tfzero.common.checks import InputError
from tfzero.data.pipeline import stream_batches
from tfzero.networks import build_encoder
from tfzero.networks.augmentation import AUGMENTATIONS
from tfzero.networks.reading import read_network
from tfzero.pretrain import build_method, distillation, targets
from tfzero.pretrain.budget import PretrainingBudget
from tfzero.pretrain.distillation import Distillation
from tfzero.pretrain.run import pretrain
from tfzero.transfer import fit_classifier

IMAGES = make_pixels(20, *SHAPE, seed=3)
SCALED = (IMAGES / 255).astype(np.float32)


def standardize(features):
    features = np.asarray(features, np.float64)
    return (features - features.mean(axis=0)) / features.std(axis=0)


@pytest.mark.parametrize("loss", distillation.LOSSES)
def test_losses_equal_loops_over_features_and_views(loss):
    method = compile_method(make_method("distillation", loss=loss, seed=6))
    method.prepare(IMAGES)
    expected = standardize(method.teacher(SCALED, training=False))
    found = method.find_targets(tf.constant(SCALED), training=True)
    np.testing.assert_allclose(found, expected, rtol=2e-3, atol=2e-3)  # in half precision
    _, views = method.draw_views(tf.constant(SCALED), seed=(6, 0))
    kernel, bias = method.head.get_weights()
    errors, cosines = [], []
    for view, wanted in zip(views.numpy(), np.asarray(found, np.float64), strict=True):
        predicted = np.asarray(method.encoder(view[None]), np.float64)[0] @ kernel + bias
        errors.append(np.mean((predicted - wanted) ** 2))
        cosines.append(predicted @ wanted / np.linalg.norm(predicted) / np.linalg.norm(wanted))
    terms = method.loss_terms(tf.constant(SCALED), found, training=True)
    similarity = float(np.mean(cosines))
    error = float(np.mean(errors)) if loss == "squared" else 1 - similarity
    assert float(terms["loss"]) == pytest.approx(error, rel=1e-4)
    assert float(terms["similarity"]) == pytest.approx(similarity, rel=1e-4)


def test_the_teacher_is_neither_trained_nor_changed():
    teacher = build_teacher()
    before = [weight.numpy() for weight in teacher.weights]
    method = compile_method(make_method("distillation", teacher=teacher))
    start = [weight.numpy() for weight in method.teacher.weights]
    method.fit(IMAGES, batch_size=5, epochs=2, verbose=0)
    owned = {id(weight) for weight in method.trainable_weights}
    assert owned.isdisjoint(id(weight) for weight in method.teacher.weights)
    # The statistics of its batch normalization, too.
    for ours, kept, original in zip(method.teacher.weights, start, before, strict=True):
        np.testing.assert_array_equal(ours, kept)
        np.testing.assert_array_equal(ours, original)
    assert len(teacher.trainable_weights) == 4  # whoever brought it can still train it
    frozen = method.teacher
    assert make_method("distillation", teacher=frozen).teacher is frozen  # no copy of a copy


def test_features_that_were_read_before_train_as_those_that_are_read_on_the_way():
    def train(prepares):
        method = compile_method(make_method("distillation"))
        if prepares:
            method.prepare(IMAGES)
        else:  # the same mean and variance
            features = method.teacher(SCALED, training=False).numpy()
            method.count.assign(1e7)
            method.mean.assign(features.mean(axis=0))
            method.variance.assign(features.var(axis=0))
        history = method.fit(IMAGES, batch_size=5, epochs=2, shuffle=False, verbose=0).history
        return method, history

    (prepared, first), (plain, second) = train(True), train(False)
    assert first["loss"] == pytest.approx(second["loss"], rel=1e-3)
    for ours, theirs in zip(prepared.encoder.weights, plain.encoder.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-3)


@pytest.mark.parametrize("compiled", [False, True])
def test_only_images_that_were_not_read_before_are_read(compiled):
    method = make_method("distillation")
    # What is read is what is learnt, whatever the teacher would say.
    told = np.random.default_rng(0).normal(size=(12, 5)).astype(np.float32)
    method.prepare(IMAGES[:12], read=lambda network, images: told)
    find = tf.function(
        lambda images: method.find_targets(images, training=False), jit_compile=compiled
    )
    scale = told.std(axis=0)
    kept = standardize(told)
    np.testing.assert_allclose(find(SCALED[3:9]), kept[3:9], atol=2e-3)
    mixed = find(SCALED[9:15]).numpy()
    np.testing.assert_allclose(mixed[:3], kept[9:], atol=2e-3)
    fresh = (method.teacher(SCALED[12:15], training=False) - told.mean(axis=0)) / scale
    np.testing.assert_allclose(mixed[3:], fresh, rtol=1e-4, atol=1e-4)
    # The graph reads the table, which is no part of it: filled anew, cleared, as long as it likes.
    method.prepare(IMAGES[:3], read=lambda network, images: told[9:])
    np.testing.assert_allclose(find(SCALED[:3]), kept[9:], atol=2e-3)
    method.release()
    fresh = (method.teacher(SCALED[:3], training=False) - told.mean(axis=0)) / scale
    np.testing.assert_allclose(find(SCALED[:3]), fresh, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64, bool])
def test_images_are_found_again_by_their_pixels(dtype):
    images = make_pixels(300, 9, 7, 3, seed=4)
    images = images > 127 if dtype is bool else images if dtype == np.uint8 else images / 255
    images = images.astype(dtype)
    images[7] = images[80]  # the same image twice
    table = targets.TargetTable(2)
    rows = np.arange(600).reshape(300, 2).astype(np.float16)
    rows[7] = rows[80]
    table.fill(images, rows)
    scaled = (images / (255 if dtype == np.uint8 else 1)).astype(np.float32)
    others = scaled.copy()
    others[:, 4, 4, 1] = 1 - others[:, 4, 4, 1] + (others[:, 4, 4, 1] == 0.5)
    found, known = table.find(tf.constant(scaled))
    assert np.all(known)
    np.testing.assert_array_equal(found, rows)
    assert not np.any(table.find(tf.constant(others))[1])
    table.clear()
    assert not np.any(table.find(tf.constant(np.concatenate([scaled, 0 * scaled])))[1])


def test_images_that_come_along_count_for_mean_and_variance_once_a_step():
    method = compile_method(make_method("distillation"))
    features = method.teacher(SCALED, training=False).numpy().astype(np.float64)
    method.evaluate(IMAGES, verbose=0)
    assert float(method.count) == 0  # what is not trained on does not count
    method.fit(IMAGES, batch_size=7, epochs=1, shuffle=False, verbose=0)
    assert float(method.count) == 20
    np.testing.assert_allclose(method.mean, features.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(method.variance, features.var(axis=0), rtol=1e-3)
    # Of a pool that is read first, the first one read, and no batch of it.
    prepared = compile_method(make_method("distillation"))
    prepared.prepare(IMAGES[:9])
    prepared.fit(IMAGES[:9], batch_size=3, epochs=2, verbose=0)
    prepared.prepare(IMAGES[:9])
    assert float(prepared.count) == 9
    np.testing.assert_allclose(prepared.mean, features[:9].mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(prepared.variance, features[:9].var(axis=0), rtol=1e-3)
    # In a batch of both, those that are new.
    prepared.find_targets(tf.constant(SCALED[5:12]), training=True)
    assert float(prepared.count) == 12
    np.testing.assert_allclose(prepared.mean, features[:12].mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(prepared.variance, features[:12].var(axis=0), rtol=1e-3)
    prepared.prepare(IMAGES[9:])
    assert float(prepared.count) == 12


def test_features_that_never_vary_are_learnt_as_zeros():
    inputs = keras.Input(SHAPE)
    bright = keras.layers.GlobalAveragePooling2D()(inputs)
    constant = keras.layers.Rescaling(0.0, offset=3.0)(bright)
    teacher = keras.Model(inputs, keras.layers.Concatenate()([bright, constant]))
    method = make_method("distillation", teacher=teacher)
    method.prepare(IMAGES)
    found = method.find_targets(tf.constant(SCALED), training=False).numpy()
    np.testing.assert_allclose(found[:, 0], standardize(SCALED.mean(axis=(1, 2, 3))), atol=2e-3)
    np.testing.assert_allclose(found[:, 1], 0, atol=1e-3)
    alone = make_method("distillation", teacher=keras.Model(inputs, constant))
    alone.prepare(IMAGES)
    np.testing.assert_allclose(alone.find_targets(SCALED, training=False), 0, atol=1e-6)


def test_a_pool_whose_features_are_too_many_is_read_on_the_way(monkeypatch):
    method = make_method("distillation")
    monkeypatch.setattr(distillation, "MOST_BYTES", 2 * 5 * 20 - 1)
    method.prepare(IMAGES)
    assert not np.any(method.table.find(SCALED)[1]) and float(method.count) == 20


class _Stop(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.save("half.keras")
        raise KeyboardInterrupt


class _See(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.lent = self.model
        self.known = bool(np.all(self.model.table.find(SCALED)[1]))


def test_pretraining_reads_the_teacher_once_and_continues_exactly(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    read = []

    def reading(network, images):
        read.append(len(images))
        return read_network(network, images)

    monkeypatch.setattr(distillation, "read_network", reading)
    budget = PretrainingBudget(3, 6, 2e-3, decays=True)
    whole = make_method("distillation", seed=5)
    pretrain(whole, IMAGES, budget=budget)
    assert read == [20] and float(whole.count) == 20
    killed = make_method("distillation", seed=5)
    with pytest.raises(KeyboardInterrupt):
        pretrain(killed, IMAGES, budget=budget, callbacks=[_Stop()])
    half = keras.models.load_model("half.keras")
    pretrain(half, IMAGES, budget=budget, start_epoch=1)
    assert_same_state(read_state(half), read_state(whole))
    assert read == [20, 20, 20]
    # Read elsewhere, it is not read here; and what was read is forgotten.
    features, see = read_network(half.teacher, IMAGES), _See()
    other = make_method("distillation", seed=5)
    reader = {"read": lambda network, images: features}
    pretrain(other, IMAGES, budget=budget, callbacks=[see], **reader)
    assert_same_state(read_state(other), read_state(whole))
    assert len(read) == 3
    assert see.known and not np.any(see.lent.table.find(SCALED)[1])


@pytest.mark.parametrize(
    "teacher, message",
    [
        (build_small_encoder((9, 8, 1)), r"input shape \(None, 9, 8, 1\).*as the encoder"),
        (
            keras.Sequential([keras.Input(SHAPE), keras.layers.Rescaling(2.0)]),
            r"output shape \(None, 8, 8, 1\); expected",
        ),
        ("lite0", "input shape None and output shape None"),
    ],
)
def test_other_teachers_are_refused(teacher, message):
    with pytest.raises(InputError, match=message):
        make_method("distillation", teacher=teacher)


def test_other_choices_are_refused():
    with pytest.raises(InputError, match='loss "cosin". Did you mean "cosine"'):
        make_method("distillation", loss="cosin")
    with pytest.raises(InputError, match='"photos"'):
        make_method("distillation", kind="photo")
    for kind, views in AUGMENTATIONS.items():
        assert make_method("distillation", kind=kind).views is views


def test_a_teacher_is_asked_for_where_it_is_needed_and_nowhere_else():
    encoder = build_small_encoder()
    with pytest.raises(InputError, match='"distillation" learns from another network'):
        build_method("distillation", encoder, kind=None, seed=0)
    with pytest.raises(InputError, match='"vae" learns from images alone.*"distillation"'):
        build_method("vae", encoder, kind=None, seed=0, teacher=build_teacher())
    built = build_method("distillation", encoder, kind="clothes", seed=4, teacher=build_teacher())
    assert isinstance(built, Distillation) and built.kind == "clothes" and built.seed == 4


def test_learns_what_the_teacher_sees_and_few_labels_do_not_tell():
    """The teacher sees bars in noise; a probe on the encoder finds them with two labels a class."""
    pool, _ = draw_bars(400, seed=3, contrast=0.12, noise=0.15)
    images, labels = draw_bars(8, seed=4, contrast=0.12, noise=0.15)
    test, truth = draw_bars(400, seed=5, contrast=0.12, noise=0.15)
    inputs = keras.Input(SHAPE)
    ops = keras.ops
    sides = [ops.var(ops.mean(inputs, axis=axis), axis=1) for axis in (1, 2)]
    teacher = keras.Model(inputs, keras.layers.Concatenate()(sides))

    def score(encoder):
        fitted = fit_classifier("svm", encoder=encoder, images=images, labels=labels)
        return (fitted.predict(test).argmax(axis=1) == truth).mean()

    encoder = build_encoder(SHAPE, width=8, seed=0)
    untrained = score(encoder)
    method = compile_method(Distillation(encoder, teacher=teacher, seed=0), steps_per_execution=10)
    method.prepare(pool)
    batches = stream_batches(pool, batch_size=50, seed=0)
    history = method.fit(batches, steps_per_epoch=10, epochs=8, shuffle=False, verbose=0).history
    assert history["similarity"][-1] > history["similarity"][0] + 0.2
    assert score(encoder) > untrained + 0.1
