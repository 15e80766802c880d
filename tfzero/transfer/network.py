"""Strategies that end in a network: fine-tuning, a linear probe, and one after the other."""

from __future__ import annotations

import keras
import numpy as np

from tfzero._compiled import borrow_compiled, largest_divisor
from tfzero._schedule import WarmupCosine
from tfzero._seeds import derive_seed
from tfzero.data.pipeline import stream_batches
from tfzero.transfer.budget import Budget
from tfzero.transfer.classifier import Classifier
from tfzero.transfer.contract import Fitted, measure_cost
from tfzero.transfer.features import read_features
from tfzero.transfer.linear import LinearHead, fit_linear_head

# Chosen on a part of digits' training images, for training from
# scratch: between 1e-3 and 4e-3 accuracy differs by less than its standard error.
LEARNING_RATE = 3e-3
# After a probe the head is right already; larger steps would destroy the features it reads
# (Kumar et al. 2022, arXiv:2202.10054, section 3).
LEARNING_RATE_AFTER_PROBE = 2e-3
WEIGHT_DECAY = 1e-2
# Steps that run in one call of the graph, at most.
_STEPS_PER_CALL = 20


def finetune(encoder, images, labels, *, num_classes: int, budget: Budget, seed: int) -> Fitted:
    """Trains encoder and head together from a random head."""
    with measure_cost() as cost:
        classifier = _start(encoder, num_classes, budget, seed)
        _train(classifier, images, labels, peak=LEARNING_RATE, budget=budget, seed=seed)
    cost.steps, cost.parameters = budget.steps, count_trainable(classifier)
    return Fitted(classifier, cost)


def probe(encoder, images, labels, *, num_classes: int, budget: Budget, seed: int) -> Fitted:
    """Keeps the encoder as it is and fits the head alone, by logistic regression.

    Without an encoder, `images` are its features `(N, D)`, and the head alone is returned.
    """
    weights = budget.class_weights  # all else: the problem is convex and solved to its optimum
    if encoder is None:
        with measure_cost() as cost:
            head = LinearHead(
                *fit_linear_head(images, labels, num_classes=num_classes, class_weights=weights)
            )
        cost.parameters = head.kernel.size + head.bias.size
        return Fitted(head, cost)
    with measure_cost() as cost:
        classifier = Classifier(encoder, num_classes, seed=seed)
        _fit_head(classifier, images, labels, class_weights=weights)
    cost.parameters = sum(int(np.prod(weight.shape)) for weight in classifier.head.weights)
    return Fitted(classifier, cost)


def lpft(encoder, images, labels, *, num_classes: int, budget: Budget, seed: int) -> Fitted:
    """Fits the head alone, then trains encoder and head together from there.

    Reference:
        Kumar et al. 2022, arXiv:2202.10054, section 4 (LP-FT).
    """
    with measure_cost() as cost:
        classifier = _start(encoder, num_classes, budget, seed)
        _fit_head(classifier, images, labels, class_weights=budget.class_weights)
        _train(classifier, images, labels, peak=LEARNING_RATE_AFTER_PROBE, budget=budget, seed=seed)
    cost.steps, cost.parameters = budget.steps, count_trainable(classifier)
    return Fitted(classifier, cost)


def count_trainable(model: keras.Model) -> int:
    """Returns how many numbers training changes."""
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def _start(encoder, num_classes: int, budget: Budget, seed: int) -> Classifier:
    return Classifier(encoder, num_classes, augment=budget.augment, kind=budget.kind, seed=seed)


def _fit_head(classifier, images, labels, *, class_weights):
    features = read_features(classifier.encoder, images)
    kernel, bias = fit_linear_head(
        features, labels, num_classes=classifier.num_classes, class_weights=class_weights
    )
    classifier.head.set_weights([kernel, bias])


def weigh_classes(labels: np.ndarray, num_classes: int) -> dict[int, float]:
    """Returns N / (K n_k) for each class k, with K the classes that have labels; else 1."""
    counts = np.bincount(labels, minlength=num_classes)
    present = int((counts > 0).sum())
    return {k: len(labels) / (present * n) if n else 1.0 for k, n in enumerate(counts.tolist())}


def _train(classifier, images, labels, *, peak, budget, seed):
    classifier.compile(
        optimizer=keras.optimizers.AdamW(peak, weight_decay=WEIGHT_DECAY),
        loss="sparse_categorical_crossentropy",
        steps_per_execution=largest_divisor(budget.steps, most=_STEPS_PER_CALL),
    )
    batches = stream_batches(
        images, labels, batch_size=budget.batch_size, seed=derive_seed(seed, "order")
    )
    with borrow_compiled(classifier) as model:
        model.fit(
            batches,
            steps_per_epoch=budget.steps,
            callbacks=[WarmupCosine(peak, budget.steps)],
            class_weight=weigh_classes(labels, classifier.num_classes)
            if budget.class_weights
            else None,
            shuffle=False,  # the stream is shuffled already
            verbose=0,
        )
