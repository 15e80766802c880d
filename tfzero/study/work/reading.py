"""The job that reads images on a GPU for jobs that run without one.

Classical classifiers and graphs are fitted on CPUs, on what an encoder makes of images. In a study
with a GPU that is read there, and always there: a CPU would round otherwise.
"""

from __future__ import annotations

import functools

from tfzero.study.planning.parts import CellSpec
from tfzero.study.work.features import has_features, open_features, open_pool_features, pool_name
from tfzero.study.work.inputs import Reader
from tfzero.study.work.process import in_study
from tfzero.study.workspace import Workspace


@in_study
def run_reading(workspace: Workspace, cell: CellSpec) -> None:
    """Stores what a cell's encoder makes of the test images and of the labelled ones."""
    reader = Reader(workspace, cell)
    for name, images in reader.list_sets().items():
        open_features(workspace.run, name, lambda: reader.encoder, images)


def has_read(workspace: Workspace, cell: CellSpec) -> bool:
    """Returns whether all that `run_reading` stores is there."""
    return all(has_features(workspace.run, name) for name in Reader(workspace, cell).list_sets())


@in_study
def run_pool_reading(workspace: Workspace, cell: CellSpec) -> None:
    """Stores what a cell's encoder makes of the pool."""
    load = functools.partial(workspace.load_encoder, cell.init, cell.replicate)
    key = workspace.features_key(cell)
    open_pool_features(workspace.run, key, load, lambda: workspace.pool)


def has_read_pool(workspace: Workspace, cell: CellSpec) -> bool:
    """Returns whether what `run_pool_reading` stores is there."""
    return has_features(workspace.run, pool_name(workspace.features_key(cell)))
