"""Label spreading: few labels go to the pool along its graph, and from there to unseen images."""

from __future__ import annotations

from tfzero.transfer.budget import Budget
from tfzero.transfer.contract import Cost, Fitted, measure_cost
from tfzero.transfer.strategies.base import Need, Strategy, Task, Work


class LabelSpreading(Strategy):
    """Spreads the labels over the graph of the pool's nearest neighbours.

    Nothing is tuned and nothing is drawn at random; of the budget only `class_weights` counts:
    classes then get equal shares of the pool, instead of their shares of the labels.

    Reference:
        Zhou et al. 2004, "Learning with Local and Global Consistency", section 2.
    """

    name = "label_spreading"
    summary = "labels spread over the pool's nearest neighbours"
    phrase = "Label spreading on {start}"
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
        cost.parameters = int(spread.size)
        return Fitted(SpreadModel(spread), cost)

    def work(self, budget: Budget, num_pool: int) -> Work:
        """Returns that labels are spread, and nothing else."""
        del budget, num_pool
        return Work(spreads=True)
