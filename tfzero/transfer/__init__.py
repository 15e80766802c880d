"""From an encoder and a few labels to a classifier; nothing here knows about pretraining."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras
    import numpy as np

    from tfzero.transfer.budget import Budget
    from tfzero.transfer.contract import Fitted
    from tfzero.transfer.graph import Graph


@dataclasses.dataclass(frozen=True)
class Strategy:
    """A strategy's entry in the table.

    Attributes:
        function: Where it is, as "module:name".
        trains_network: Whether it needs an encoder and returns a Keras model.
        summary: One line for the command's help.
        reads_features: Whether it keeps the encoder as it is, so that features read once serve.
        validates: Whether it may set labels aside to choose a setting by, or when to stop: it
            then takes `groups`.
        reads_pool: Whether it reads unlabeled images too: it then takes `pool`.
        reads_graph: Whether it reads the pool as a graph, which can be built once for many fits.
        reads_blocks: Whether it reads the encoder's blocks, not only its last: it then takes
            `blocks`.
        spreads: Whether it spreads labels before it trains: it then takes `spread_by_pixels` and
            `graph`.
    """

    function: str
    trains_network: bool
    summary: str
    reads_features: bool = False
    validates: bool = False
    reads_pool: bool = False
    reads_graph: bool = False
    reads_blocks: bool = False
    spreads: bool = False


STRATEGIES = {
    "finetune": Strategy(
        "tfzero.transfer.network:finetune",
        True,
        "train encoder and head together",
        validates=True,
    ),
    "probe": Strategy(
        "tfzero.transfer.network:probe", True, "frozen encoder, linear head", reads_features=True
    ),
    "lpft": Strategy(
        "tfzero.transfer.network:lpft", True, "probe first, then fine-tune", validates=True
    ),
    "gradual": Strategy(
        "tfzero.transfer.network:gradual",
        True,
        "probe first, then fine-tune from the last block down",
        validates=True,
    ),
    "selftrain": Strategy(
        "tfzero.transfer.unlabeled:selftrain",
        True,
        "train on what the network is surest of in the pool",
        validates=True,
        reads_pool=True,
    ),
    "spread_finetune": Strategy(
        "tfzero.transfer.unlabeled:spread_finetune",
        True,
        "spread the labels over the pool, then train on all of it",
        validates=True,
        reads_pool=True,
        spreads=True,
    ),
    **{
        name: Strategy(
            f"tfzero.transfer.classical:{name}",
            False,
            summary,
            reads_features=True,
            validates=True,
            reads_blocks=True,
        )
        for name, summary in {
            "logistic": "logistic regression",
            "svm": "RBF support vector machine",
            "forest": "randomized trees",
            "knn": "votes of the nearest labels",
        }.items()
    },
    "label_spreading": Strategy(
        "tfzero.transfer.spreading:label_spreading",
        False,
        "labels spread over the pool's nearest neighbours",
        reads_pool=True,
        reads_graph=True,
    ),
}

# Where the images come from that a network is trained on without labels.
UNLABELED_FROM = ("pool", "generated", "both")


def trains_on_unlabeled(strategy: str) -> bool:
    """Returns whether a strategy trains a network on unlabeled images."""
    return STRATEGIES[strategy].reads_pool and STRATEGIES[strategy].trains_network


_PUBLIC = {"Classifier": "tfzero.transfer.classifier", "Budget": "tfzero.transfer.budget"}


def fit_classifier(
    strategy: str,
    *,
    encoder: keras.Model | None,
    images: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray | None = None,
    pool: np.ndarray | None = None,
    spread_by_pixels: bool = False,
    graph: Graph | None = None,
    num_classes: int | None = None,
    budget: Budget | None = None,
    seed: int = 0,
) -> Fitted:
    """Fits a classifier by a strategy, in one call.

    Args:
        strategy: A key of `STRATEGIES`.
        encoder: Keras model from float32 images in 0..1 to features `(B, D)`; not changed. None
            reads raw pixels, for strategies that train no network.
        images: `(N, H, W, C)`, uint8 in 0..255 or floats in 0..1.
        labels: int `(N,)` in 0..K-1.
        groups: `(N,)`: what belongs together, as pictures of one patient. Where a strategy sets
            labels aside to choose by, no group is on both sides. None: every image alone.
        pool: Unlabeled images, as `images`, for strategies that read them.
        spread_by_pixels: Whether labels are spread by nearness of pixels, not of features, before
            a network is trained: for encoders that have learnt nothing yet.
        graph: What `tfzero.transfer.spreading.graph_images` makes of the pool, for a strategy that
            spreads labels before it trains; None makes it.
        num_classes: K; None counts the labels.
        budget: What training may spend; None takes the default for N labels.
        seed: Decides the head's start, the order of batches and the augmentation.

    Returns:
        The fitted classifier: `predict(images)` gives probabilities `(N, K)`, `model` the model,
        `cost` what it took, `chosen` the settings and blocks that were chosen within the labels.

    Raises:
        InputError: If the strategy is unknown, needs an encoder and got none, or the images or
            labels are not of the form above.
    """
    from tfzero.common.checks import InputError, check_images, check_labels, require_choice

    entry = STRATEGIES[require_choice(strategy, STRATEGIES, what="strategy")]
    if entry.trains_network and encoder is None:
        raise InputError(
            f'Strategy "{strategy}" trains a network, but encoder is None. '
            "Give an encoder, for example tfzero.build_encoder(images.shape[1:])."
        )
    if entry.reads_pool and pool is None:
        raise InputError(
            f'Strategy "{strategy}" reads unlabeled images, but pool is None. Give pool=images.'
        )
    pool = None if pool is None or not entry.reads_pool else check_images(pool)
    images = check_images(images)
    labels = check_labels(labels, count=len(images))
    highest = int(labels.max())
    num_classes = highest + 1 if num_classes is None else num_classes
    if num_classes < 2 or highest >= num_classes:
        raise InputError(
            f"labels go up to {highest} and num_classes is {num_classes}; expected at least 2 "
            "classes and labels in 0..num_classes - 1."
        )
    return _fit(entry, encoder, images, labels, groups, num_classes, budget, seed, pool=pool,
                spread_by_pixels=spread_by_pixels, graph=graph)  # fmt: skip


def fit_on_features(
    strategy: str,
    *,
    features: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray | None = None,
    num_classes: int,
    blocks: dict[str, tuple[int, int]] | None = None,
    budget: Budget | None = None,
    seed: int = 0,
) -> Fitted:
    """Fits what a strategy puts behind a frozen encoder, on features that are there already.

    Args:
        strategy: A key of `STRATEGIES` that `reads_features`.
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
    from tfzero.common.checks import require_choice

    readers = [name for name, entry in STRATEGIES.items() if entry.reads_features]
    entry = STRATEGIES[require_choice(strategy, readers, what="strategy on features")]
    return _fit(entry, None, features, labels, groups, num_classes, budget, seed, blocks=blocks)


def _fit(
    entry: Strategy, encoder, inputs, labels, groups, num_classes, budget, seed, *,
    pool=None, blocks=None, spread_by_pixels=False, graph=None,
) -> Fitted:  # fmt: skip
    from tfzero.common.checks import InputError
    from tfzero.transfer.budget import default_budget

    if groups is not None and len(groups) != len(inputs):
        raise InputError(
            f"There are {len(groups)} groups for {len(inputs)} images; expected one an image."
        )
    function = pkgutil.resolve_name(entry.function)
    budget = budget or default_budget(len(inputs))
    known = {"groups": groups} if entry.validates else {}
    if entry.reads_pool:
        known["pool"] = pool
    if entry.spreads:
        known |= {"spread_by_pixels": spread_by_pixels, "graph": graph}
    if entry.reads_blocks:
        known["blocks"] = blocks
    return function(
        encoder, inputs, labels, num_classes=num_classes, budget=budget, seed=seed, **known
    )


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
