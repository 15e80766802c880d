"""`tfzero finetune`: a classifier, trained from an encoder in a file or from scratch, in a file."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import keras
import numpy as np

from tfzero.common.checks import InputError, require_choice
from tfzero.common.files import write_keras
from tfzero.common.seeds import derive_seed
from tfzero.common.surroundings import own_settings
from tfzero.data import ImageData, nested_subsets
from tfzero.data.rows import append_rows
from tfzero.jobs.encoder import EncoderStart
from tfzero.jobs.load import load_model, require_keras_file
from tfzero.networks.frozen import describe_frozen
from tfzero.pretrain.base import Pretrainer
from tfzero.pretrain.generate import generate_pool
from tfzero.study.planning.label_counts import parse_label_counts
from tfzero.transfer import STRATEGIES, UNLABELED_FROM, fit_classifier
from tfzero.transfer.budget import default_budget
from tfzero.transfer.strategies import require_network


class Transfer(NamedTuple):
    """How a classifier is made of an encoder and labels.

    Attributes:
        strategy: How the labels are used.
        labels: How many of them, or "all".
        settings: What to change in the default budget, by the names of `Budget`.
        unlabeled_from: Where a strategy's unlabeled images come from, if it reads any.
        seed: Decides labels, head and order.
    """

    strategy: str = "lpft"
    labels: str = "all"
    settings: Mapping[str, Any] = {}
    unlabeled_from: str = "pool"
    seed: int = 0


class Finetuned(NamedTuple):
    """A classifier that was trained.

    Attributes:
        accuracy: On the test images.
        steps: Updates of the network.
        frozen: A sentence on layers of the encoder that no update changed, or ''.
    """

    accuracy: float
    steps: int
    frozen: str


@own_settings()
def finetune_to_file(
    data: ImageData,
    out: pathlib.Path,
    *,
    transfer: Transfer,
    start: EncoderStart,
    overwrite: bool,
) -> Finetuned:
    """Trains a classifier and saves it.

    Args:
        data: The images.
        out: The file to write.
        transfer: How the labels are used.
        start: What it starts from.
        overwrite: Whether `out` may be replaced.

    Raises:
        InputError: If the encoder does not fit the images, the strategy gives no network, the
            file exists, or the labels are too few for what `transfer.settings` ask.
    """
    require_keras_file(out, overwrite=overwrite)
    require_network(transfer.strategy)
    network = start.build(data.image_shape, transfer.seed)
    pool = _take_unlabeled(data.pool, start, transfer)
    chosen = _choose_labelled(data, transfer)
    fitted = fit_classifier(
        transfer.strategy,
        encoder=network,
        images=data.train_images[chosen],
        labels=data.train_labels[chosen],
        pool=pool,
        spread_encoder=_find_nearness(pool, start, transfer),
        objective=_take_objective(start, transfer),
        num_classes=data.num_classes,
        groups=None if data.train_groups is None else data.train_groups[chosen],
        budget=dataclasses.replace(default_budget(len(chosen)), **transfer.settings),
        seed=transfer.seed,
    )
    write_keras(out, fitted.model.save)
    found = fitted.predict(data.test_images).argmax(axis=1)
    accuracy = float((found == data.test_labels).mean())
    frozen = "" if start.encoder is None else describe_frozen(network, name=start.encoder.name)
    return Finetuned(accuracy, fitted.cost.steps, frozen)


def _find_nearness(pool, start: EncoderStart, transfer: Transfer) -> keras.Model | None:
    """Returns whose features tell which images are near; None for the encoder's own."""
    if start.encoder is not None or pool is None or not STRATEGIES[transfer.strategy].spreads:
        return None
    from tfzero.networks.kmeans import fit_patches

    return fit_patches(pool)


def _choose_labelled(data: ImageData, transfer: Transfer) -> np.ndarray:
    """Returns the rows of the training images whose labels are read."""
    [count] = parse_label_counts(
        [transfer.labels], most=len(data.train_images), num_classes=data.num_classes
    )
    own = derive_seed(transfer.seed, "labels")
    subsets = nested_subsets(
        data.train_images, data.train_labels, [count], seed=own, balanced=data.balanced
    )
    return subsets[count]


def _take_objective(start: EncoderStart, transfer: Transfer) -> Pretrainer | None:
    """Returns the method in the encoder's file, for a strategy that goes on with its loss."""
    if not STRATEGIES[transfer.strategy].needs_objective:
        return None
    return _load_able(
        start,
        "read_unlabeled",
        f'Strategy "{transfer.strategy}" goes on with the loss that an encoder was pretrained by. '
        "Expected a file of tfzero pretrain as `encoder`",
    )


def _take_unlabeled(pool, start: EncoderStart, transfer: Transfer):
    """Returns the pool, images that the method in the encoder's file makes, or both."""
    source = require_choice(
        transfer.unlabeled_from, UNLABELED_FROM, what="source of unlabeled images"
    )
    if source == "pool":
        return pool
    if not STRATEGIES[transfer.strategy].takes_generated:
        raise InputError(
            f'Strategy "{transfer.strategy}" does not train on generated images. Leave out '
            "`unlabeled_from`."
        )
    model = _load_able(
        start,
        "generate",
        f"`unlabeled_from={source!r}` uses images that the model of `encoder` generates. "
        "It must be a GAN or VAE of tfzero pretrain",
    )
    generated = generate_pool(model, len(pool), seed=transfer.seed)
    return generated if source == "generated" else append_rows(pool, generated)


def _load_able(start: EncoderStart, ability: str, expected: str) -> Pretrainer:
    """Returns the whole method in the encoder's file, which holds more than its encoder.

    Args:
        start: Names the file.
        ability: What the method can do; see `Pretrainer.can`.
        expected: What is expected, in a sentence without its end.

    Raises:
        InputError: If there is no such method.
    """
    model = None if start.encoder is None else load_model(start.encoder)
    if not (isinstance(model, Pretrainer) and model.can(ability)):
        arrived = "none is given" if model is None else f"{type(model).__name__} arrived"
        raise InputError(f"{expected}, but {arrived}.")
    return model
