"""Strategies that train a network on unlabeled images too, by labels guessed for them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tfzero.common.seeds import derive_seed
from tfzero.data.kinds import default_kind
from tfzero.transfer.budget import POOL_ROUNDS, Budget
from tfzero.transfer.strategies.base import Need, Task, Training, Work
from tfzero.transfer.strategies.network import NetworkStrategy

if TYPE_CHECKING:
    from tfzero.transfer.classifier import Classifier
    from tfzero.transfer.training import Labelled

# On part of digits' training images with 100 labels, guesses are right for 94.1 % at 0.9 and for
# 91.9 % at 0.99; with 20 labels they are alike.
_ALPHA = 0.9
# The share of the pool that is believed in each round.
_BELIEVED = (0.5, 0.8)
_CHUNK = 500
# A weak and a strong one.
_VIEWS = 2


class Guesses(NamedTuple):
    """Labels guessed for unlabeled images.

    Attributes:
        rows: int `(M,)`: which images are believed.
        labels: int `(M,)`, theirs.
    """

    rows: np.ndarray
    labels: np.ndarray


class SelfTraining(NetworkStrategy):
    """Trains as lpft, then, in two rounds, on what the last network is surest of in the pool.

    An image's guess counts where the network says the same of a weak view (as labelled images are
    augmented) and of a strong one (as in contrastive learning), and then, class by class, the
    surest: as many of each class as is its share of the labels. Each round believes more and trains
    anew from the encoder.

    Reference:
        Sohn et al. 2020, arXiv:2001.07685 (a weak and a strong view); Zou et al. 2018,
        arXiv:1810.07911, section 4.2 (class-balanced rounds).
    """

    name = "selftrain"
    summary = "train on the surest predictions for the pool"
    phrase = "Self-training from {start}"
    phrase_from_scratch = "Self-training from scratch"
    reads = frozenset({Need.IMAGES, Need.POOL})

    def _train(self, task: Task, labelled: Labelled) -> tuple[Classifier, int]:
        from tfzero.transfer.training import start_classifier

        pool = _pool_of(task)
        shares = _share_classes(task, labelled)
        classifier = start_classifier(task, seed=task.seed)
        spent = _train_from_probe(classifier, labelled, labelled, task.budget, task.seed)
        for number, believed in enumerate(_BELIEVED):
            seed = derive_seed(task.seed, "views", number)
            weak, strong = _look_twice(classifier, pool, seed=seed)
            guesses = choose_surest(weak, strong, share=believed, class_shares=shares)
            seed = derive_seed(task.seed, "round", number)
            classifier, steps = _teach(task, labelled, pool, guesses, seed=seed)
            spent += steps
        return classifier, spent

    def work(self, budget: Budget, num_pool: int) -> Work:
        """Returns a training on the labels, and one of each round after a look at the pool."""
        on_labels = super().work(budget, num_pool)
        return dataclasses.replace(
            on_labels,
            trainings=(*on_labels.trainings, *_list_rounds(budget)),
            looks=len(_BELIEVED) * _count_looks(budget, num_pool),
        )


class SpreadThenFinetune(NetworkStrategy):
    """Spreads the labels over the pool, then trains a network on what is surest of that.

    First on the surest spread labels; then, anew from the encoder, on more of the pool by the mean
    of the spread distributions and the first network's, where it sees the same in a strong view.

    Reference:
        Iscen et al. 2019, arXiv:1904.04717 (labels spread over features, and a network trained on
        them).
    """

    name = "spread_finetune"
    summary = "spread the labels over the pool, then train on all of it"
    phrase = "Fine-tuning {start} on spread labels"
    phrase_from_scratch = "Training from scratch on spread labels"
    reads = frozenset({Need.IMAGES, Need.POOL, Need.GRAPH})

    def _train(self, task: Task, labelled: Labelled) -> tuple[Classifier, int]:
        spread = _spread(task, labelled)[_draw_rows(task)]
        pool = _pool_of(task)
        shares = _share_classes(task, labelled)
        first, second = _BELIEVED
        guesses = choose_surest(spread, spread, share=first, class_shares=shares)
        seed = derive_seed(task.seed, "round", 0)
        classifier, spent = _teach(task, labelled, pool, guesses, seed=seed)
        weak, strong = _look_twice(classifier, pool, seed=derive_seed(task.seed, "views", 0))
        guesses = choose_surest((weak + spread) / 2, strong, share=second, class_shares=shares)
        seed = derive_seed(task.seed, "round", 1)
        classifier, steps = _teach(task, labelled, pool, guesses, seed=seed)
        return classifier, spent + steps

    def work(self, budget: Budget, num_pool: int) -> Work:
        """Returns a graph, and a training of each round, with a look at the pool between them."""
        return Work(
            network=True,
            trainings=_list_rounds(budget),
            looks=_count_looks(budget, num_pool),
            spreads=True,
        )


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


def _draw_rows(task: Task) -> np.ndarray:
    """Returns which unlabeled images are looked at."""
    assert task.pool is not None
    count = len(task.pool)
    most = task.budget.most_unlabeled
    if count <= most:
        return np.arange(count)
    drawn = np.random.default_rng(derive_seed(task.seed, "pool"))
    return np.sort(drawn.choice(count, most, replace=False))


def _pool_of(task: Task) -> np.ndarray:
    assert task.pool is not None
    return task.pool[_draw_rows(task)]


def _share_classes(task: Task, labelled: Labelled) -> np.ndarray:
    counts = np.bincount(labelled.labels, minlength=task.num_classes)
    if task.budget.class_weights:
        counts = (counts > 0).astype(int)
    return counts / counts.sum()


def _spread(task: Task, labelled: Labelled) -> np.ndarray:
    """Returns `(N, K)`, the pool's distributions; uniform where features are not finite."""
    from tfzero.transfer.features import graph_images, read_blocks
    from tfzero.transfer.graph import link, spread_over

    assert task.pool is not None
    nearness = task.encoder if task.spread_encoder is None else task.spread_encoder
    source = None if task.spread_by_pixels else nearness
    graph = graph_images(source, task.pool) if task.graph is None else task.graph
    links = link(graph, read_blocks(source, labelled.images)[0])
    if not (graph.is_finite() and links.is_finite()):
        shape = (len(graph.places), task.num_classes)
        return np.full(shape, 1 / task.num_classes, np.float32)
    return spread_over(
        graph,
        links,
        labelled.labels,
        num_classes=task.num_classes,
        alpha=_ALPHA,
        equal_shares=task.budget.class_weights,
    )


