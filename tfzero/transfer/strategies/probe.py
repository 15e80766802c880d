"""The linear probe: a frozen encoder, and a linear head on its features."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfzero.transfer.budget import Budget
from tfzero.transfer.contract import Fitted, measure_cost
from tfzero.transfer.strategies.base import Need, Strategy, Task, Work

if TYPE_CHECKING:
    import keras

    from tfzero.transfer.classifier import Classifier


class Probe(Strategy):
    """Keeps the encoder as it is and fits the head alone, by logistic regression."""

    name = "probe"
    summary = "frozen encoder, linear head"
    phrase = "A linear layer on {start}"
    reads = frozenset({Need.FEATURES})

    def fit(self, task: Task) -> Fitted:
        """Fits a `LinearHead`; of the budget only `class_weights` counts.

        All else does not matter: the problem is convex and solved to its optimum.
        """
        from tfzero.transfer.linear import LinearHead, fit_linear_head

        with measure_cost() as cost:
            kernel, bias = fit_linear_head(
                task.inputs,
                task.labels,
                num_classes=task.num_classes,
                class_weights=task.budget.class_weights,
            )
        cost.parameters = kernel.size + bias.size
        return Fitted(LinearHead(kernel, bias), cost)

    def work(self, budget: Budget, num_pool: int) -> Work:
        """Returns no updates; the head takes no time that counts beside reading the features."""
        del budget, num_pool
        return Work(network=True)

    def join(self, encoder: keras.Model, fitted: Fitted, *, seed: int = 0) -> Classifier:
        """Returns the network of the encoder and the linear head."""
        from tfzero.transfer.classifier import Classifier

        kernel, bias = fitted.model
        classifier = Classifier(encoder, len(bias), seed=seed)
        classifier.head.set_weights([kernel, bias])
        return classifier

    @property
    def trains_network(self) -> bool:
        """Whether it ends in a network: once the head has joined its encoder."""
        return True
