"""Networks trained on unlabeled images: on how many, for how long, and that it helps."""

import collections
import dataclasses

import numpy as np
import pytest

from tests.conftest import build_small_encoder, draw_bars
from tests.transfer.cases import BUDGET, JOINT_STEPS, UNLABELED, fit
from tfzero.data import load_data, nested_subsets
from tfzero.networks import build_encoder
from tfzero.transfer import STRATEGIES, features, fit_classifier, guessing, joint, training
from tfzero.transfer import budget as budgets
from tfzero.transfer.joint import train_jointly
from tfzero.transfer.training import train, train_on_distributions


@pytest.fixture
def seen(monkeypatch):
    """What networks are trained on: labelled and unlabeled images, and the steps."""
    seen = []

    def watch(classifier, labelled, *, budget, **settings):
        trained = train(classifier, labelled, budget=budget, **settings)
        seen.append((labelled, None, trained.steps))
        return trained

    def watch_jointly(network, labelled, pool, **settings):
        trained = train_jointly(network, labelled, pool, **settings)
        seen.append((labelled, pool, trained.steps))
        return trained

    def watch_distributions(classifier, labelled, pool, distributions, **settings):
        assert distributions.shape == (len(pool), 4)
        trained = train_on_distributions(classifier, labelled, pool, distributions, **settings)
        seen.append((labelled, pool, trained.steps))
        return trained

    monkeypatch.setattr(training, "train", watch)
    monkeypatch.setattr(training, "train_on_distributions", watch_distributions)
    monkeypatch.setattr(joint, "train_jointly", watch_jointly)
    return seen


def test_the_surest_half_of_spread_labels_is_believed(encoder, seen):
    images, labels = draw_bars(8, seed=1)
    pool, truth = draw_bars(100, seed=2)
    fit("spread_finetune", encoder, images, labels, pool=pool)
    (first, none, _), (second, unlabeled, _) = seen
    np.testing.assert_array_equal(first.images[:8], images)
    np.testing.assert_array_equal(first.labels[:8], labels)
    by_image = {image.tobytes(): label for image, label in zip(pool, truth, strict=True)}
    guessed = [by_image[image.tobytes()] for image in first.images[8:]]
    assert (first.labels[8:] == guessed).mean() > 0.9
    # Class-balanced: a quarter of half of the pool each, at most.
    assert np.bincount(first.labels[8:], minlength=4).max() <= 13 and 28 < len(first.labels) <= 60
    # Then the labels alone are believed, beside the whole pool.
    assert none is None
    np.testing.assert_array_equal(second.images, images)
    np.testing.assert_array_equal(unlabeled, pool)


def test_a_network_learns_the_probabilities_of_every_unlabeled_image(encoder, monkeypatch):
    """Wrong labels of half of the images hide nothing if the other half is sure of its own."""
    images, labels = draw_bars(8, seed=1)
    pool, truth = draw_bars(100, seed=2)
    told = np.full((100, 4), 0.25, np.float32)
    told[:50] = np.eye(4)[(truth[:50] + 1) % 4]  # all sure ones are moved by one class
    monkeypatch.setattr(guessing, "spread_to_pool", lambda task, labelled: told)
    budget = dataclasses.replace(BUDGET, unlabeled_steps=200)
    fitted = fit("spread_distill", encoder, images, labels, pool=pool, budget=budget)
    test, answers = draw_bars(60, seed=3)
    found = fitted.predict(test)
    assert (found.argmax(axis=1) == (answers + 1) % 4).mean() > 0.8
    # Half of what it learned from is unsure, and pulls to no class.
    assert found[(answers + 1) % 4 != 0, 0].mean() < 0.3 and found.max(axis=1).mean() < 0.9


@pytest.mark.parametrize("by", ["teacher", "own"])
def test_labels_are_spread_by_whom_the_task_names(by, encoder, bars, monkeypatch):
    teacher, sources = build_small_encoder(seed=9), []
    read_blocks = features.read_blocks

    def watch(source, images):
        sources.append(source)
        return read_blocks(source, images)

    monkeypatch.setattr(features, "read_blocks", watch)
    spread_encoder = teacher if by == "teacher" else None
    fit("spread_distill", encoder, *bars, spread_encoder=spread_encoder)
    assert sources == [teacher if by == "teacher" else encoder]


@pytest.mark.parametrize("strategy", UNLABELED)
def test_the_budget_limits_steps_and_unlabeled_images(strategy, encoder, seen):
    images, labels = draw_bars(8, seed=1)
    pool, _ = draw_bars(100, seed=2)
    limited = dataclasses.replace(BUDGET, unlabeled_steps=6, most_unlabeled=20)
    fitted = fit(strategy, encoder, images, labels, pool=pool, budget=limited)
    assert sum(steps for _, _, steps in seen) == fitted.cost.steps == 6
    for labelled, unlabeled, _ in seen:
        assert len(labelled.images) <= 8 + 20
        assert unlabeled is None or len(unlabeled) == 20


@pytest.mark.slow
def test_unlabeled_images_help_where_labels_are_few():
    data = load_data("digits")
    right = collections.Counter()
    for seed in range(3):
        chosen = nested_subsets(data.train_images, data.train_labels, [40], seed=seed)[40]
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
    "strategy",
    ["spread_finetune", "spread_distill", pytest.param("selftrain", marks=pytest.mark.slow)],
)
def test_held_out_labels_watch_every_training(strategy, encoder, bars, seen):
    budget = dataclasses.replace(BUDGET, until="accuracy=0.9")
    fitted = fit(strategy, encoder, *bars, budget=budget)
    assert all(labelled.held is not None and len(labelled.held[0]) == 8 for labelled, _, _ in seen)
    assert fitted.cost.steps < JOINT_STEPS


@pytest.mark.parametrize(
    "strategy, trainings, looks",
    [
        ("selftrain", [(60, 24)], 60 * 16),
        ("spread_finetune", [(30, 16), (30, 24)], 30 * 16),
        ("spread_distill", [(60, 16)], 0),
    ],
)
def test_work_is_the_updates_and_the_weak_views(strategy, trainings, looks, monkeypatch):
    monkeypatch.setattr(budgets, "_JOINT_STEPS", 60)
    work = STRATEGIES[strategy].work(BUDGET, 100)
    assert list(work.trainings) == trainings and work.looks == looks


def test_pretraining_that_goes_on_is_counted_as_such(monkeypatch):
    monkeypatch.setattr(budgets, "_JOINT_STEPS", 60)
    work = STRATEGIES["joint"].work(BUDGET, 100)
    assert list(work.trainings) == [(60, 8)] and work.pretraining == (60, 16)