def _list_rounds(budget: Budget) -> tuple[Training, ...]:
    return POOL_ROUNDS * (Training(budget.pool_steps, 2 * budget.batch_size),)


def _count_looks(budget: Budget, num_pool: int) -> int:
    return _VIEWS * min(num_pool, budget.most_unlabeled)


def _teach(
    task: Task, labelled: Labelled, pool: np.ndarray, guesses: Guesses, *, seed: int
) -> tuple[Classifier, int]:
    """Trains a network anew on labels and guesses; returns it and its updates."""
    from tfzero.transfer.training import start_classifier

    believed = pool[guesses.rows]
    if labelled.images.dtype != believed.dtype:
        # Bytes and floats train alike only on one scale.
        believed = _scale(believed).numpy().astype(labelled.images.dtype)
    both = labelled._replace(
        images=np.concatenate([labelled.images, believed]),
        labels=np.concatenate([labelled.labels, guesses.labels]),
    )
    classifier = start_classifier(task, seed=seed)
    steps, batch_size = _list_rounds(task.budget)[0]
    longer = dataclasses.replace(task.budget, steps=steps, batch_size=batch_size)
    return classifier, _train_from_probe(classifier, labelled, both, longer, seed)


def _train_from_probe(
    classifier: Classifier, labelled: Labelled, trained_on: Labelled, budget: Budget, seed: int
) -> int:
    """Fits the head to the labels, then all to what is given; returns the updates."""
    from tfzero.transfer import training

    training.fit_head(classifier, labelled, class_weights=budget.class_weights)
    peak = training.LEARNING_RATE_AFTER_PROBE
    return training.train(classifier, trained_on, peak=peak, budget=budget, seed=seed).steps


def _look_twice(classifier: Classifier, pool: np.ndarray, *, seed: int):
    """Returns probabilities `(N, K)` of a weak and of a strong view of each image."""
    import tensorflow as tf

    from tfzero.common.compiled import predict_compiled
    from tfzero.networks.augmentation import augment_images
    from tfzero.networks.views import find_views, random_views

    kind = classifier.kind or default_kind(pool.shape[-1])
    strong_views = find_views(kind)
    weak, strong = [], []
    for start in range(0, len(pool), _CHUNK):
        images = _scale(pool[start : start + _CHUNK])
        place = tf.constant([seed, start])
        near = augment_images(images, kind=kind, seed=place)
        far = random_views(images, strong_views, seed=place + 1)
        weak.append(predict_compiled(classifier, near.numpy()))
        strong.append(predict_compiled(classifier, far.numpy()))
    return np.concatenate(weak), np.concatenate(strong)


def _scale(images: np.ndarray):
    """Returns a tensor of float32 images in 0..1."""
    import tensorflow as tf

    from tfzero.networks.scaling import scale_images

    return scale_images(tf.convert_to_tensor(images))
