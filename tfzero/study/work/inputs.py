"""What a cell's strategy reads of the images, stored once for all cells of one encoder."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from tfzero.common.checks import StopError
from tfzero.data.rows import append_rows
from tfzero.study.inits import read_init, read_learner
from tfzero.study.inits.base import Init
from tfzero.study.inits.context import Stored as KnownTargets
from tfzero.study.planning.lanes import is_read_on_gpu
from tfzero.study.planning.parts import CellSpec
from tfzero.study.work.features import Features, has_features, open_features, pool_name
from tfzero.study.work.graphs import open_links, open_pool_graph
from tfzero.study.workspace import Workspace
from tfzero.transfer import STRATEGIES
from tfzero.transfer.strategies.base import Need, Task

if TYPE_CHECKING:
    import keras

    from tfzero.pretrain.base import Pretrainer
    from tfzero.transfer.contract import Fitted
    from tfzero.transfer.graph import Graph, Links


Images = Callable[[], np.ndarray]
Stored = TypeVar("Stored")


class Inputs(NamedTuple):
    """What a cell is fitted on.

    Attributes:
        task: What the strategy is given.
        test: The fold's test images in the form that the fitted model predicts from.
        seconds: What the cell would have spent alone on what was stored before.
    """

    task: Task
    test: Any
    seconds: float = 0.0


class Reader:
    """Reads the images for one classifier of a cell, in the form that its strategy asks for.

    Args:
        workspace: The study.
        cell: One arm at one label count in one replicate.
        number: Of the replicate's folds.
    """

    def __init__(self, workspace: Workspace, cell: CellSpec, number: int = 0):
        self.workspace, self.cell = workspace, cell
        self.init, self.strategy = read_init(cell.init), STRATEGIES[cell.strategy]
        self.fold = workspace.folds(cell.replicate)[number]
        self._key = workspace.features_key(cell)
        subsets = workspace.subsets(cell.replicate, number)
        self._rows = subsets[cell.num_labels]
        self._largest = subsets[max(workspace.plan.label_counts)]

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
            budget=plan.transfer_for(self.cell).to_budget(),
            # The same for all arms of a replicate: same order of batches, same augmentation.
            seed=self.fold.seed(self.cell.replicate, "transfer"),
            **more,
        )

    def _read_images(self) -> Inputs:
        data = self.workspace.data
        near = find_nearness(self.workspace, self.cell)
        known = known_targets_for(self.workspace, self.cell)
        task = self._task(
            data.train_images[self._rows],
            encoder=self.encoder,
            pool=pool_for(self.workspace, self.cell),
            **near.fields(),
            objective=objective_for(self.workspace, self.cell),
            known_targets=None if known is None else known.features,
        )
        seconds = near.seconds + (0.0 if known is None else known.seconds)
        return Inputs(task, data.test_images[self.fold.asked], seconds)

    def _read_features(self) -> Inputs:
        test, labelled, places, seconds = self._open_both(self._open_features)
        return Inputs(self._task(labelled.own()[places]), test.own()[self.fold.asked], seconds)

    def _read_blocks(self) -> Inputs:
        test, labelled, places, seconds = self._open_both(self._open_features)
        task = self._task(labelled.values[places], columns=labelled.blocks)
        return Inputs(task, test.values[self.fold.asked], seconds)

    def _read_links(self) -> Inputs:
        run, data = self.workspace.run, self.workspace.data
        keeps = self.workspace.plan.keeps_features(self.init)
        self._require_read(pool_name(self._key))
        graph, of_graph = open_pool_graph(
            run, self._key, data, lambda: self.encoder, keeps_features=keeps
        )

        def open_own(name: str, images: Images) -> tuple[Links, float]:
            return open_links(run, name, graph, lambda: self._read_values(name, images))

        test, labelled, places, seconds = self._open_both(open_own)
        return Inputs(
            self._task(labelled.take(places), graph=graph),
            test.take(self.fold.asked),
            of_graph + seconds,
        )

    def _read_values(self, name: str, images: Images) -> tuple[np.ndarray, float]:
        features, seconds = self._open_features(name, images)
        return features.values, seconds

    def _open_features(self, name: str, images: Images) -> tuple[Features, float]:
        if self.init.reads_pixels:
            features = Features.of_pixels(images())
        else:
            self._require_read(name)
            features = open_features(self.workspace.run, name, lambda: self.encoder, images)
        return features, features.seconds

    def _require_read(self, name: str) -> None:
        """Refuses to read here, where another device would round otherwise, what is missing."""
        reads_before = is_read_on_gpu(self.workspace.plan, self.cell.arm)
        if reads_before and not has_features(self.workspace.run, name):
            raise StopError(
                "What the GPU read of the images is gone from the study's cache. The same command "
                "reads it again."
            )

    def _open_both(
        self, open_stored: Callable[[str, Images], tuple[Stored, float]]
    ) -> tuple[Stored, Stored, np.ndarray, float]:
        """Opens what is stored of all test images and of labelled images.

        Args:
            open_stored: Takes a name for what is stored and the images; returns it, and the
                seconds that it took.

        Returns:
            Of the test images; of labelled images; the places of the cell's labels among these;
            the seconds that the cell would have spent on its own labels alone.
        """
        stored = [open_stored(name, images) for name, images in self.list_sets().items()]
        test, of_test = stored[0]
        if len(stored) == 1:  # by cross-fitting: the labelled images are the test images
            share = len(self._rows) / len(self.workspace.data.test_labels)
            return test, test, self._rows, of_test * share
        labelled, seconds = stored[1]
        order = np.argsort(self._largest)
        places = order[np.searchsorted(self._largest, self._rows, sorter=order)]
        return test, labelled, places, seconds * len(self._rows) / len(self._largest)

    def list_sets(self) -> dict[str, Images]:
        """Returns by name the test images and the labelled ones of which something is stored."""
        data = self.workspace.data
        test = {f"{self._key}-test": lambda: data.test_images}
        if self.workspace.plan.data.num_folds > 1:
            return test
        # Stored for the largest subset, which holds all others.
        name = f"{self._key}-labelled-{self.cell.replicate}-{len(self._largest)}"
        return {**test, name: lambda: data.train_images[self._largest]}


class Nearness(NamedTuple):
    """What decides which images are near, for a strategy that spreads labels before it trains.

    Attributes:
        encoder: Whose features; None for pixels, or for those of the network to be trained.
        by_pixels: Whether pixels decide.
        graph: Of the pool; None where there is none yet, or none is needed.
        seconds: What the graph took.
    """

    encoder: keras.Model | None = None
    by_pixels: bool = False
    graph: Graph | None = None
    seconds: float = 0.0

    def fields(self) -> dict[str, Any]:
        """Returns the fields of a task."""
        return {
            "graph": self.graph,
            "spread_by_pixels": self.by_pixels,
            "spread_encoder": self.encoder,
        }


def find_nearness(workspace: Workspace, cell: CellSpec, by: Init | None = None) -> Nearness:
    """Returns what decides which images are near, for a cell's strategy.

    Args:
        workspace: The study.
        cell: Its strategy may spread nothing.
        by: The init whose features decide; None for what the cell's own init says.
    """
    plan, own = workspace.plan, read_init(cell.init)
    if not STRATEGIES[cell.strategy].spreads:
        return Nearness()
    init, replicate = by or plan.spread_by(own), cell.replicate
    is_other = init.word != own.word and not init.reads_pixels
    encoder = init.encoder(workspace, replicate) if is_other else None
    if plan.reads_generated(cell):
        return Nearness(encoder, init.reads_pixels)
    graph, seconds = open_pool_graph(
        workspace.run,
        init.key(workspace, replicate),
        workspace.data,
        lambda: encoder if is_other else init.encoder(workspace, replicate),
        keeps_features=plan.keeps_features(init),
    )
    return Nearness(encoder, init.reads_pixels, graph, seconds)


def objective_for(workspace: Workspace, cell: CellSpec) -> Pretrainer | None:
    """Returns the method that a cell's strategy goes on with; None if it goes on with none."""
    if not STRATEGIES[cell.strategy].needs_objective:
        return None
    return workspace.load_method(cell.init, cell.replicate)


def known_targets_for(workspace: Workspace, cell: CellSpec) -> KnownTargets | None:
    """Returns what the teacher of a cell's method makes of the pool; None where it has none."""
    if not STRATEGIES[cell.strategy].needs_objective:
        return None
    return read_learner(cell.init).read_stored(workspace)


def pool_for(workspace: Workspace, cell: CellSpec) -> Any:
    """Returns the unlabeled images that a cell's strategy reads; None if it reads none.

    They are an array or, of a large pool and generated images, `tfzero.data.rows.JoinedRows`.
    """
    if Need.POOL not in STRATEGIES[cell.strategy].reads:
        return None
    if not workspace.plan.reads_generated(cell):
        return workspace.pool
    generated = workspace.load_generated(cell.init, cell.replicate)
    if workspace.plan.unlabeled_from == "generated":
        return generated
    return append_rows(workspace.pool, generated)
