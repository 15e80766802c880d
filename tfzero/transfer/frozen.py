"""Strategies that read features or links, fitted on images: a frozen encoder reads these first."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from tfzero.transfer.classifier import FittedNetwork
from tfzero.transfer.contract import Fitted, FittedModel, measure_cost
from tfzero.transfer.features import graph_images, read_blocks, read_features
from tfzero.transfer.graph import Graph, Links, link
from tfzero.transfer.strategies.base import Need, Strategy, Task

# From images to what a strategy reads.
Reader = Callable[[np.ndarray], Any]


class FrozenModel:
    """A model of what a frozen encoder makes of images, behind `predict(images)`.

    Args:
        read: From images to what the model predicts from; pixels are read without an encoder.
        head: Fitted, with `predict(read(images)) -> probabilities`.
    """

    def __init__(self, read: Reader, head: FittedModel):
        self.read = read
        self.head = head

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Returns float32 class probabilities `(N, K)` of images `(N, H, W, C)`."""
        return self.head.predict(self.read(images))


def fit_frozen(strategy: Strategy, task: Task) -> Fitted:
    """Fits a strategy that trains no encoder to images.

    Args:
        strategy: One that reads another form than images.
        task: Its inputs are images; without an encoder their pixels are the features.

    Returns:
        As the strategy's `fit`, but `predict` takes images.
    """
    with measure_cost() as cost:
        prepared, read = _PREPARE[strategy.form](task)
        fitted = strategy.fit(prepared)
        if strategy.trains_network:
            assert task.encoder is not None
            network = strategy.join(task.encoder, fitted, seed=task.seed)
            found: Fitted = FittedNetwork(network, cost, fitted.chosen)
        else:
            found = Fitted(FrozenModel(read, fitted.model), cost, fitted.chosen)
    cost.steps, cost.parameters = fitted.cost.steps, fitted.cost.parameters
    return found


def _prepare_features(task: Task) -> tuple[Task, Reader]:
    read = functools.partial(read_features, task.encoder)
    return dataclasses.replace(task, inputs=read(task.inputs)), read


def _prepare_blocks(task: Task) -> tuple[Task, Reader]:
    values, columns = read_blocks(task.encoder, task.inputs)
    read = functools.partial(_read_block_values, task.encoder)
    return dataclasses.replace(task, inputs=values, columns=columns), read


def _prepare_links(task: Task) -> tuple[Task, Reader]:
    assert task.pool is not None
    graph = graph_images(task.encoder, task.pool) if task.graph is None else task.graph
    read = functools.partial(_read_links, graph, task.encoder)
    return dataclasses.replace(task, inputs=read(task.inputs), graph=graph), read


def _read_block_values(encoder: keras.Model | None, images: np.ndarray) -> np.ndarray:
    return read_blocks(encoder, images)[0]


def _read_links(graph: Graph, encoder: keras.Model | None, images: np.ndarray) -> Links:
    return link(graph, _read_block_values(encoder, images))


_PREPARE = {
    Need.FEATURES: _prepare_features,
    Need.BLOCKS: _prepare_blocks,
    Need.LINKS: _prepare_links,
}
