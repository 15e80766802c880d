"""Fits a classifier by a strategy, in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tfzero.common.checks import InputError, check_labels
from tfzero.common.images import check_images
from tfzero.common.surroundings import own_settings
from tfzero.transfer.budget import Budget, default_budget
from tfzero.transfer.strategies import STRATEGIES, find_strategy
from tfzero.transfer.strategies.base import Need, Strategy, Task

if TYPE_CHECKING:
    import keras

    from tfzero.networks.blocks import Columns
    from tfzero.transfer.contract import Fitted
    from tfzero.transfer.graph import Graph
    from tfzero.transfer.objective import Objective


@own_settings()
def fit_classifier(
    strategy: str | Strategy,
    *,
    encoder: keras.Model | None,
    images: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray | None = None,
    pool: np.ndarray | None = None,
    spread_by_pixels: bool = False,
    spread_encoder: keras.Model | None = None,
    graph: Graph | None = None,
    objective: Objective | None = None,
    num_classes: int | None = None,
    budget: Budget | None = None,
    seed: int = 0,
) -> Fitted:
    """Fits a classifier by a strategy, in one call.

    Args:
        strategy: Key of `STRATEGIES`, or an object of your own subclass of `Strategy`.
        encoder: Keras model from float32 images in 0..1 to features `(B, D)`; it is not changed.
            None reads raw pixels, for strategies that train no network.
        images: Array of shape `(N, H, W, C)`, uint8 in 0..255 or floats in 0..1.
        labels: Integers in 0..K-1 of shape `(N,)`.
        groups: Array of shape `(N,)`: the group of each image, such as its patient. Where a
            strategy holds out labels to choose settings, no group is on both sides. None means no
            groups.
        pool: Unlabeled images in the form of `images`, for strategies that read them.
        spread_by_pixels: Whether to spread labels by the distance of pixels, instead of features,
            before a network is trained. Use it for encoders that have learned nothing yet.
        spread_encoder: Keras model whose features decide which images are near where labels are
            spread before a network is trained, such as the teacher of `encoder`. None means
            `encoder`.
        graph: Result of `tfzero.transfer.features.graph_images` for the pool, for strategies that
            spread labels; None computes it. Its features are those that decide what is near.
        objective: Method that the encoder was pretrained by, such as a fitted `tfzero.VAE`, for
            strategies that go on with its loss. It is not changed.
        num_classes: Number of classes K; None counts the labels.
        budget: Limits of training; None takes the default for N labels.
        seed: Random seed of the head's weights, the order of batches and the augmentation.

    Returns:
        The fitted classifier. Its `predict(images)` gives probabilities `(N, K)`. It also has the
        Keras `model`, its `cost`, and the settings and blocks `chosen` within the labels.

    Raises:
        InputError: If the strategy is unknown, or if it needs an encoder and got none. Also if the
            images or labels do not have the form above.
    """
    strategy = find_strategy(strategy)
    if strategy.trains_network and encoder is None:
        raise InputError(
            f'Strategy "{strategy.name}" trains a network, but `encoder` is None. '
            "Give an encoder, for example tfzero.build_encoder(images.shape[1:])."
        )
    if strategy.reads_pool and pool is None:
        raise InputError(
            f'Strategy "{strategy.name}" reads unlabeled images, but `pool` is None. Give '
            "`pool=images`."
        )
    if strategy.needs_objective:
        _require_objective(strategy, objective, encoder)
    pool = _check_pool(pool) if pool is not None and strategy.reads_pool else None
    images = check_images(images)
    labels = check_labels(labels, count=len(images))
    task = Task(
        inputs=images,
        labels=labels,
        num_classes=_count_classes(labels, num_classes),
        budget=budget or default_budget(len(images)),
        seed=seed,
        encoder=encoder,
        groups=groups,
        pool=pool,
        graph=graph,
        spread_by_pixels=spread_by_pixels,
        spread_encoder=spread_encoder,
        objective=objective,
    )
    if strategy.form is Need.IMAGES:
        return strategy.fit(task)
    from tfzero.transfer.frozen import fit_frozen

    return fit_frozen(strategy, task)


def _check_pool(pool):
    """Returns unlabeled images that a network can take; bytes are not read for it, nor copied."""
    if getattr(pool, "dtype", None) == np.uint8:
        check_images(pool[:1])
        return pool
    return check_images(pool)


def _require_objective(strategy: Strategy, objective, encoder) -> None:
    """Raises unless there is an objective with an encoder of the shapes of the one to train."""
    if objective is None:
        raise InputError(
            f'Strategy "{strategy.name}" goes on with the loss that the encoder was pretrained by, '
            "but `objective` is None. Give the fitted method, such as a tfzero.VAE, and its "
            "encoder: `encoder=vae.encoder, objective=vae`."
        )
    own = getattr(objective, "encoder", None)
    if own is None or not objective.can("read_unlabeled"):
        raise InputError(
            f"`objective` is a {type(objective).__name__}; expected a method of tfzero whose loss "
            "can go on, such as a fitted tfzero.VAE."
        )
    found, expected = ((each.input_shape, each.output_shape) for each in (own, encoder))
    if found != expected:
        raise InputError(
            f"The encoder of `objective` has the shapes {found}, but `encoder` has {expected}. "
            "Give the method's own encoder."
        )


def _count_classes(labels: np.ndarray, num_classes: int | None) -> int:
    """Returns how many classes there are; refuses fewer than the labels need."""
    highest = int(labels.max())
    num_classes = highest + 1 if num_classes is None else num_classes
    if num_classes < 2 or highest >= num_classes:
        raise InputError(
            f"`labels` go up to {highest} and `num_classes` is {num_classes}; expected at least "
            "2 classes and labels in 0..num_classes - 1."
        )
    return num_classes


@own_settings()
def fit_on_features(
    strategy: str | Strategy,
    *,
    features: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray | None = None,
    num_classes: int,
    blocks: dict[str, Columns] | None = None,
    budget: Budget | None = None,
    seed: int = 0,
) -> Fitted:
    """Fits what a strategy puts behind a frozen encoder, on features that are there already.

    Args:
        strategy: A key of `STRATEGIES`, or an object, that `reads_features`.
        features: float32 `(N, D)`.
        labels: int `(N,)` in 0..K-1.
        groups: As in `fit_classifier`.
        num_classes: K.
        blocks: By name of each of the encoder's blocks, its columns (start, stop) of `features`,
            for strategies that choose among them; None where the features are one block.
        budget: As in `fit_classifier`.
        seed: As in `fit_classifier`.

    Returns:
        As `fit_classifier`, but `predict` takes features `(M, D)`.

    Raises:
        InputError: If the strategy is unknown or trains its encoder.
    """
    strategy = find_strategy(strategy)
    if not strategy.reads_features:
        readers = ", ".join(name for name, each in STRATEGIES.items() if each.reads_features)
        raise InputError(f'Strategy "{strategy.name}" reads no features. Known: {readers}.')
    return strategy.fit(
        Task(
            inputs=features,
            labels=labels,
            num_classes=num_classes,
            budget=budget or default_budget(len(features)),
            seed=seed,
            groups=groups,
            columns=blocks,
        )
    )
