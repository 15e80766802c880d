"""Training of a classifier on labelled images, within a budget."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfzero.common.adam import FusedAdam
from tfzero.common.compiled import borrow_compiled, largest_divisor
from tfzero.common.schedule import WarmupCosine
from tfzero.common.seeds import derive_seed
from tfzero.data.pipeline import stream_batches
from tfzero.data.rows import append_rows
from tfzero.networks.blocks import split_blocks
from tfzero.transfer.budget import STEPS_PER_CALL, Budget
from tfzero.transfer.classifier import Classifier
from tfzero.transfer.features import read_features
from tfzero.transfer.layer_rates import LayerwiseAdamW, layer_factors
from tfzero.transfer.linear import fit_linear_head
from tfzero.transfer.stopping import make_stoppers, set_aside, was_reached
from tfzero.transfer.strategies.base import Task

# Chosen on a part of digits' training images, for training from
# scratch: between 1e-3 and 4e-3 accuracy differs by less than its standard error.
LEARNING_RATE = 3e-3
# After a probe the head is right already; larger steps would destroy the features it reads
# (Kumar et al. 2022, arXiv:2202.10054, section 3).
LEARNING_RATE_AFTER_PROBE = 2e-3
WEIGHT_DECAY = 1e-2

# Layers with weights, block by block.
Blocks = list[list[keras.layers.Layer]]


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


def divide_labelled(task: Task) -> Labelled:
    """Returns all labelled images to train on, or without the fifth that training is watched by.

    Args:
        task: Its inputs are images.

    Raises:
        InputError: If the budget asks for that and a class has too few labels.
    """
    images, labels = task.inputs, task.labels
    if task.budget.until is None and task.budget.patience is None:
        return Labelled(images, labels)
    seed = derive_seed(task.seed, "held")
    trained_on, held = set_aside(labels, task.groups, num_classes=task.num_classes, seed=seed)
    return Labelled(images[trained_on], labels[trained_on], (images[held], labels[held]))


def start_classifier(task: Task, *, seed: int) -> Classifier:
    """Returns a classifier around a copy of a task's encoder, with a random head.

    Args:
        task: What a fit is given.
        seed: Draws the head's weights and the augmentation.
    """
    budget = task.budget
    assert task.encoder is not None
    classifier = Classifier(
        task.encoder, task.num_classes, augment=budget.augment, kind=budget.kind, seed=seed
    )
    frozen, _ = divide_blocks(classifier.encoder, budget)
    for layer in itertools.chain(*frozen):
        layer.trainable = False
    return classifier


def divide_blocks(encoder: keras.Model, budget: Budget) -> tuple[Blocks, Blocks]:
    """Returns the blocks of an encoder that stay as they are, and those to train; one at least.

    Args:
        encoder: As in `tfzero.networks.blocks.split_blocks`.
        budget: Says how many blocks stay.
    """
    blocks = split_blocks(encoder)
    kept = min(budget.frozen_blocks, max(0, len(blocks) - 1))
    return blocks[:kept], blocks[kept:]


def fit_head(classifier: Classifier, labelled: Labelled, *, class_weights: bool) -> None:
    """Fits the head to the encoder's features of labelled images by logistic regression."""
    features = read_features(classifier.encoder, labelled.images)
    head = fit_linear_head(
        features, labelled.labels, num_classes=classifier.num_classes, class_weights=class_weights
    )
    classifier.head.set_weights([*head])


