import keras
import numpy as np
import pytest

import tfzero
from tests.conftest import build_small_encoder, draw_bars
from tests.pretrain.cases import (
    TYPICAL_METHODS,
    Brightness,
    assert_same_state,
    compile_method,
    make_method,
    read_state,
)
from tfzero.common.checks import InputError
from tfzero.pretrain.probe import score_linear, score_nearest

IMAGES, LABELS = draw_bars(80, seed=3)


def make_probe(**settings):
    return tfzero.ProbeCallback(IMAGES, LABELS, **settings)


class Scripted(tfzero.ProbeCallback):
    """A probe whose values are given."""

    def measure(self):
        self.given, value = self.given[1:], self.given[0]
        return value


def fit(method, *callbacks, epochs=1, **settings):
    return method.fit(
        IMAGES, batch_size=40, epochs=epochs, callbacks=list(callbacks), verbose=0, **settings
    ).history


@TYPICAL_METHODS
def test_probes_every_method_and_changes_nothing(name):
    plain, probed = (compile_method(make_method(name), run_eagerly=True) for _ in range(2))
    fit(plain, shuffle=False)
    probe = make_probe()
    history = fit(probed, probe, shuffle=False)
    assert 0.25 <= history["probe_accuracy"][0] <= 1
    assert history["probe_accuracy"] == [probe.values[1]]
    assert_same_state(read_state(plain), read_state(probed))


@pytest.mark.parametrize("probe", ["knn", "linear"])
def test_finds_what_good_features_hold_and_bad_ones_lack(probe):
    class Bearer(keras.Model):
        def __init__(self, encoder):
            super().__init__()
            self.encoder = encoder
            self.flat, self.head = keras.layers.Flatten(), keras.layers.Dense(1)

        def call(self, images):
            return self.head(self.flat(self.encoder(images)))

    def measure(encoder):
        model = Bearer(encoder)
        model.compile("sgd", "mse")
        return model.fit(
            IMAGES / 255.0, LABELS, callbacks=[make_probe(probe=probe)], verbose=0
        ).history["probe_accuracy"][0]

    good = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Identity()])  # not flat
    bad = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.GlobalMaxPooling2D()])
    assert measure(good) == 1
    assert measure(bad) < 0.6


def test_the_held_out_part_is_stratified_and_never_fitted():
    seen = {}

    def score(features, labels, held_features, held_labels):
        seen.update(fitted=features, labels=labels, held=held_features, held_labels=held_labels)
        return 0.5

    probe = make_probe(share=0.25)
    probe._score = score
    pixels = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    method = compile_method(make_method("vae", encoder=pixels), run_eagerly=True)
    fit(method, probe)
    assert np.bincount(seen["labels"]).tolist() == [15] * 4
    assert np.bincount(seen["held_labels"]).tolist() == [5] * 4
    rows = {row.tobytes() for row in seen["fitted"]}
    assert len(rows) == 60 and rows.isdisjoint(row.tobytes() for row in seen["held"])
    by_pixels = {image.tobytes(): label for image, label in zip(IMAGES, LABELS, strict=True)}
    for row, label in zip(seen["held"], seen["held_labels"], strict=True):
        assert by_pixels[np.rint(row * 255).astype(np.uint8).tobytes()] == label


def test_runs_each_so_many_epochs_and_repeats_its_value_between(tmp_path):
    probe = Scripted(IMAGES, LABELS, every=3)
    probe.given = [0.4, 0.9, 0.5, 0.6]
    best = tmp_path / "best.keras"
    saver = keras.callbacks.ModelCheckpoint(
        best, monitor="probe_accuracy", mode="max", save_best_only=True
    )
    method = compile_method(Brightness(build_small_encoder()), run_eagerly=True)
    history = fit(method, probe, saver, epochs=8)
    assert history["probe_accuracy"] == [0.4, 0.4, 0.9, 0.9, 0.9, 0.5, 0.5, 0.6]
    assert probe.values == {1: 0.4, 3: 0.9, 6: 0.5, 8: 0.6}
    assert int(tfzero.load_model(best).optimizer.iterations.numpy()) == 3 * 2


def test_early_stopping_counts_epochs():
    probe = Scripted(IMAGES, LABELS, every=2)
    probe.given = [0.4, 0.8, 0.7, 0.6]
    stopping = keras.callbacks.EarlyStopping(
        "probe_accuracy", mode="max", patience=3, restore_best_weights=True
    )
    method = compile_method(Brightness(build_small_encoder()), run_eagerly=True)
    fit(method, probe, stopping, epochs=20)
    assert stopping.stopped_epoch + 1 == 5 and stopping.best == 0.8
    assert probe.values == {1: 0.4, 2: 0.8, 4: 0.7}


def test_an_epoch_that_another_callback_makes_the_last_has_no_value():
    class Stopper(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 4

    probe = Scripted(IMAGES, LABELS, every=2)
    probe.given = [0.4, 0.8, 0.7]
    fit(
        compile_method(Brightness(build_small_encoder()), run_eagerly=True),
        probe,
        Stopper(),
        epochs=9,
    )
    assert probe.values == {1: 0.4, 2: 0.8, 4: 0.7}


def test_a_second_fit_is_measured_after_its_first_epoch():
    probe = Scripted(IMAGES, LABELS, every=10)
    probe.given = [0.3, 0.5, 0.6]
    method = compile_method(Brightness(build_small_encoder()), run_eagerly=True)
    fit(method, probe, epochs=1)
    fit(method, probe, initial_epoch=1, epochs=3)
    assert probe.values == {1: 0.3, 2: 0.5, 3: 0.6}


def test_features_that_are_not_finite_score_nothing():
    method = compile_method(Brightness(build_small_encoder()), run_eagerly=True)
    method.encoder.get_layer("block1").kernel.assign(np.full((3, 3, 1, 6), np.nan))
    assert fit(method, make_probe())["probe_accuracy"] == [0.0]


def test_scores_are_shares_of_the_part_held_out():
    features, labels = (
        np.array([[3.0, 0], [2, 0], [0, 2], [0, 3]]).repeat(10, 0),
        [0] * 20 + [1] * 20,
    )
    held = np.array([[5.0, 0], [0, 5], [5, 1], [1, 5]])
    for score in (score_nearest, score_linear):
        assert score(features, np.array(labels), held, np.array([0, 1, 0, 0])) == 0.75


def test_what_cannot_be_used_is_refused():
    with pytest.raises(InputError, match='Unknown probe "kmn". Did you mean "knn"'):
        make_probe(probe="kmn")
    with pytest.raises(InputError, match="every is 0"):
        make_probe(every=0)
    with pytest.raises(InputError, match="share is 1.5"):
        make_probe(share=1.5)
    for probe in ("knn", "linear"):
        with pytest.raises(InputError, match="labels are all 3; expected two or more classes"):
            tfzero.ProbeCallback(IMAGES, np.full(80, 3), probe=probe)
    with pytest.raises(InputError, match=r"labels has shape \(79,\)"):
        tfzero.ProbeCallback(IMAGES, LABELS[:79])
    model = build_small_encoder()
    model.compile("sgd", "mse")
    with pytest.raises(InputError, match="Functional has no `encoder` to probe"):
        model.fit(IMAGES / 255.0, np.zeros((80, 96)), callbacks=[make_probe()], verbose=0)
