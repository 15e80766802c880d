"""Strategies that train a network on unlabeled images too, by labels guessed for them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from tfzero.common.seeds import derive_seed
from tfzero.transfer.budget import POOL_ROUNDS, Budget
from tfzero.transfer.strategies.base import Need, Task, Training, Work
from tfzero.transfer.strategies.network import NetworkStrategy

if TYPE_CHECKING:
    from tfzero.transfer.classifier import Classifier
    from tfzero.transfer.training import Labelled

# The share of the pool that is believed in each round.
_BELIEVED = (0.5, 0.8)
# A weak and a strong one.
_VIEWS = 2


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
        from tfzero.transfer import guessing
        from tfzero.transfer.training import start_classifier

        pool = guessing.draw_pool(task)
        shares = guessing.share_classes(task, labelled)
        classifier = start_classifier(task, seed=task.seed)
        spent = guessing.train_from_probe(classifier, labelled, labelled, task.budget, task.seed)
        for number, believed in enumerate(_BELIEVED):
            seed = derive_seed(task.seed, "views", number)
            weak, strong = guessing.look_twice(classifier, pool, seed=seed)
            guesses = guessing.choose_surest(weak, strong, share=believed, class_shares=shares)
            classifier, steps = guessing.teach(_start_round(task, number), labelled, pool, guesses)
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
        from tfzero.transfer import guessing

        spread, pool = guessing.spread_to_pool(task, labelled), guessing.draw_pool(task)
        shares = guessing.share_classes(task, labelled)
        first, second = _BELIEVED
        guesses = guessing.choose_surest(spread, spread, share=first, class_shares=shares)
        classifier, spent = guessing.teach(_start_round(task, 0), labelled, pool, guesses)
        weak, strong = guessing.look_twice(
            classifier, pool, seed=derive_seed(task.seed, "views", 0)
        )
        mean = (weak + spread) / 2
        guesses = guessing.choose_surest(mean, strong, share=second, class_shares=shares)
        classifier, steps = guessing.teach(_start_round(task, 1), labelled, pool, guesses)
        return classifier, spent + steps

    def work(self, budget: Budget, num_pool: int) -> Work:
        """Returns a graph, and a training of each round, with a look at the pool between them."""
        return Work(
            network=True,
            trainings=_list_rounds(budget),
            looks=_count_looks(budget, num_pool),
            spreads=True,
        )


def _start_round(task: Task, number: int) -> Task:
    """Returns the task of a round on unlabeled images."""
    steps, batch_size = _list_rounds(task.budget)[number]
    return dataclasses.replace(
        task,
        budget=dataclasses.replace(task.budget, steps=steps, batch_size=batch_size),
        seed=derive_seed(task.seed, "round", number),
    )


def _list_rounds(budget: Budget) -> tuple[Training, ...]:
    return POOL_ROUNDS * (Training(budget.pool_steps, 2 * budget.batch_size),)


def _count_looks(budget: Budget, num_pool: int) -> int:
    return _VIEWS * min(num_pool, budget.most_unlabeled)
