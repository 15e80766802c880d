"""What is chosen within the labels: blocks and settings."""

import keras
import numpy as np
import pytest

from tests.conftest import draw_bars
from tests.transfer.cases import fit
from tfzero.networks import build_encoder
from tfzero.transfer import choice, fit_on_features
from tfzero.transfer.features import read_blocks
from tfzero.transfer.strategies import classical

CLASSICAL = ["logistic", "svm", "forest", "knn"]
BLOCKS = {"useless": (0, 6), "useful": (6, 10)}


def draw_blocks(count, *, seed, noise=0.3):
    """Features of two blocks: one of noise alone, one that tells four classes."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 4
    useful = np.eye(4)[labels] + random.normal(0, noise, (count, 4))
    return np.hstack([random.normal(size=(count, 6)), useful]).astype(np.float32), labels


def fit_blocks(strategy, features, labels, **settings):
    settings = {"num_classes": 4, "blocks": BLOCKS, **settings}
    return fit_on_features(strategy, features=features, labels=labels, **settings)


@pytest.mark.parametrize("strategy", CLASSICAL)
def test_the_block_that_tells_is_chosen_and_read(strategy):
    features, labels = draw_blocks(120, seed=0, noise=0.4)
    tests, truth = draw_blocks(200, seed=1, noise=0.4)
    fitted = fit_blocks(strategy, features, labels)
    assert fitted.chosen["blocks"] == ["useful"]
    assert fitted.chosen["validated"] > 0.8
    probabilities = fitted.predict(tests)
    assert (probabilities.argmax(axis=1) == truth).mean() > 0.8
    tests[:, :6] = 1e6  # nobody looks there
    np.testing.assert_array_equal(fitted.predict(tests), probabilities)


@pytest.mark.parametrize("strategy", CLASSICAL)
def test_under_five_labels_a_class_all_blocks_are_read_and_nothing_is_chosen(strategy):
    features, labels = draw_blocks(19, seed=0)
    fitted = fit_blocks(strategy, features, labels)
    assert fitted.chosen["blocks"] == ["useless", "useful"]
    assert fitted.chosen["validated"] is None
    # A class without any label, too.
    features, labels = draw_blocks(80, seed=0)
    assert fit_blocks(strategy, features, labels, num_classes=5).chosen["validated"] is None


@pytest.mark.parametrize(
    "strategy, setting, values",
    [
        ("logistic", "C", classical._STRENGTHS),
        ("svm", "penalty", classical._PENALTIES),
        ("forest", "min_samples_leaf", classical._LEAVES),
        ("knn", "num_neighbors", classical._NEIGHBORS),
    ],
)
def test_every_setting_can_be_chosen(strategy, setting, values, monkeypatch):
    features, labels = draw_blocks(40, seed=0)
    usual = fit_blocks(strategy, features[:19], labels[:19]).chosen[setting]
    assert usual not in values
    for value in values:
        better = _prefer(monkeypatch, setting, value)
        fitted = fit_blocks(strategy, features, labels)
        assert fitted.chosen[setting] == fitted.model.pipeline[-1].get_params()[setting] == value
        assert better


def _prefer(monkeypatch, setting, value):
    """Makes every label surely be told right with this value of a setting, and with no other."""
    asked = []

    def validate(trial, prepared, settings):
        asked.append(settings)
        right = np.full(len(trial.tested), settings.get(setting) == value)
        return choice._Validated(right, np.where(right, -0.1, -2.0))

    monkeypatch.setattr(choice._Trial, "_validate", validate)
    return asked


def validated(likelihood):
    return choice._Validated(np.asarray(likelihood) > -0.5, np.asarray(likelihood, float))


def test_a_choice_must_be_surely_better():
    features, labels = draw_blocks(80, seed=0)
    trial = choice._Trial(None, features, labels, BLOCKS, [(None, np.arange(80))], False)
    usual = np.full(80, -1.0)
    luck, sure = usual.copy(), usual.copy()
    luck[:3] = [0.0, 0.0, -1.9]  # two labels far better, one worse
    sure[:40] = -0.95  # many a little
    found = {"usual": validated(usual), "luck": validated(luck)}
    assert trial._choose(found) == "usual"
    assert trial._choose({**found, "sure": validated(sure)}) == "sure"


def test_classes_count_alike_where_they_are_to():
    labels = np.repeat([0, 1], [30, 10])
    features = np.zeros((40, 10), np.float32)
    found = {
        "usual": validated(np.full(40, -1.0)),
        "frequent": validated(np.where(labels == 0, -0.8, -1.3)),
        "rare": validated(np.where(labels == 1, -0.8, -1.1)),
    }
    chosen = {}
    for balanced in (False, True):
        trial = choice._Trial(None, features, labels, BLOCKS, [(None, np.arange(40))], balanced)
        chosen[balanced] = trial._choose(found)
    assert chosen == {False: "frequent", True: "rare"}


def test_of_many_labels_a_part_decides(monkeypatch):
    labels = np.repeat([0, 1, 2], [900, 95, 5])
    np.random.default_rng(0).shuffle(labels)
    np.testing.assert_array_equal(choice._draw_rows(labels, seed=0), np.arange(1000))
    monkeypatch.setattr(choice, "MOST_LABELS", 100)
    rows = choice._draw_rows(labels, seed=0)
    np.testing.assert_array_equal(np.bincount(labels[rows]), [90, 9, 5])
    assert not np.array_equal(rows, choice._draw_rows(labels, seed=1))
    features, labels = draw_blocks(400, seed=0)
    fitted = fit_blocks("knn", features, labels)
    assert fitted.chosen["validated"] > 0.8
    assert fitted.model.pipeline[-1].neighbors_.n_samples_fit_ == 400  # but all are learnt from


def test_blocks_of_an_encoder_are_read_from_images():
    encoder = build_encoder((8, 8, 1), width=4)
    images, labels = draw_bars(40, seed=0, contrast=0.2, noise=0.2)
    tests, truth = draw_bars(200, seed=1, contrast=0.2, noise=0.2)
    whole = fit("logistic", encoder, images, labels)
    assert set(whole.chosen["blocks"]) <= {"block2", "block3", "block4"}
    values, columns = read_blocks(encoder, images)
    apart = fit_blocks("logistic", values, labels, blocks=columns)
    assert whole.chosen == apart.chosen
    np.testing.assert_allclose(
        whole.predict(tests), apart.predict(read_blocks(encoder, tests)[0]), atol=1e-5
    )
    assert (whole.predict(tests).argmax(axis=1) == truth).mean() > 0.7


def test_encoders_without_blocks_and_pixels_are_one_block():
    images, labels = draw_bars(40, seed=0)
    inputs = keras.Input((8, 8, 1))
    strange = keras.Model(inputs, keras.layers.Flatten()(inputs))
    assert fit("knn", strange, images, labels).chosen["blocks"] == ["features"]
    assert fit("knn", None, images, labels).chosen["blocks"] == ["pixels"]
