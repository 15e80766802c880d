"""What the strategies that train an encoder share."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING

from tfzero.transfer.budget import Budget
from tfzero.transfer.contract import Fitted, measure_cost
from tfzero.transfer.strategies.base import Strategy, Task, Training, Work

if TYPE_CHECKING:
    from tfzero.transfer.classifier import Classifier
    from tfzero.transfer.training import Labelled


class NetworkStrategy(Strategy):
    """Trains a copy of the encoder with a head; a subclass says how."""

    def fit(self, task: Task) -> Fitted:
        """Trains a network on the labels, less a fifth where the budget watches the training."""
        from tfzero.transfer.classifier import FittedNetwork
        from tfzero.transfer.training import count_trainable, divide_labelled

        with measure_cost() as cost:
            classifier, cost.steps = self._train(task, divide_labelled(task))
        cost.parameters = count_trainable(classifier)
        return FittedNetwork(classifier, cost)

    @abc.abstractmethod
    def _train(self, task: Task, labelled: Labelled) -> tuple[Classifier, int]:
        """Returns the trained network and its updates.

        Args:
            task: What the fit is given.
            labelled: Of its images and labels, those to train on and those to watch by.
        """

    def work(self, budget: Budget, num_pool: int) -> Work:
        """Returns the updates of one training on the labels."""
        del num_pool
        return Work(network=True, trainings=(Training(budget.steps, budget.batch_size),))
