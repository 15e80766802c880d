"""Rare classes weigh as much as frequent ones, in every strategy, if that is asked for."""

import dataclasses

import numpy as np
import pytest

from tests.transfer.cases import make_objective
from tfzero.transfer import STRATEGIES, budget, fit_classifier
from tfzero.transfer.budget import Budget
from tfzero.transfer.training import weigh_classes

BUDGET = Budget(steps=60, batch_size=16, augment=False)


def draw_gray(counts, *, seed):
    """8x8 images of two brightnesses that overlap: (N, 8, 8, 1) uint8 and labels."""
    generator = np.random.default_rng(seed)
    labels = np.repeat([0, 1], counts)
    gray = generator.normal(110 + 35 * labels, 25)
    images = generator.normal(gray[:, None, None, None], 4, (len(labels), 8, 8, 1))
    return images.clip(0, 255).astype(np.uint8), labels


def test_weights_by_hand():
    # 6 labels of 2 classes: 6 / (2 * 4) and 6 / (2 * 2); a class without labels is never met.
    assert weigh_classes(np.array([0, 0, 0, 2, 2, 0]), 3) == {0: 0.75, 1: 1.0, 2: 1.5}
    assert set(weigh_classes(np.arange(8) % 4, 4).values()) == {1.0}


# The dearest train as others do, several times over.
_LONG = ("gradual", "joint", "selftrain", "spread_distill", "spread_finetune")


@pytest.mark.parametrize(
    "strategy",
    [pytest.param(name, marks=pytest.mark.slow if name in _LONG else ()) for name in STRATEGIES],
)
def test_the_rare_class_is_found_more_often(strategy, encoder, monkeypatch):
    monkeypatch.setattr(budget, "_JOINT_STEPS", 120)
    images, labels = draw_gray([60, 6], seed=0)
    tests, truth = draw_gray([0, 200], seed=1)
    needs_encoder = STRATEGIES[strategy].trains_network
    found = {}
    for weighted in (False, True):
        fitted = fit_classifier(
            strategy,
            encoder=encoder if needs_encoder else None,
            images=images,
            labels=labels,
            pool=images,
            objective=make_objective(encoder),
            budget=dataclasses.replace(BUDGET, class_weights=weighted),
        )
        found[weighted] = (fitted.predict(tests).argmax(axis=1) == truth).mean()
    assert found[True] > found[False] + 0.05, found
