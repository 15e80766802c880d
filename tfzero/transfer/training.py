"""Training of a classifier on labelled images, within a budget."""

from __future__ import annotations

from typing import NamedTuple

import keras
import numpy as np

from tfzero.common.compiled import borrow_compiled, largest_divisor
from tfzero.common.schedule import WarmupCosine
from tfzero.common.seeds import derive_seed
from tfzero.data.pipeline import stream_batches
from tfzero.transfer.budget import Budget
from tfzero.transfer.classifier import Classifier
from tfzero.transfer.layer_rates import LayerwiseAdamW, layer_factors
from tfzero.transfer.stopping import make_stoppers, set_aside, was_reached

WEIGHT_DECAY = 1e-2
# Steps that run in one call of the graph, at most; where a part of the labels is held out, it is
# looked at this often.
_STEPS_PER_CALL = 20


class Labelled(NamedTuple):
    """Labelled images to train on.

    Attributes:
        images: `(N, H, W, C)`, uint8 or floats in 0..1.
        labels: int `(N,)`.
        held: Images and labels that training is watched by, if it may end early.
    """

    images: np.ndarray
    labels: np.ndarray
    held: tuple[np.ndarray, np.ndarray] | None = None


class Trained(NamedTuple):
    """How a training ended.

    Attributes:
        steps: Updates made.
        reached: Whether it ended by reaching the budget's `until`.
    """

    steps: int
    reached: bool


def divide_labelled(
    images: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray | None,
    *,
    num_classes: int,
    budget: Budget,
    seed: int,
) -> Labelled:
    """Returns all labelled images to train on, or without the fifth that training is watched by.

    Raises:
        InputError: If the budget asks for that and a class has too few labels.
    """
    if budget.until is None and budget.patience is None:
        return Labelled(images, labels)
    trained_on, held = set_aside(
        labels, groups, num_classes=num_classes, seed=derive_seed(seed, "held")
    )
    return Labelled(images[trained_on], labels[trained_on], (images[held], labels[held]))


def train(
    classifier: Classifier,
    labelled: Labelled,
    *,
    peak: float,
    budget: Budget,
    seed: int,
    steps: int | None = None,
) -> Trained:
    """Trains what is trainable of a classifier, compiled anew, so that what is frozen stays so.

    Args:
        classifier: Trained in place.
        labelled: What on.
        peak: The highest learning rate.
        budget: What may be spent.
        seed: Decides the order of batches.
        steps: Updates at most; None takes the budget's.
    """
    steps = budget.steps if steps is None else steps
    watched = labelled.held is not None
    epoch = largest_divisor(steps, most=_STEPS_PER_CALL) if watched else steps
    classifier.compile(
        optimizer=_make_optimizer(classifier, peak, budget),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"] if watched else None,
        steps_per_execution=largest_divisor(epoch, most=_STEPS_PER_CALL),
    )
    stoppers = make_stoppers(budget.until, budget.patience) if watched else []
    batches = stream_batches(
        labelled.images,
        labelled.labels,
        batch_size=budget.batch_size,
        seed=derive_seed(seed, "order"),
    )
    with borrow_compiled(classifier, batch_size=budget.batch_size) as model:
        model.fit(
            batches,
            steps_per_epoch=epoch,
            epochs=steps // epoch,
            validation_data=labelled.held,
            callbacks=[WarmupCosine(peak, steps), *stoppers],
            class_weight=weigh_classes(labelled.labels, classifier.num_classes)
            if budget.class_weights
            else None,
            shuffle=False,  # the stream is shuffled already
            verbose=0,
        )
    return Trained(int(classifier.optimizer.iterations.numpy()), was_reached(stoppers))


def weigh_classes(labels: np.ndarray, num_classes: int) -> dict[int, float]:
    """Returns N / (K n_k) for each class k, with K the classes that have labels; else 1."""
    counts = np.bincount(labels, minlength=num_classes)
    present = int((counts > 0).sum())
    return {k: len(labels) / (present * n) if n else 1.0 for k, n in enumerate(counts.tolist())}


def _make_optimizer(classifier, peak, budget) -> keras.optimizers.Optimizer:
    if budget.layer_rate == 1:
        return keras.optimizers.AdamW(peak, weight_decay=WEIGHT_DECAY)
    factors = layer_factors(classifier, budget.layer_rate)
    return LayerwiseAdamW(factors, peak, weight_decay=WEIGHT_DECAY)
