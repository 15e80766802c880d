"""The strategy that goes on with a method's own loss while it learns from labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfzero.transfer.budget import Budget
from tfzero.transfer.strategies.base import Need, Task, Training, Work
from tfzero.transfer.strategies.network import NetworkStrategy

if TYPE_CHECKING:
    from tfzero.transfer.classifier import Classifier
    from tfzero.transfer.training import Labelled


class Joint(NetworkStrategy):
    """Fits the head, then minimizes cross-entropy and the method's own loss together.

    The encoder and all other parts of the method, such as a decoder or a generator, start as
    pretraining left them. Each step takes a batch of labelled images and one of unlabeled images.
    What a method adds is its `read_unlabeled`: its own loss for most; for a GAN, generated images
    are one class more of the classifier.

    Reference:
        Zhai et al. 2019, arXiv:1905.03670, eq. 1 (S4L). For a GAN: Salimans et al. 2016,
        arXiv:1606.03498, section 5.
    """

    name = "joint"
    summary = "learn from labels and by the pretraining's loss at once"
    phrase = "Fine-tuning {start} with the loss of its pretraining"
    control = "selftrain"
    reads = frozenset({Need.IMAGES, Need.POOL, Need.OBJECTIVE})

    def _train(self, task: Task, labelled: Labelled) -> tuple[Classifier, int]:
        from tfzero.transfer import guessing, joint, training

        assert task.objective is not None
        classifier = training.start_classifier(task, seed=task.seed)
        training.fit_head(classifier, labelled, class_weights=task.budget.class_weights)
        network = joint.JointNetwork(
            classifier,
            task.objective,
            class_weights=joint.list_class_weights(labelled, task.num_classes, task.budget),
        )
        trained = joint.train_jointly(
            network,
            labelled,
            guessing.draw_pool(task),
            peak=training.LEARNING_RATE_AFTER_PROBE,
            budget=task.budget,
            seed=task.seed,
        )
        return classifier, trained.steps

    def work(self, budget: Budget, num_pool: int) -> Work:
        """Returns a training on the labels, with as much pretraining beside it."""
        del num_pool
        steps = budget.joint_steps
        return Work(
            network=True,
            trainings=(Training(steps, budget.batch_size),),
            pretraining=Training(steps, budget.pool_batch),
        )
