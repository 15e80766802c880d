"""Cells on frozen encoders: fits that read what was stored once for all of an encoder's cells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tfzero.common.seeds import derive_seed
from tfzero.data import ImageData
from tfzero.study.planning.inits import PIXELS
from tfzero.study.planning.plan import CellSpec, StudyPlan
from tfzero.study.records import RunFolder
from tfzero.study.work.features import encoder_key, open_features
from tfzero.study.work.graphs import open_graph
from tfzero.transfer import STRATEGIES, Task


def reads_stored(cell: CellSpec) -> bool:
    """Returns whether a cell can be fitted on stored features or on a stored graph."""
    strategy = STRATEGIES[cell.strategy]
    return strategy.reads_graph or (strategy.reads_features and cell.init != PIXELS)


def fit_stored(
    run: RunFolder,
    plan: StudyPlan,
    cell: CellSpec,
    data: ImageData,
    subsets: dict[int, np.ndarray],
    load_encoder: Callable[[], Any],
) -> tuple[Any, Any]:
    """Fits a cell's strategy on what its encoder made of the images, stored or now to be.

    Args:
        run: The run folder.
        plan: The study.
        cell: One that `reads_stored`.
        data: The images.
        subsets: By label count, the labelled training images of the cell's replicate.
        load_encoder: Returns the encoder; called only where something is not stored yet.

    Returns:
        `tfzero.transfer` 's `Fitted`, and the test part as its `predict` takes it.
    """
    fit = _fit_graph if STRATEGIES[cell.strategy].reads_graph else _fit_features
    largest, chosen = subsets[max(plan.label_counts)], subsets[cell.num_labels]
    order = np.argsort(largest)
    places = order[np.searchsorted(largest, chosen, sorter=order)]
    return fit(run, plan, cell, data, largest, chosen, places, load_encoder)


def groups_of(data: ImageData, rows: np.ndarray) -> np.ndarray | None:
    """Returns which of these training images belong together, where that is known."""
    return None if data.train_groups is None else data.train_groups[rows]


def _fit_features(run, plan, cell, data, largest, chosen, places, load_encoder):
    from tfzero.transfer import fit_on_features

    most = len(largest)
    key = encoder_key(plan, cell)
    test = open_features(run, f"{key}-test", load_encoder, lambda: data.test_images)
    labelled = open_features(
        run, f"{key}-labelled-{cell.replicate}-{most}", load_encoder,
        lambda: data.train_images[largest],
    )  # fmt: skip
    reads_blocks = STRATEGIES[cell.strategy].reads_blocks
    fitted = fit_on_features(
        cell.strategy,
        features=(labelled.values if reads_blocks else labelled.own())[places],
        blocks=labelled.blocks if reads_blocks else None,
        labels=data.train_labels[chosen],
        groups=groups_of(data, chosen),
        num_classes=len(plan.data.class_names),
        budget=_budget(plan, cell),
        seed=derive_seed(cell.replicate, "transfer"),
    )
    # As if this cell alone had read the features of its own labels.
    fitted.cost.seconds += labelled.seconds * len(chosen) / most
    return fitted, test.values if reads_blocks else test.own()


def _fit_graph(run, plan, cell, data, largest, chosen, places, load_encoder):
    from tfzero.transfer.graph import Links

    found = open_graph(run, plan, cell, data, largest, load_encoder)
    task = Task(
        inputs=Links(*(array[places] for array in found.labelled)),
        labels=data.train_labels[chosen],
        num_classes=len(plan.data.class_names),
        budget=_budget(plan, cell),
        seed=derive_seed(cell.replicate, "transfer"),
        graph=found.graph,
    )
    fitted = STRATEGIES[cell.strategy].fit(task)
    fitted.cost.seconds += found.seconds  # as if this cell alone had built it
    return fitted, found.test


def _budget(plan, cell):
    from tfzero.transfer.budget import Budget

    return Budget(**plan.transfer_for(cell).model_dump())