def count_trainable(model: keras.Model) -> int:
    """Returns how many numbers training changes."""
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


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
        peak: The highest learning rate, where the budget names none.
        budget: What may be spent.
        seed: Decides the order of batches.
        steps: Updates at most; None takes the budget's.
    """
    steps = budget.steps if steps is None else steps
    peak = budget.learning_rate or peak
    weights = weigh_classes(labelled.labels, classifier.num_classes)
    return fit_stream(
        classifier,
        stream_labelled(labelled, budget, seed=seed),
        schedule=WarmupCosine(peak, steps),
        budget=budget,
        held=labelled.held,
        compiled={
            "optimizer": make_optimizer(classifier, classifier.trainable_variables, peak, budget),
            "loss": "sparse_categorical_crossentropy",
            "metrics": None if labelled.held is None else ["accuracy"],
        },
        class_weight=weights if budget.class_weights else None,
    )


def train_on_distributions(
    classifier: Classifier,
    labelled: Labelled,
    pool: Any,
    distributions: np.ndarray,
    *,
    budget: Budget,
    seed: int,
) -> Trained:
    """Trains what is trainable of a classifier on labels and on distributions over the classes.

    Args:
        classifier: Trained in place.
        labelled: Images of one class each.
        pool: Unlabeled images `(N, H, W, C)`.
        distributions: float32 `(N, K)`, theirs.
        budget: What may be spent.
        seed: Decides the order of batches.
    """
    peak = budget.learning_rate or LEARNING_RATE_AFTER_PROBE
    classes = np.eye(classifier.num_classes, dtype=np.float32)
    held = labelled.held
    return fit_stream(
        classifier,
        stream_batches(
            append_rows(labelled.images, pool),
            np.concatenate([classes[labelled.labels], distributions]),
            batch_size=budget.batch_size,
            seed=derive_seed(seed, "order"),
        ),
        schedule=WarmupCosine(peak, budget.steps),
        budget=budget,
        held=None if held is None else (held[0], classes[held[1]]),
        compiled={
            "optimizer": make_optimizer(classifier, classifier.trainable_variables, peak, budget),
            "loss": "categorical_crossentropy",
            "metrics": None if held is None else ["accuracy"],
        },
    )


def stream_labelled(labelled: Labelled, budget: Budget, *, seed: int) -> tf.data.Dataset:
    """Returns shuffled batches of labelled images without end."""
    return stream_batches(
        labelled.images,
        labelled.labels,
        batch_size=budget.batch_size,
        seed=derive_seed(seed, "order"),
    )


def fit_stream(
    network: keras.Model,
    batches: tf.data.Dataset,
    *,
    schedule: WarmupCosine,
    budget: Budget,
    held: tuple[np.ndarray, np.ndarray] | None,
    compiled: dict[str, Any],
    prepare: Callable[[keras.Model], AbstractContextManager] = contextlib.nullcontext,
    class_weight: dict[int, float] | None = None,
) -> Trained:
    """Compiles a network and fits it to an endless stream, for as many steps as its schedule has.

    Args:
        network: Trained in place.
        batches: The stream.
        schedule: The learning rate, and the number of steps.
        budget: Says when training ends before.
        held: Images and labels that training is watched by; None if it never ends before.
        compiled: Arguments of `compile`.
        prepare: Called with the network that Keras fits; returns what surrounds the fit.
        class_weight: As in `keras.Model.fit`.
    """
    steps, stoppers = schedule.steps, []
    epoch = steps
    if held is not None:
        epoch = largest_divisor(steps, most=STEPS_PER_CALL)
        stoppers = make_stoppers(budget.until, budget.patience)
    per_call = largest_divisor(epoch, most=STEPS_PER_CALL)
    # Left open, Keras would have XLA compile it where there is a GPU.
    network.compile(**compiled, steps_per_execution=per_call, jit_compile=False)
    with borrow_compiled(network, batch_size=budget.batch_size) as model, prepare(model):
        model.fit(
            batches,
            steps_per_epoch=epoch,
            epochs=steps // epoch,
            validation_data=held,
            callbacks=[schedule, *stoppers],
            class_weight=class_weight,
            shuffle=False,  # the stream is shuffled already
            verbose=0,
        )
    return Trained(int(network.optimizer.iterations.numpy()), was_reached(stoppers))


def weigh_classes(labels: np.ndarray, num_classes: int) -> dict[int, float]:
    """Returns N / (K n_k) for each class k, with K the classes that have labels; else 1."""
    counts = np.bincount(labels, minlength=num_classes)
    present = int((counts > 0).sum())
    return {k: len(labels) / (present * n) if n else 1.0 for k, n in enumerate(counts.tolist())}


def make_optimizer(
    classifier: Classifier, variables: list, peak: float, budget: Budget
) -> keras.optimizers.Optimizer:
    """Returns the optimizer of a classifier, and of what is trained beside it.

    Args:
        classifier: Its blocks decide the learning rates.
        variables: All to be trained, the classifier's first.
        peak: The highest learning rate.
        budget: What may be spent.
    """
    if budget.layer_rate == 1:
        return FusedAdam(peak, weight_decay=WEIGHT_DECAY)
    factors = layer_factors(classifier, budget.layer_rate)
    factors += [1.0] * (len(variables) - len(factors))
    return LayerwiseAdamW(factors, peak, weight_decay=WEIGHT_DECAY)
