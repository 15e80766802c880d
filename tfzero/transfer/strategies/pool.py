"""The strategies that train a network on labels which were spread over unlabeled images."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from tfzero.common.seeds import derive_seed
from tfzero.transfer.budget import Budget
from tfzero.transfer.strategies.base import Need, Task, Training, Work
from tfzero.transfer.strategies.joint import count_consistency
from tfzero.transfer.strategies.network import NetworkStrategy

if TYPE_CHECKING:
    from tfzero.transfer.classifier import Classifier
    from tfzero.transfer.training import Labelled


class SpreadThenFinetune(NetworkStrategy):
    """Spreads the labels over the pool, then trains a network on the surest, then on all.

    The first training is on the labels and on the half of the pool that spreading is surest of. The
    second goes on from there, by what the network sees in weak and strong views; see
    `tfzero.transfer.consistency.Consistency`.

    Reference:
        Iscen et al. 2019, arXiv:1904.04717 (labels spread over features, and a network trained on
        them). The second training: Sohn et al. 2020, arXiv:2001.07685.
    """

    name = "spread_finetune"
    summary = "spread the labels over the pool, then train on all of it"
    phrase = "Fine-tuning {start} on spread labels"
    phrase_from_scratch = "Training from scratch on spread labels"
    reads = frozenset({Need.IMAGES, Need.POOL, Need.GRAPH})

    def _train(self, task: Task, labelled: Labelled) -> tuple[Classifier, int]:
        from tfzero.transfer import guessing, joint, training
        from tfzero.transfer.spread_head import BELIEVED
        from tfzero.transfer.spreading import choose_surest

        spread = guessing.spread_to_pool(task, labelled)
        pool = guessing.draw_pool(task)
        shares = guessing.share_classes(task, labelled)
        guesses = choose_surest(spread, share=BELIEVED, class_shares=shares)
        first = _on_spread_labels(task.budget)
        started = dataclasses.replace(
            task,
            budget=dataclasses.replace(task.budget, steps=first.steps, batch_size=first.batch_size),
            seed=derive_seed(task.seed, "round", 0),
        )
        classifier, spent = guessing.teach(started, labelled, pool, guesses)
        # Steps count from 0 again, and labelled images should get new augmentations.
        classifier.noise_seed.assign(derive_seed(task.seed, "noise"))
        trained = joint.train_jointly(
            guessing.make_consistency_network(classifier, task, labelled),
            labelled,
            pool,
            peak=training.LEARNING_RATE_AFTER_PROBE,
            budget=task.budget,
            seed=task.seed,
            steps=_count_steps(task.budget),
        )
        return classifier, spent + trained.steps

    def work(self, budget: Budget, num_pool: int) -> Work:
        """Returns a graph, and both trainings."""
        del num_pool
        second, looks = count_consistency(budget, _count_steps(budget))
        trainings = (_on_spread_labels(budget), second)
        return Work(network=True, trainings=trainings, looks=looks, spreads=True)


class SpreadThenDistill(NetworkStrategy):
    """Spreads the labels over the pool, then trains a network on what that says of every image.

    The targets are class probabilities, not single classes, so that no image is left out and an
    unsure one pulls to no side. It is best where the graph knows more than the network can: by the
    features of a large teacher.

    Reference:
        Chen et al. 2020, arXiv:2006.10029, section 2 (the last step of SimCLRv2; there a large
        network, fine-tuned on the labels, gives the targets).
    """

    name = "spread_distill"
    summary = "spread the labels, then train on their probabilities"
    phrase = "Training {start} on the probabilities of spread labels"
    phrase_from_scratch = "Training from scratch on the probabilities of spread labels"
    control = "spread_finetune"
    reads = frozenset({Need.IMAGES, Need.POOL, Need.GRAPH})

    def _train(self, task: Task, labelled: Labelled) -> tuple[Classifier, int]:
        from tfzero.transfer import guessing, training

        classifier = training.start_classifier(task, seed=task.seed)
        training.fit_head(classifier, labelled, class_weights=task.budget.class_weights)
        trained = training.train_on_distributions(
            classifier,
            labelled,
            guessing.draw_pool(task),
            guessing.spread_to_pool(task, labelled),
            budget=dataclasses.replace(task.budget, **_on_all(task.budget)._asdict()),
            seed=task.seed,
        )
        return classifier, trained.steps

    def work(self, budget: Budget, num_pool: int) -> Work:
        """Returns a graph, and the training."""
        del num_pool
        return Work(network=True, trainings=(_on_all(budget),), spreads=True)


def _on_all(budget: Budget) -> Training:
    """Returns the training on all unlabeled images."""
    return Training(budget.joint_steps, budget.pool_batch)


def _on_spread_labels(budget: Budget) -> Training:
    """Returns the training on labels and spread labels."""
    return Training(_count_steps(budget), budget.pool_batch)


def _count_steps(budget: Budget) -> int:
    """Returns the updates of each of the two trainings."""
    return max(1, budget.joint_steps // 2)
