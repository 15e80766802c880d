import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfzero
from tests.conftest import draw_bars
from tests.pretrain.cases import assert_same_state, read_state
from tfzero.common.checks import InputError
from tfzero.data.pipeline import stream_batches
from tfzero.transfer import classifier as classifier_module
from tfzero.transfer.classifier import Classifier


def compile_classifier(classifier, **settings):
    classifier.compile(
        optimizer=keras.optimizers.Adam(5e-3), loss="sparse_categorical_crossentropy", **settings
    )
    return classifier


def test_copies_the_encoder(encoder):
    before = [weight.numpy() for weight in encoder.weights]
    classifier = compile_classifier(Classifier(encoder, 4), run_eagerly=True)
    classifier.fit(*draw_bars(8, seed=0), verbose=0)
    for start, given, copied in zip(
        before, encoder.weights, classifier.encoder.weights, strict=True
    ):
        np.testing.assert_array_equal(start, given)
        assert np.abs(start - copied.numpy()).max() > 0, copied.path


def test_probabilities_of_bytes_and_floats(encoder, bars):
    classifier = Classifier(encoder, 4)
    probabilities = np.asarray(classifier(bars[0]))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    for images in ((bars[0] / 255).astype(np.float32), bars[0] / 255):
        np.testing.assert_allclose(classifier(images), probabilities, atol=1e-5)
    assert classifier.input_shape == (None, 8, 8, 1)


def test_the_seed_draws_the_head(encoder):
    first, same, other = (Classifier(encoder, 4, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.head.kernel, same.head.kernel)
    assert np.abs(first.head.kernel.numpy() - other.head.kernel.numpy()).max() > 1e-3


def test_the_configuration_is_the_constructors_arguments(encoder):
    classifier = Classifier(encoder, 4, augment=True, kind="clothes", seed=3)
    config = classifier.get_config()
    assert set(config) == set(inspect.signature(Classifier.__init__).parameters) - {"self"}
    del config["encoder"]
    assert config == {"num_classes": 4, "augment": True, "kind": "clothes", "seed": 3}
    with pytest.raises(TypeError, match="unexpected keyword argument 'augmented'"):
        Classifier(encoder, 4, augmented=True)


def test_is_a_keras_model_with_metrics_callbacks_and_validation(encoder, bars, tmp_path):
    images, labels = bars
    classifier = compile_classifier(Classifier(encoder, 4), metrics=["accuracy"])
    stopping = keras.callbacks.EarlyStopping("val_loss", min_delta=1e9, patience=9)
    saver = keras.callbacks.ModelCheckpoint(
        tmp_path / "best.keras", monitor="val_accuracy", mode="max", save_best_only=True
    )
    watched = {"validation_data": draw_bars(20, seed=3), "callbacks": [stopping, saver]}
    history = classifier.fit(images, labels, epochs=15, batch_size=10, verbose=0, **watched).history
    assert set(history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert len(history["loss"]) == 10  # the first epoch counts as an improvement
    test, truth = draw_bars(50, seed=4)
    loss, accuracy = classifier.evaluate(test, truth, verbose=0)
    probabilities = classifier.predict(test, batch_size=16, verbose=0)
    assert accuracy == pytest.approx((probabilities.argmax(axis=1) == truth).mean())
    assert accuracy > 0.9
    assert loss == pytest.approx(
        -np.log(probabilities[np.arange(50), truth]).mean(), rel=1e-3, abs=1e-6
    )
    assert type(tfzero.load_model(tmp_path / "best.keras")) is Classifier


def test_saved_training_continues_as_if_never_stopped(encoder, bars, tmp_path):
    def train(classifier, done):
        batches = stream_batches(*bars, batch_size=8, seed=1, start=done)
        classifier.fit(batches, steps_per_epoch=3, shuffle=False, verbose=0)

    whole = compile_classifier(Classifier(encoder, 4, augment=True, seed=5))
    train(whole, 0)
    whole.save(tmp_path / "model.keras")
    train(whole, 3)
    loaded = tfzero.load_model(tmp_path / "model.keras")
    train(loaded, 3)
    assert int(loaded.optimizer.iterations.numpy()) == 6
    assert_same_state(read_state(whole), read_state(loaded))


def test_training_alone_is_augmented_by_seed_and_step(encoder, bars, monkeypatch):
    seeds = []

    def watch(images, *, kind, seed):
        assert kind == "digits"
        seeds.append(seed.numpy().tolist())
        return images

    monkeypatch.setattr(classifier_module, "augment_images", watch)
    classifier = compile_classifier(Classifier(encoder, 4, augment=True, seed=5), run_eagerly=True)
    classifier.evaluate(*bars, verbose=0)
    classifier(bars[0])
    assert seeds == []
    classifier.fit(*bars, batch_size=20, epochs=2, verbose=0)
    assert seeds == [[5, 0], [5, 1], [5, 2], [5, 3]]
    plain = compile_classifier(Classifier(encoder, 4, seed=5), run_eagerly=True)
    plain.fit(*bars, verbose=0)
    assert len(seeds) == 4


def test_augmentation_changes_what_is_learned(encoder, bars):
    trained = []
    for augment in (True, False):
        classifier = compile_classifier(Classifier(encoder, 4, augment=augment), run_eagerly=True)
        classifier.fit(*bars, epochs=1, shuffle=False, verbose=0)
        trained.append(classifier.head.kernel.numpy())
    assert np.abs(trained[0] - trained[1]).max() > 1e-4


def test_the_kind_of_data_decides_what_augmentation_does(encoder, bars, monkeypatch):
    kinds = []

    def watch(images, *, kind, seed):
        kinds.append(kind)
        return images

    monkeypatch.setattr(classifier_module, "augment_images", watch)
    Classifier(encoder, 4, augment=True)(bars[0], training=True)
    Classifier(encoder, 4, augment=True, kind="spectrograms")(bars[0], training=True)
    colored = tfzero.build_encoder((8, 8, 3), width=4)
    Classifier(colored, 4, augment=True)(np.repeat(bars[0], 3, axis=-1), training=True)
    assert kinds == ["digits", "spectrograms", "photos"]
    with pytest.raises(InputError, match='Unknown kind of data "photo". Did you mean "photos"'):
        Classifier(encoder, 4, kind="photo")


@pytest.mark.slow
def test_augmented_training_can_be_compiled_by_xla(encoder, bars):
    classifier = compile_classifier(Classifier(encoder, 4, augment=True), jit_compile=True)
    classifier.fit(*bars, batch_size=8, epochs=8, verbose=0)
    images, labels = draw_bars(60, seed=9)
    found = classifier.predict(images, verbose=0).argmax(axis=1)
    assert (found == labels).mean() > 0.9


def test_color_images_that_are_not_square():
    encoder = tfzero.build_encoder((9, 12, 3), width=4)
    images = np.random.default_rng(0).random((6, 9, 12, 3)).astype(np.float32)
    classifier = compile_classifier(Classifier(encoder, 2, augment=True), run_eagerly=True)
    classifier.fit(images, np.arange(6) % 2, epochs=1, verbose=0)
    assert np.isfinite(classifier(images)).all()


def test_an_encoder_that_cannot_be_copied_is_refused():
    class Own(keras.Model):
        def __init__(self, width):
            super().__init__()
            self.dense = keras.layers.Dense(width)

        def call(self, images):
            return self.dense(tf.reshape(images, (-1, 64)))

    own = Own(3)
    own(np.zeros((1, 8, 8, 1), np.float32))
    with pytest.raises(InputError, match="Own.* cannot be copied"):
        Classifier(own, 2)
