"""Strategies that end in a network: fine-tuning, a linear probe, and one after the other."""

from __future__ import annotations

import keras
import numpy as np

from tfzero.common.seeds import derive_seed
from tfzero.networks.blocks import split_blocks
from tfzero.transfer.budget import Budget
from tfzero.transfer.classifier import Classifier
from tfzero.transfer.contract import Fitted, measure_cost
from tfzero.transfer.features import read_features
from tfzero.transfer.linear import LinearHead, fit_linear_head
from tfzero.transfer.training import divide_labelled, train

# Chosen on a part of digits' training images, for training from
# scratch: between 1e-3 and 4e-3 accuracy differs by less than its standard error.
LEARNING_RATE = 3e-3
# After a probe the head is right already; larger steps would destroy the features it reads
# (Kumar et al. 2022, arXiv:2202.10054, section 3).
LEARNING_RATE_AFTER_PROBE = 2e-3


def finetune(
    encoder, images, labels, *, num_classes: int, budget: Budget, seed: int, groups=None
) -> Fitted:
    """Trains encoder and head together from a random head."""
    with measure_cost() as cost:
        labelled = divide_labelled(
            images, labels, groups, num_classes=num_classes, budget=budget, seed=seed
        )
        classifier = start_classifier(encoder, num_classes, budget, seed)
        trained = train(classifier, labelled, peak=LEARNING_RATE, budget=budget, seed=seed)
    cost.steps, cost.parameters = trained.steps, count_trainable(classifier)
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
        fit_head(classifier, images, labels, class_weights=weights)
    cost.parameters = sum(int(np.prod(weight.shape)) for weight in classifier.head.weights)
    return Fitted(classifier, cost)


def lpft(
    encoder, images, labels, *, num_classes: int, budget: Budget, seed: int, groups=None
) -> Fitted:
    """Fits the head alone, then trains encoder and head together from there.

    Reference:
        Kumar et al. 2022, arXiv:2202.10054, section 4 (LP-FT).
    """
    with measure_cost() as cost:
        labelled = divide_labelled(
            images, labels, groups, num_classes=num_classes, budget=budget, seed=seed
        )
        classifier = start_classifier(encoder, num_classes, budget, seed)
        fit_head(classifier, labelled.images, labelled.labels, class_weights=budget.class_weights)
        trained = train(
            classifier, labelled, peak=LEARNING_RATE_AFTER_PROBE, budget=budget, seed=seed
        )
    cost.steps, cost.parameters = trained.steps, count_trainable(classifier)
    return Fitted(classifier, cost)


def gradual(
    encoder, images, labels, *, num_classes: int, budget: Budget, seed: int, groups=None
) -> Fitted:
    """Fits the head alone, then trains it with the last block, the last two, and so on down.

    Each stage has an equal part of the steps, its own warm-up and a fresh optimizer. What is
    frozen stays as it is, statistics of normalization included. Where `until` is reached, the
    blocks below are never trained; out of patience, the next stage begins.

    Reference:
        Howard and Ruder 2018, arXiv:1801.06146, section 3.3 (gradual unfreezing).
    """
    with measure_cost() as cost:
        labelled = divide_labelled(
            images, labels, groups, num_classes=num_classes, budget=budget, seed=seed
        )
        classifier = start_classifier(encoder, num_classes, budget, seed)
        fit_head(classifier, labelled.images, labelled.labels, class_weights=budget.class_weights)
        blocks = [
            [layer for layer in block if layer.trainable_variables]
            for block in split_blocks(classifier.encoder)
        ]
        stages = max(1, len(blocks))
        for stage in range(stages):
            for depth, block in enumerate(reversed(blocks)):
                for layer in block:
                    layer.trainable = depth <= stage
            steps = budget.steps * (stage + 1) // stages - budget.steps * stage // stages
            if not steps:
                continue
            # Steps count from 0 in every stage; the images should not change alike.
            classifier.noise_seed.assign(derive_seed(seed, "noise", str(stage)))
            trained = train(
                classifier,
                labelled,
                peak=LEARNING_RATE_AFTER_PROBE,
                budget=budget,
                seed=derive_seed(seed, "stage", str(stage)),
                steps=steps,
            )
            cost.steps += trained.steps
            if trained.reached:
                break
    cost.parameters = count_trainable(classifier)
    return Fitted(classifier, cost)


def count_trainable(model: keras.Model) -> int:
    """Returns how many numbers training changes."""
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def start_classifier(encoder, num_classes: int, budget: Budget, seed: int) -> Classifier:
    """Returns a classifier around a copy of the encoder, with a random head."""
    return Classifier(encoder, num_classes, augment=budget.augment, kind=budget.kind, seed=seed)


def fit_head(classifier: Classifier, images, labels, *, class_weights: bool) -> None:
    """Fits the head to the encoder's features of images by logistic regression."""
    features = read_features(classifier.encoder, images)
    kernel, bias = fit_linear_head(
        features, labels, num_classes=classifier.num_classes, class_weights=class_weights
    )
    classifier.head.set_weights([kernel, bias])
