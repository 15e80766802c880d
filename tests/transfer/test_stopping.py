"""Training that ends early, by a part of the labels that is held out for it."""

import dataclasses

import keras
import numpy as np
import pytest

import tfzero
from tests.transfer.cases import BUDGET, fit
from tfzero.common.adam import FusedAdam
from tfzero.common.checks import InputError
from tfzero.transfer import training
from tfzero.transfer.budget import Budget, parse_until
from tfzero.transfer.classifier import Classifier
from tfzero.transfer.stopping import StopAt, make_stoppers, set_aside
from tfzero.transfer.training import train

LONG = dataclasses.replace(BUDGET, steps=400)
STOPPING = ["finetune", "lpft", "gradual"]


@pytest.mark.parametrize("strategy", STOPPING)
def test_until_ends_training_at_the_accuracy_of_held_out_labels(strategy, encoder, bars):
    fitted = fit(strategy, encoder, *bars, budget=dataclasses.replace(LONG, until="accuracy=0.7"))
    assert 0 < fitted.cost.steps < 400
    assert fitted.cost.steps == 20 or strategy == "finetune"


@pytest.mark.parametrize("strategy", STOPPING)
def test_validation_comes_out_of_the_labels(strategy, encoder, bars, monkeypatch):
    seen = []

    def watch(classifier, labelled, **settings):
        seen.append(labelled)
        return train(classifier, labelled, **settings)

    monkeypatch.setattr(training, "train", watch)
    fit(strategy, encoder, *bars, budget=dataclasses.replace(BUDGET, patience=1))
    labelled = seen[0]
    assert len(labelled.images) == 32 and labelled.held is not None and len(labelled.held[0]) == 8
    both = np.concatenate([labelled.images, labelled.held[0]])
    assert {image.tobytes() for image in both} == {image.tobytes() for image in bars[0]}
    assert np.bincount(labelled.held[1]).tolist() == [2, 2, 2, 2]
    seen.clear()
    fit(strategy, encoder, *bars)
    assert seen[0].held is None and len(seen[0].images) == 40


def test_the_head_before_fine_tuning_never_sees_what_is_held_out(encoder, bars, monkeypatch):
    counts = []

    def count(_, labelled, **__):
        counts.append(len(labelled.images))

    monkeypatch.setattr(training, "fit_head", count)
    for strategy in ("lpft", "gradual"):
        fit(strategy, encoder, *bars, budget=dataclasses.replace(BUDGET, until="loss=0.1"))
    assert counts == [32, 32]


def test_without_patience_left_training_goes_back_to_its_best(encoder, bars):
    # Nothing moves: no look is better than the first.
    budget = dataclasses.replace(LONG, until="accuracy=1.0", patience=2, augment=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FusedAdam, "update_step", lambda *_, **__: None)
        patch.setattr("tfzero.transfer.training.WEIGHT_DECAY", 0.0)
        fitted = fit("finetune", encoder, *bars, budget=budget)
    assert fitted.cost.steps == 60  # a first look and two without a gain
    for before, after in zip(encoder.weights, fitted.model.encoder.weights, strict=True):
        np.testing.assert_array_equal(before.numpy(), after.numpy())


def test_stop_at_is_a_callback_of_any_keras_training(encoder, bars):
    classifier = Classifier(encoder, 4)
    classifier.compile(
        keras.optimizers.Adam(5e-3), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    stop = tfzero.StopAt("val_accuracy", 0.9)
    history = classifier.fit(
        *bars, epochs=60, batch_size=10, validation_data=bars, callbacks=[stop], verbose=0
    ).history["val_accuracy"]
    assert history[-1] >= 0.9 and max(history[:-1], default=0) < 0.9 and stop.reached
    history = classifier.fit(*bars, epochs=9, callbacks=[StopAt("loss", 9.0)], verbose=0).history
    assert len(history["loss"]) == 1  # less is better, by its name
    longer = classifier.fit(*bars, epochs=3, callbacks=[StopAt("loss", 9.0, mode="max")], verbose=0)
    assert len(longer.history["loss"]) == 3


def test_a_metric_that_is_not_there_is_refused(encoder, bars, eagerly):
    classifier = Classifier(encoder, 4)
    classifier.compile("adam", "sparse_categorical_crossentropy")
    with pytest.raises(InputError, match='no metric "val_loss" to stop at.*has loss'):
        classifier.fit(*bars, callbacks=[StopAt("val_loss", 1.0)], verbose=0)
    with pytest.raises(InputError, match='`mode` is "most"; expected "min", "max" or None'):
        StopAt("loss", 1.0, mode="most")


def test_what_to_wait_for_is_read_from_a_text():
    assert parse_until("accuracy=0.95") == ("accuracy", 0.95)
    assert parse_until("loss=0.2") == ("loss", 0.2)
    for text in (
        "accuracy",
        "accuracy=95",
        "accuracy=0",
        "loss=x",
        "loss=-1",
        "f1=0.5",
        "loss=inf",
    ):
        with pytest.raises(InputError, match=f'`until` is "{text}"; expected accuracy=SHARE'):
            Budget(steps=1, until=text)
    with pytest.raises(InputError, match="`patience` is 0; expected at least 1"):
        Budget(steps=1, patience=0)


def test_patience_watches_what_is_waited_for():
    watched = [(each.monitor, getattr(each, "mode", None)) for each in make_stoppers("loss=0.1", 3)]
    assert watched == [("val_loss", "min"), ("val_loss", "min")]
    assert [each.monitor for each in make_stoppers(None, 3)] == ["val_loss"]
    assert [each.monitor for each in make_stoppers("accuracy=0.9", 3)] == ["val_accuracy"] * 2


def test_too_few_labels_to_hold_any_out_are_refused():
    labels = np.repeat([0, 1], [20, 4])
    with pytest.raises(
        InputError, match="a class has 4 labels; expected at least 5 labels per class"
    ):
        set_aside(labels, None, num_classes=2, seed=0)
    labels, groups = np.repeat([0, 1], 10), np.repeat(np.arange(4), 5)
    trained_on, held = set_aside(labels, groups, num_classes=2, seed=0)
    assert not set(groups[trained_on]) & set(groups[held])
    with pytest.raises(InputError, match="or all of them in one group"):
        set_aside(labels, np.repeat([0, 1], 10), num_classes=2, seed=0)
