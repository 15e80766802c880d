"""`tfzero finetune`: a classifier, trained from an encoder in a file or from scratch, in a file."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any

import numpy as np

from tfzero.common.checks import InputError, require_choice
from tfzero.common.seeds import derive_seed
from tfzero.data import ImageData, nested_subsets
from tfzero.jobs.load import load_model, require_keras_file
from tfzero.jobs.source import start_from
from tfzero.pretrain.generate import generate_pool
from tfzero.study.planning.label_counts import parse_label_counts
from tfzero.study.records import write_by_path
from tfzero.transfer import STRATEGIES, UNLABELED_FROM, fit_classifier
from tfzero.transfer.budget import default_budget


def finetune_to_file(
    data: ImageData,
    encoder: pathlib.Path | None,
    out: pathlib.Path,
    *,
    strategy: str,
    labels: str,
    settings: dict[str, Any],
    unlabeled_from: str,
    residual: bool = False,
    seed: int,
    overwrite: bool,
) -> tuple[float, int]:
    """Trains a classifier and saves it; returns its accuracy on the test images and its updates.

    Args:
        data: The images.
        encoder: `.keras` file of an encoder or a pretraining; None starts from random weights.
        out: The file to write.
        strategy: How the labels are used.
        labels: How many of them, or "all".
        settings: What to change in the default budget, by the names of `Budget`.
        unlabeled_from: Where a strategy's unlabeled images come from, if it reads any.
        residual: Whether the network of random weights is the small ResNet.
        seed: Decides labels, head and order.
        overwrite: Whether `out` may be replaced.

    Raises:
        InputError: If the encoder does not fit the images, the strategy gives no network, the
            file exists, or the labels are too few for what `settings` ask.
    """
    require_keras_file(out)
    if strategy in STRATEGIES and not STRATEGIES[strategy].trains_network:
        networks = [name for name, entry in STRATEGIES.items() if entry.trains_network]
        raise InputError(
            f'Strategy "{strategy}" gives no network to save; expected one of '
            f"{', '.join(networks)}. Use it as an arm of tfzero compare."
        )
    if out.exists() and not overwrite:
        raise InputError(
            f"{out} exists; choose another with `out`, or replace it: `overwrite=True`."
        )
    network = start_from(encoder, data.image_shape, seed, residual=residual)
    # Read again: what makes images is the whole method, not its encoder.
    method = None if encoder is None or unlabeled_from == "pool" else load_model(encoder)
    pool = _take_unlabeled(data.pool, method, unlabeled_from, seed)
    [count] = parse_label_counts(
        [labels], num_train=len(data.train_images), num_classes=data.num_classes
    )
    chosen = nested_subsets(
        data.train_images, data.train_labels, [count], seed=derive_seed(seed, "labels"),
        balanced=data.balanced,
    )[count]  # fmt: skip
    fitted = fit_classifier(
        strategy,
        encoder=network,
        images=data.train_images[chosen],
        labels=data.train_labels[chosen],
        pool=pool,
        spread_by_pixels=encoder is None,
        num_classes=data.num_classes,
        groups=None if data.train_groups is None else data.train_groups[chosen],
        budget=dataclasses.replace(default_budget(count), **settings),
        seed=seed,
    )
    write_by_path(out, fitted.model.save)
    found = fitted.predict(data.test_images).argmax(axis=1)
    return float((found == data.test_labels).mean()), fitted.cost.steps


def _take_unlabeled(pool, model, unlabeled_from: str, seed: int):
    """Returns the pool, images that the model in `encoder` makes, or both."""
    from tfzero.pretrain.base import Pretrainer

    require_choice(unlabeled_from, UNLABELED_FROM, what="source of unlabeled images")
    if unlabeled_from == "pool":
        return pool
    if not (isinstance(model, Pretrainer) and model.can("generate")):
        raise InputError(
            f"`unlabeled_from={unlabeled_from!r}` takes images that the model of `encoder` makes, "
            "which must be a GAN or VAE of tfzero pretrain; "
            f"{'none is given' if model is None else type(model).__name__ + ' arrived'}."
        )
    generated = generate_pool(model, len(pool), seed=seed)
    return generated if unlabeled_from == "generated" else np.concatenate([pool, generated])
