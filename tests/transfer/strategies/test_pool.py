"""Networks trained on unlabeled images: what is believed, and that it helps."""

import collections
import dataclasses

import numpy as np
import pytest

from tests.conftest import draw_bars
from tests.transfer.cases import BUDGET, UNLABELED, fit
from tfzero.data import load_data, nested_subsets
from tfzero.networks import build_encoder
from tfzero.transfer import STRATEGIES, features, fit_classifier, training
from tfzero.transfer import budget as budgets
from tfzero.transfer.training import train


def watch_training(monkeypatch):
    seen = []

    def watch(classifier, labelled, **settings):
        seen.append(labelled)
        return train(classifier, labelled, **settings)

    monkeypatch.setattr(training, "train", watch)
    return seen


@pytest.mark.parametrize("strategy", UNLABELED)
def test_more_of_the_pool_is_believed_in_each_round(strategy, encoder, monkeypatch):
    seen = watch_training(monkeypatch)
    images, labels = draw_bars(8, seed=1)
    pool, truth = draw_bars(100, seed=2)
    fit(strategy, encoder, images, labels, pool=pool)
    first, second = (labelled.labels[8:] for labelled in seen[-2:])
    for labelled in seen[-2:]:
        np.testing.assert_array_equal(labelled.images[:8], images)
        np.testing.assert_array_equal(labelled.labels[:8], labels)
    by_image = {image.tobytes(): label for image, label in zip(pool, truth, strict=True)}
    guessed = [by_image[image.tobytes()] for image in seen[-1].images[8:]]
    assert (second == guessed).mean() > 0.9
    # Class-balanced: a quarter of half of the pool each, and of four fifths, at most.
    assert np.bincount(first, minlength=4).max() <= 13 and 20 < len(first) <= 52
    assert np.bincount(second, minlength=4).max() <= 20 and 30 < len(second) <= 80


@pytest.mark.parametrize("strategy", UNLABELED)
def test_the_budget_limits_rounds_and_unlabeled_images(strategy, encoder, monkeypatch):
    seen, steps = [], []

    def watch(classifier, labelled, *, budget, **settings):
        seen.append(labelled)
        steps.append(budget.steps)
        return train(classifier, labelled, budget=budget, **settings)

    monkeypatch.setattr(training, "train", watch)
    images, labels = draw_bars(8, seed=1)
    pool, _ = draw_bars(100, seed=2)
    limited = dataclasses.replace(BUDGET, round_steps=3, most_unlabeled=20)
    fit(strategy, encoder, images, labels, pool=pool, budget=limited)
    assert steps[-2:] == [3, 3]
    for labelled in seen[-2:]:
        assert len(labelled.images) <= 8 + 20
    work = STRATEGIES[strategy].work(limited, 100)
    assert work.looks % 20 == 0 and work.looks <= 80 and work.trainings[-1].steps == 3


@pytest.mark.slow
def test_unlabeled_images_help_where_labels_are_few():
    data = load_data("digits")
    right = collections.Counter()
    for seed in range(3):
        chosen = nested_subsets(data.train_images, data.train_labels, [100], seed=seed)[100]
        for strategy in ("lpft", *UNLABELED):
            fitted = fit_classifier(
                strategy,
                encoder=build_encoder(data.image_shape, seed=seed),
                images=data.train_images[chosen],
                labels=data.train_labels[chosen],
                pool=data.pool,
                spread_by_pixels=True,
                seed=seed,
            )
            found = fitted.predict(data.test_images).argmax(axis=1)
            right[strategy] += (found == data.test_labels).mean() / 3
    for strategy in UNLABELED:
        assert right[strategy] > right["lpft"] + 0.01, right


def test_labels_are_spread_by_pixels_where_features_have_learnt_nothing(encoder, bars, monkeypatch):
    sources = []
    graph_images = features.graph_images

    def watch(source, pool):
        sources.append(source)
        return graph_images(source, pool)

    monkeypatch.setattr(features, "graph_images", watch)
    for by_pixels in (True, False):
        fit("spread_finetune", encoder, *bars, spread_by_pixels=by_pixels)
    assert sources == [None, encoder]


@pytest.mark.parametrize("strategy", UNLABELED)
def test_a_pool_of_floats_and_labels_of_bytes_train_alike(strategy, encoder, bars):
    images, labels = bars
    pool, _ = draw_bars(60, seed=2)
    floats = (pool / 255).astype(np.float32)
    given = [(images, pool), (images / 255, pool), (images, floats)]
    answers = [
        fit(strategy, encoder, first, labels, pool=second).predict(images)
        for first, second in given
    ]
    for other in answers[1:]:
        np.testing.assert_allclose(other, answers[0], atol=1e-3)


@pytest.mark.parametrize(
    "strategy", ["spread_finetune", pytest.param("selftrain", marks=pytest.mark.slow)]
)
def test_held_out_labels_watch_every_round(strategy, encoder, bars, monkeypatch):
    seen = watch_training(monkeypatch)
    budget = dataclasses.replace(BUDGET, until="accuracy=0.9")
    fitted = fit(strategy, encoder, *bars, budget=budget)
    assert all(labelled.held is not None and len(labelled.held[0]) == 8 for labelled in seen)
    assert fitted.cost.steps < 3 * 40


@pytest.mark.parametrize(
    "strategy, trainings, looks",
    [
        ("selftrain", [(40, 8), (30, 16), (30, 16)], 2 * 2),
        ("spread_finetune", [(30, 16), (30, 16)], 2),
    ],
)
def test_work_is_the_updates_and_looks_of_each_round(strategy, trainings, looks, monkeypatch):
    monkeypatch.setattr(budgets, "_POOL_STEPS", 30)
    work = STRATEGIES[strategy].work(BUDGET, 100)
    assert list(work.trainings) == trainings
    assert work.looks == looks * 100  # two views of each image, before each round or the second
    assert STRATEGIES[strategy].work(BUDGET, 100_000).looks == looks * 20_000
