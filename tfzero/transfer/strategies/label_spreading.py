"""Strategies without a network: few labels go to the pool along its graph."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING

from tfzero.transfer.budget import Budget
from tfzero.transfer.contract import Cost, Fitted, measure_cost
from tfzero.transfer.strategies.base import Need, Strategy, Task, Work

if TYPE_CHECKING:
    import numpy as np

    from tfzero.transfer.spread_head import SpreadProbe
    from tfzero.transfer.spreading import SpreadModel


class _OverGraph(Strategy, abc.ABC):
    """Spreads the labels over the graph of the pool's nearest neighbours.

    Nothing is tuned and nothing is drawn at random; of the budget only `class_weights` counts:
    classes then get equal shares of the pool, instead of their shares of the labels.
    """

    reads = frozenset({Need.LINKS, Need.GRAPH})
    taught = "spread_finetune"

    def fit(self, task: Task) -> Fitted:
        """Spreads the labels; predictions are NaN where the graph's features were not finite."""
        import numpy as np

        from tfzero.transfer.spreading import SpreadModel, spread_over

        graph, links = task.graph, task.inputs
        assert graph is not None
        if not (graph.is_finite() and links.is_finite()):
            spread = np.full((len(graph.places), task.num_classes), np.nan, np.float32)
            return Fitted(SpreadModel(spread), Cost(parameters=spread.size))
        with measure_cost() as cost:
            spread = spread_over(
                graph,
                links,
                task.labels,
                num_classes=task.num_classes,
                equal_shares=task.budget.class_weights,
            )
            model, cost.parameters = self._answer_from(spread, task)
        return Fitted(model, cost)

    @abc.abstractmethod
    def _answer_from(self, spread: np.ndarray, task: Task) -> tuple[SpreadModel | SpreadProbe, int]:
        """Returns what answers of unseen images' links, and how many numbers it has.

        Args:
            spread: float32 `(N, K)`, the pool's distributions over the classes.
            task: What the fit is given.
        """

    def work(self, budget: Budget, num_pool: int) -> Work:
        """Returns that labels are spread, and nothing else that takes long."""
        del budget, num_pool
        return Work(spreads=True)


class LabelSpreading(_OverGraph):
    """Spreads the labels over the pool's graph, and from there to unseen images.

    Reference:
        Zhou et al. 2004, "Learning with Local and Global Consistency", section 2.
    """

    name = "label_spreading"
    summary = "labels spread over the pool's nearest neighbours"
    phrase = "Label spreading on {start}"

    def _answer_from(self, spread: np.ndarray, task: Task) -> tuple[SpreadModel | SpreadProbe, int]:
        from tfzero.transfer.spreading import SpreadModel

        del task
        return SpreadModel(spread), int(spread.size)


class SpreadThenProbe(_OverGraph):
    """Spreads the labels over the pool's graph, then fits a linear head to the surest half.

    The head reads the principal components that the graph is built by. The encoder stays as it is.
    Head and spread labels answer together; see `tfzero.transfer.spread_head.SpreadProbe`.

    Reference:
        Iscen et al. 2019, arXiv:1904.04717 (labels spread over features, and a classifier trained
        on them; there a whole network).
    """

    name = "spread_probe"
    summary = "spread the labels over the pool, then fit a linear head"
    # Linear in pixels is no fair rival.
    control = "label_spreading"
    phrase = "A linear layer, trained on spread labels, on {start}"

    def _answer_from(self, spread: np.ndarray, task: Task) -> tuple[SpreadModel | SpreadProbe, int]:
        from tfzero.transfer.spread_head import fit_spread_probe

        assert task.graph is not None
        model = fit_spread_probe(
            task.graph, task.inputs, task.labels, spread, equal_shares=task.budget.class_weights
        )
        return model, model.count_parameters()
