"""Strategies that learn from labels and from unlabeled images at once."""

from __future__ import annotations

import abc
import math
from typing import TYPE_CHECKING

from tfzero.common.seeds import derive_seed
from tfzero.transfer.budget import Budget
from tfzero.transfer.strategies.base import Need, Task, Training, Work
from tfzero.transfer.strategies.network import NetworkStrategy

if TYPE_CHECKING:
    from tfzero.transfer.classifier import Classifier
    from tfzero.transfer.contract import Fitted
    from tfzero.transfer.joint import JointNetwork
    from tfzero.transfer.training import Labelled


# Share of the steps over which the weight of guesses grows. On part of digits' training images with
# 20 labels and single classes as targets, four draws: 0.3 gives 89.7 %, 0 gives 82.8 %.
_WARMUP_SHARE = 0.3


class _WithPool(NetworkStrategy, abc.ABC):
    """Fits the head, then trains all on batches of labelled and of unlabeled images."""

    def _train(self, task: Task, labelled: Labelled) -> tuple[Classifier, int]:
        from tfzero.transfer import guessing, joint, training

        classifier = training.start_classifier(task, seed=task.seed)
        training.fit_head(classifier, labelled, class_weights=task.budget.class_weights)
        trained = joint.train_jointly(
            self._make_network(classifier, task, labelled),
            labelled,
            guessing.draw_pool(task),
            peak=training.LEARNING_RATE_AFTER_PROBE,
            budget=task.budget,
            seed=task.seed,
            steps=task.budget.joint_steps,
            read=guessing.find_reading(task),
        )
        return classifier, trained.steps

    @abc.abstractmethod
    def _make_network(self, classifier: Classifier, task: Task, labelled: Labelled) -> JointNetwork:
        """Returns the classifier together with its loss on unlabeled images."""


class Joint(_WithPool):
    """Minimizes cross-entropy and the loss that the encoder was pretrained by together.

    The encoder and all other parts of the method, such as a decoder or a generator, start as
    pretraining left them. Each step takes a batch of labelled images and one of unlabeled images.
    Most methods add their own loss. For a GAN, generated images are one class more of the
    classifier (see `read_unlabeled` of each method). SimCLR has fewer images per batch than in its
    pretraining.

    Reference:
        Zhai et al. 2019, arXiv:1905.03670, eq. 1 (S4L). For a GAN: Salimans et al. 2016,
        arXiv:1606.03498, section 5.
    """

    name = "joint"
    summary = "learn from labels and by the pretraining's loss at once"
    phrase = "Fine-tuning {start} with the loss of its pretraining"
    control = "selftrain"
    reads = frozenset({Need.IMAGES, Need.POOL, Need.OBJECTIVE})

    def _make_network(self, classifier: Classifier, task: Task, labelled: Labelled) -> JointNetwork:
        from tfzero.transfer import joint

        assert task.objective is not None
        weights = joint.list_class_weights(labelled, task.num_classes, task.budget)
        network = joint.JointNetwork(classifier, task.objective, class_weights=weights)
        # Otherwise each step would draw the same random numbers as that step of pretraining.
        network.objective.noise_seed.assign(derive_seed(task.seed, "objective"))
        return network

    def fit(self, task: Task) -> Fitted:
        """Trains as other networks; counts the objective's own weights, too."""
        fitted = super().fit(task)
        assert task.objective is not None
        own = [*task.objective.own_variables, *task.objective.opponent_variables]
        fitted.cost.parameters += sum(math.prod(variable.shape) for variable in own)
        return fitted

    def work(self, budget: Budget, num_pool: int) -> Work:
        """Returns a training on the labels, with as much pretraining beside it."""
        del num_pool
        steps = budget.joint_steps
        return Work(
            network=True,
            trainings=(Training(steps, budget.batch_size),),
            pretraining=Training(steps, budget.pool_batch),
        )


class SelfTraining(_WithPool):
    """Learns from the labels, and from what the network itself is surest of in the pool.

    Strong views of unlabeled images should get the classes that an average of the network over
    time sees in weak views; see `tfzero.transfer.consistency.Consistency`.

    Reference:
        Sohn et al. 2020, arXiv:2001.07685, algorithm 1 (FixMatch).
    """

    name = "selftrain"
    summary = "train on the surest predictions for the pool"
    phrase = "Self-training from {start}"
    phrase_from_scratch = "Self-training from scratch"
    reads = frozenset({Need.IMAGES, Need.POOL})

    def _make_network(self, classifier: Classifier, task: Task, labelled: Labelled) -> JointNetwork:
        from tfzero.transfer import guessing

        warmup = round(_WARMUP_SHARE * task.budget.joint_steps)
        return guessing.make_consistency_network(classifier, task, labelled, warmup=warmup)

    def work(self, budget: Budget, num_pool: int) -> Work:
        """Returns a training on both kinds of images, with a look at each unlabeled one."""
        del num_pool
        training, looks = count_consistency(budget, budget.joint_steps)
        return Work(network=True, trainings=(training,), looks=looks)


def count_consistency(budget: Budget, steps: int) -> tuple[Training, int]:
    """Returns the updates of a training by consistency, and the weak views that it reads."""
    training = Training(steps, budget.batch_size + budget.pool_batch)
    return training, steps * budget.pool_batch
