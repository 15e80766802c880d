"""Strategies that train a network on unlabeled images too, by labels guessed for them."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfzero.common.compiled import predict_compiled
from tfzero.common.seeds import derive_seed
from tfzero.data.kinds import default_kind
from tfzero.networks.augmentation import augment_images
from tfzero.networks.scaling import scale_images
from tfzero.networks.views import find_views, random_views
from tfzero.transfer import network
from tfzero.transfer.budget import Budget
from tfzero.transfer.classifier import Classifier
from tfzero.transfer.contract import Fitted, measure_cost
from tfzero.transfer.features import read_blocks
from tfzero.transfer.graph import Graph, link, spread_over
from tfzero.transfer.spreading import graph_images
from tfzero.transfer.training import Labelled, divide_labelled, train

# On part of digits' training images with 100 labels, guesses are right for 94.1 % at 0.9 and for
# 91.9 % at 0.99; with 20 labels they are alike.
_ALPHA = 0.9
# The share of the pool that is believed in each round.
_BELIEVED = (0.5, 0.8)
# Unlabeled images that are looked at: as many updates as there are see few more.
_MOST_IMAGES = 20_000
_CHUNK = 500


class Guesses(NamedTuple):
    """Labels guessed for unlabeled images.

    Attributes:
        rows: int `(M,)`: which images are believed.
        labels: int `(M,)`, theirs.
    """

    rows: np.ndarray
    labels: np.ndarray


def selftrain(
    encoder, images, labels, *, num_classes: int, budget: Budget, seed: int, pool, groups=None
) -> Fitted:
    """Trains as lpft, then, in two rounds, on what the last network is surest of in the pool.

    An image's guess counts where the network says the same of a weak view (as labelled images are
    augmented) and of a strong one (as in contrastive learning), and then, class by class, the
    surest: as many of each class as is its share of the labels. Each round believes more and trains
    anew from the encoder.

    Reference:
        Sohn et al. 2020, arXiv:2001.07685 (a weak and a strong view); Zou et al. 2018,
        arXiv:1810.07911, section 4.2 (class-balanced rounds).
    """
    with measure_cost() as cost:
        labelled = divide_labelled(
            images, labels, groups, num_classes=num_classes, budget=budget, seed=seed
        )
        pool = pool[_draw_rows(len(pool), seed)]
        classifier = network.start_classifier(encoder, num_classes, budget, seed)
        cost.steps += _train_from_probe(classifier, labelled, labelled, budget, seed)
        for number, share in enumerate(_BELIEVED):
            weak, strong = _look_twice(classifier, pool, seed=derive_seed(seed, "views", number))
            guesses = choose_surest(
                weak, strong, share=share, class_shares=_shares(labelled, num_classes, budget)
            )
            classifier, steps = _teach(encoder, labelled, pool, guesses, num_classes, budget,
                                       derive_seed(seed, "round", number))  # fmt: skip
            cost.steps += steps
    cost.parameters = network.count_trainable(classifier)
    return Fitted(classifier, cost)


def spread_finetune(
    encoder,
    images,
    labels,
    *,
    num_classes: int,
    budget: Budget,
    seed: int,
    pool,
    spread_by_pixels: bool = False,
    graph: Graph | None = None,
    groups=None,
) -> Fitted:
    """Spreads the labels over the pool, then trains a network on what is surest of that.

    First on the surest spread labels; then, anew from the encoder, on more of the pool by the mean
    of the spread distributions and the first network's, where it sees the same in a strong view.

    Reference:
        Iscen et al. 2019, arXiv:1904.04717 (labels spread over features, and a network trained on
        them).
    """
    with measure_cost() as cost:
        labelled = divide_labelled(
            images, labels, groups, num_classes=num_classes, budget=budget, seed=seed
        )
        source = None if spread_by_pixels else encoder
        graph = graph_images(source, pool) if graph is None else graph
        spread = _spread(source, graph, labelled, num_classes, budget)
        rows = _draw_rows(len(pool), seed)
        pool, spread = pool[rows], spread[rows]
        shares = _shares(labelled, num_classes, budget)
        first, second = _BELIEVED
        guesses = choose_surest(spread, spread, share=first, class_shares=shares)
        classifier, steps = _teach(encoder, labelled, pool, guesses, num_classes, budget,
                                   derive_seed(seed, "round", 0))  # fmt: skip
        cost.steps += steps
        weak, strong = _look_twice(classifier, pool, seed=derive_seed(seed, "views", 0))
        guesses = choose_surest((weak + spread) / 2, strong, share=second, class_shares=shares)
        classifier, steps = _teach(encoder, labelled, pool, guesses, num_classes, budget,
                                   derive_seed(seed, "round", 1))  # fmt: skip
        cost.steps += steps
    cost.parameters = network.count_trainable(classifier)
    return Fitted(classifier, cost)


def choose_surest(
    weak: np.ndarray, strong: np.ndarray, *, share: float, class_shares: np.ndarray
) -> Guesses:
    """Returns the surest guesses of each class.

    Args:
        weak: float32 `(N, K)`, probabilities of weak views.
        strong: float32 `(N, K)`, of strong views.
        share: The share of all images to believe at most.
        class_shares: float `(K,)`, how they are divided among the classes.

    Returns:
        The weak views' classes, where both views say the same, of each class the
        `share * class_shares * N` most probable.
    """
    labels, sure = weak.argmax(axis=1), weak.max(axis=1)
    agree = labels == strong.argmax(axis=1)
    chosen = []
    for k, class_share in enumerate(class_shares):
        candidates = np.flatnonzero(agree & (labels == k))
        most = round(share * class_share * len(labels))
        chosen.append(candidates[np.argsort(-sure[candidates], kind="stable")[:most]])
    rows = np.sort(np.concatenate(chosen))
    return Guesses(rows, labels[rows])


def _draw_rows(count: int, seed: int) -> np.ndarray:
    if count <= _MOST_IMAGES:
        return np.arange(count)
    drawn = np.random.default_rng(derive_seed(seed, "pool"))
    return np.sort(drawn.choice(count, _MOST_IMAGES, replace=False))


def _shares(labelled: Labelled, num_classes: int, budget: Budget) -> np.ndarray:
    counts = np.bincount(labelled.labels, minlength=num_classes)
    if budget.class_weights:
        counts = (counts > 0).astype(int)
    return counts / counts.sum()


def _spread(source, graph: Graph, labelled, num_classes, budget) -> np.ndarray:
    links = link(graph, read_blocks(source, labelled.images)[0])
    if not (np.isfinite(graph.similarities).all() and np.isfinite(links.similarities).all()):
        return np.full((len(graph.places), num_classes), 1 / num_classes, np.float32)
    return spread_over(
        graph, links, labelled.labels,
        num_classes=num_classes, alpha=_ALPHA, equal_shares=budget.class_weights,
    )  # fmt: skip


def _teach(encoder, labelled, pool, guesses, num_classes, budget, seed) -> tuple[Classifier, int]:
    """Trains a network anew on labels and guesses; returns it and its updates."""
    believed = pool[guesses.rows]
    if labelled.images.dtype != believed.dtype:
        # Bytes and floats train alike only on one scale.
        believed = (
            scale_images(tf.convert_to_tensor(believed)).numpy().astype(labelled.images.dtype)
        )
    both = labelled._replace(
        images=np.concatenate([labelled.images, believed]),
        labels=np.concatenate([labelled.labels, guesses.labels]),
    )
    classifier = network.start_classifier(encoder, num_classes, budget, seed)
    longer = dataclasses.replace(budget, steps=budget.pool_steps, batch_size=2 * budget.batch_size)
    return classifier, _train_from_probe(classifier, labelled, both, longer, seed)


def _train_from_probe(classifier, labelled, trained_on, budget, seed) -> int:
    """Fits the head to the labels, then all to what is given; returns the updates."""
    network.fit_head(
        classifier, labelled.images, labelled.labels, class_weights=budget.class_weights
    )
    peak = network.LEARNING_RATE_AFTER_PROBE
    return train(classifier, trained_on, peak=peak, budget=budget, seed=seed).steps


def _look_twice(classifier: Classifier, pool: np.ndarray, *, seed: int):
    """Returns probabilities `(N, K)` of a weak and of a strong view of each image."""
    kind = classifier.kind or default_kind(pool.shape[-1])
    strong_views = find_views(kind)
    weak, strong = [], []
    for start in range(0, len(pool), _CHUNK):
        images = scale_images(tf.convert_to_tensor(pool[start : start + _CHUNK]))
        place = tf.constant([seed, start])
        near = augment_images(images, kind=kind, seed=place)
        far = random_views(images, strong_views, seed=place + 1)
        weak.append(predict_compiled(classifier, near.numpy()))
        strong.append(predict_compiled(classifier, far.numpy()))
    return np.concatenate(weak), np.concatenate(strong)
