"""What a cell's strategy reads of the images, stored once for all cells of one encoder."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tfzero.common.seeds import derive_seed
from tfzero.study.inits import read_init
from tfzero.study.inits.pixels import Pixels
from tfzero.study.planning.plan import CellSpec
from tfzero.study.work.features import Features, open_features
from tfzero.study.work.graphs import open_links, open_pool_graph
from tfzero.study.workspace import Workspace
from tfzero.transfer import STRATEGIES
from tfzero.transfer.budget import Budget
from tfzero.transfer.strategies.base import Need, Task

if TYPE_CHECKING:
    import keras

    from tfzero.transfer.contract import Fitted
    from tfzero.transfer.graph import Graph


class Inputs(NamedTuple):
    """What a cell is fitted on.

    Attributes:
        task: What the strategy is given.
        test: The test images in the form that the fitted model predicts from.
        seconds: What the cell would have spent alone on what was stored before.
    """

    task: Task
    test: Any
    seconds: float = 0.0


class Reader:
    """Reads the images for one cell, in the form that its strategy asks for.

    Args:
        workspace: The study.
        cell: One arm at one label count in one replicate.
    """

    def __init__(self, workspace: Workspace, cell: CellSpec):
        self.workspace, self.cell = workspace, cell
        self.init, self.strategy = read_init(cell.init), STRATEGIES[cell.strategy]
        self._key = workspace.features_key(cell)
        subsets, most = workspace.subsets(cell.replicate), max(workspace.plan.label_counts)
        self._rows, self._largest = subsets[cell.num_labels], subsets[most]
        # Features are stored for the largest subset, which holds all others.
        order = np.argsort(self._largest)
        self._places = order[np.searchsorted(self._largest, self._rows, sorter=order)]
        self._stored = f"{self._key}-labelled-{cell.replicate}-{most}"

    def read(self) -> Inputs:
        """Returns what the strategy is fitted on."""
        forms = {
            Need.IMAGES: self._read_images,
            Need.FEATURES: self._read_features,
            Need.BLOCKS: self._read_blocks,
            Need.LINKS: self._read_links,
        }
        return forms[self.strategy.form]()

    @functools.cached_property
    def labels(self) -> np.ndarray:
        """The labels of the cell's training images."""
        return self.workspace.data.train_labels[self._rows]

    @functools.cached_property
    def encoder(self) -> keras.Model | None:
        """The encoder that the arm starts from, loaded when it is first needed."""
        return self.workspace.load_encoder(self.cell.init, self.cell.replicate)

    def join(self, fitted: Fitted) -> keras.Model:
        """Returns the whole network of what the strategy fitted."""
        if self.strategy.trains_encoder:
            return fitted.model
        return self.strategy.join(self.encoder, fitted)

    def _task(self, inputs: Any, **more: Any) -> Task:
        data, plan = self.workspace.data, self.workspace.plan
        return Task(
            inputs=inputs,
            labels=self.labels,
            num_classes=data.num_classes,
            groups=data.groups_of(self._rows),
            budget=Budget(**plan.transfer_for(self.cell).model_dump()),
            # The same for all arms of a replicate: same order of batches, same augmentation.
            seed=derive_seed(self.cell.replicate, "transfer"),
            **more,
        )

    def _read_images(self) -> Inputs:
        data = self.workspace.data
        graph, seconds = open_graph_for(self.workspace, self.cell, self.encoder)
        task = self._task(
            data.train_images[self._rows],
            encoder=self.encoder,
            pool=pool_for(self.workspace, self.cell),
            graph=graph,
            spread_by_pixels=self.init.is_random,
        )
        return Inputs(task, data.test_images, seconds)

    def _read_features(self) -> Inputs:
        test, labelled, seconds = self._open_features()
        return Inputs(self._task(labelled.own()[self._places]), test.own(), seconds)

    def _read_blocks(self) -> Inputs:
        test, labelled, seconds = self._open_features()
        task = self._task(labelled.values[self._places], columns=labelled.blocks)
        return Inputs(task, test.values, seconds)

    def _open_features(self) -> tuple[Features, Features, float]:
        """Returns features of test and labelled images, and the seconds for the cell's labels."""
        test = self._read(f"{self._key}-test", self._test_images)
        labelled = self._read(self._stored, self._labelled_images)
        # As if this cell alone had read the features of its own labels.
        share = len(self._rows) / len(self._largest)
        return test, labelled, labelled.seconds * share

    def _read(self, name: str, images) -> Features:
        if self.init.reads_pixels:
            return Features.of_pixels(images())
        return open_features(self.workspace.run, name, lambda: self.encoder, images)

    def _read_links(self) -> Inputs:
        run, data = self.workspace.run, self.workspace.data
        graph, seconds = open_pool_graph(run, self._key, data, lambda: self.encoder)

        def open_own_links(name: str, images):
            def read() -> tuple[np.ndarray, float]:
                features = self._read(name, images)
                return features.values, features.seconds

            return open_links(run, name, graph, read)

        test, _ = open_own_links(f"{self._key}-test", self._test_images)
        labelled, of_labelled = open_own_links(self._stored, self._labelled_images)
        task = self._task(type(labelled)(*(a[self._places] for a in labelled)), graph=graph)
        share = len(self._rows) / len(self._largest)
        return Inputs(task, test, seconds + of_labelled * share)

    def _test_images(self) -> np.ndarray:
        return self.workspace.data.test_images

    def _labelled_images(self) -> np.ndarray:
        return self.workspace.data.train_images[self._largest]


def open_graph_for(
    workspace: Workspace, cell: CellSpec, encoder: keras.Model | None
) -> tuple[Graph | None, float]:
    """Returns the pool's graph for a strategy that spreads first, and the seconds it took."""
    if not STRATEGIES[cell.strategy].spreads or workspace.plan.reads_generated(cell):
        return None, 0.0
    run, data = workspace.run, workspace.data
    if read_init(cell.init).is_random:
        # Features of random weights are further from what is shown than the pixels are.
        return open_pool_graph(run, Pixels.word, data, lambda: None)
    return open_pool_graph(run, workspace.features_key(cell), data, lambda: encoder)


def pool_for(workspace: Workspace, cell: CellSpec) -> np.ndarray | None:
    """Returns the unlabeled images that a cell's strategy reads; None if it reads none."""
    if Need.POOL not in STRATEGIES[cell.strategy].reads:
        return None
    if not workspace.plan.reads_generated(cell):
        return workspace.pool
    generated = workspace.load_generated(cell.init, cell.replicate)
    if workspace.plan.unlabeled_from == "generated":
        return generated
    return np.concatenate([workspace.pool, generated])
