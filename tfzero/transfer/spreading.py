"""Label spreading: few labels go to the pool along its graph, and from there to unseen images."""

from __future__ import annotations

import keras
import numpy as np

from tfzero.networks.blocks import join_blocks
from tfzero.transfer.budget import Budget
from tfzero.transfer.contract import Cost, Fitted, measure_cost
from tfzero.transfer.features import read_blocks, read_features
from tfzero.transfer.graph import (
    Graph,
    Links,
    build_lazily,
    classify,
    link,
    mix,
    spread_over,
)


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
        return classify(self.graph, self.spread, read_blocks(self.encoder, images)[0])


class LinkedModel:
    """Spread labels, behind `predict(links) -> probabilities`.

    Args:
        spread: float32 `(N, K)`, the pool's distributions over the classes.
    """

    def __init__(self, spread: np.ndarray):
        self.spread = spread

    def predict(self, links: Links) -> np.ndarray:
        """Returns float32 `(M, K)` of images that are linked to the pool already."""
        return mix(self.spread, links)


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
        features, _ = read_blocks(encoder, images)
        graph = graph_images(encoder, pool)
        fitted = spread_linked(
            graph, link(graph, features), labels, num_classes=num_classes, budget=budget
        )
    cost.parameters = fitted.cost.parameters
    return Fitted(SpreadModel(encoder, graph, fitted.model.spread), cost)


def graph_images(encoder: keras.Model | None, pool: np.ndarray) -> Graph:
    """Builds the graph of a pool by the blocks of an encoder, or by pixels.

    Args:
        encoder: As in `tfzero.transfer.fit_classifier`; all blocks are read together.
        pool: `(N, H, W, C)`, uint8 in 0..255 or floats in 0..1; read a part at a time.

    Returns:
        The graph. Where features are not finite, neither are its places.
    """
    if encoder is None:
        return build_lazily(lambda rows: read_features(None, pool[rows]), len(pool), same_unit=True)
    joined, columns = join_blocks(encoder)
    blocks = tuple(columns.values())
    return build_lazily(lambda rows: read_features(joined, pool[rows]), len(pool), blocks=blocks)


def spread_linked(
    graph: Graph, links: Links, labels: np.ndarray, *, num_classes: int, budget: Budget
) -> Fitted:
    """Spreads labels over a graph that is there already, from labelled images linked to it.

    Args:
        graph: Of the pool.
        links: Of the labelled images, from `tfzero.transfer.graph.link`.
        labels: int `(M,)`.
        num_classes: K.
        budget: As in `label_spreading`.

    Returns:
        As `label_spreading`, but `predict` takes links. Where the graph's features were not finite,
        neither are the answers.
    """
    if not (np.isfinite(graph.similarities).all() and np.isfinite(links.similarities).all()):
        spread = np.full((len(graph.places), num_classes), np.nan, np.float32)
        return Fitted(LinkedModel(spread), Cost(parameters=spread.size))
    with measure_cost() as cost:
        spread = spread_over(
            graph, links, labels, num_classes=num_classes, equal_shares=budget.class_weights
        )
    cost.parameters = int(spread.size)
    return Fitted(LinkedModel(spread), cost)
