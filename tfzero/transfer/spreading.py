"""Label spreading: few labels go to the pool along its graph, and from there to unseen images."""

from __future__ import annotations

import keras
import numpy as np

from tfzero.transfer.budget import Budget
from tfzero.transfer.classical import DivergedModel
from tfzero.transfer.contract import Fitted, measure_cost
from tfzero.transfer.features import read_features
from tfzero.transfer.graph import Graph, build_graph, classify, spread_labels


class SpreadModel:
    """The pool with its spread labels, behind `predict(images) -> probabilities`.

    Args:
        encoder: Where features come from; None for raw pixels.
        graph: Of the pool.
        spread: float32 `(N, K)`, the pool's distributions over the classes.
    """

    def __init__(self, encoder: keras.Model | None, graph: Graph, spread: np.ndarray):
        self.encoder = encoder
        self.graph = graph
        self.spread = spread

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Returns float32 `(N, K)`: the mean of the nearest pool images' distributions."""
        return classify(self.graph, self.spread, read_features(self.encoder, images))


def label_spreading(
    encoder, images, labels, *, num_classes: int, budget: Budget, seed: int, pool: np.ndarray
) -> Fitted:
    """Spreads the labels over the graph of the pool's nearest neighbours.

    Nothing is tuned and nothing is drawn at random; of the budget only `class_weights` counts:
    classes then get equal shares of the pool, instead of their shares of the labels.

    Reference:
        Zhou et al. 2004, "Learning with Local and Global Consistency", section 2.
    """
    del seed
    with measure_cost() as cost:
        features, pooled = read_features(encoder, images), read_features(encoder, pool)
        if not (np.isfinite(features).all() and np.isfinite(pooled).all()):
            return Fitted(DivergedModel(num_classes), cost)
        graph = build_graph(pooled)
        spread = spread_labels(
            graph, features, labels, num_classes=num_classes, equal_shares=budget.class_weights
        )
    cost.parameters = int(spread.size)
    return Fitted(SpreadModel(encoder, graph, spread), cost)
