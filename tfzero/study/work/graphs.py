"""Graphs of pools: built once per encoder, kept beside its features, shared by all its cells."""

from __future__ import annotations

import pathlib
import time
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

from tfzero.common.files import read_json, write_arrays, write_json
from tfzero.data import ImageData
from tfzero.study.records import RunFolder
from tfzero.study.work.features import make_once, open_pool_features
from tfzero.transfer.graph import Graph, Links, Space, link

_OF_GRAPH = ("places", "neighbours", "similarities")


def open_links(
    run: RunFolder, name: str, graph: Graph, read: Callable[[], tuple[np.ndarray, float]]
) -> tuple[Links, float]:
    """Returns images' links to a graph from the run's cache, and the seconds that they took.

    Args:
        run: The run folder.
        name: Unique to the graph and the images.
        graph: Of the pool.
        read: Returns the images' features and the seconds that these took; called only to link.
    """

    def build() -> tuple[dict[str, np.ndarray], float]:
        features, seconds = read()
        start = time.perf_counter()
        return link(graph, features)._asdict(), seconds + time.perf_counter() - start

    found, seconds = _open(run, f"{name}-links", build)
    return Links(**found), seconds


def open_pool_graph(
    run: RunFolder,
    key: str,
    data: ImageData,
    load_encoder: Callable[[], Any],
    *,
    keeps_features: bool = False,
) -> tuple[Graph, float]:
    """Returns the graph of a study's pool from the run's cache, and the seconds that it took.

    Args:
        run: The run folder.
        key: The encoder's, or "pixels".
        data: The images.
        load_encoder: Returns the encoder, None for pixels; called only to build.
        keeps_features: Whether the pool's features are kept beside the graph, because others read
            them, too, and all replicates share them.
    """
    from tfzero.transfer.features import graph_images
    from tfzero.transfer.graph import build_graph

    def build() -> tuple[dict[str, np.ndarray], float]:
        start = time.perf_counter()
        if keeps_features:
            features = open_pool_features(run, key, load_encoder, lambda: data.pool)
            # Each reader bears the whole cost of what is kept, whichever process spent it.
            start = time.perf_counter() - features.seconds
            graph = build_graph(features.values, blocks=tuple(features.blocks.values()))
        else:
            graph = graph_images(load_encoder(), data.pool)
        arrays = {**graph.space._asdict(), **{name: getattr(graph, name) for name in _OF_GRAPH}}
        return arrays, time.perf_counter() - start

    arrays, seconds = _open(run, f"{key}-graph", build)
    space = Space(arrays["mean"], arrays["components"])
    return Graph(space, *(arrays[name] for name in _OF_GRAPH)), seconds


def _open(run: RunFolder, name: str, build: Callable[[], tuple]) -> tuple[dict, float]:
    """Returns arrays and the seconds that building them took, whoever did it."""

    def make(folder: pathlib.Path) -> None:
        arrays, seconds = build()
        write_arrays(folder / f"{name}.npz", **arrays)
        write_json(folder / f"{name}.json", {"seconds": seconds})

    return make_once(run, name, _read, make)


def _read(folder: pathlib.Path, name: str) -> tuple[dict, float] | None:
    said = read_json(folder / f"{name}.json")
    if said is None:
        return None
    try:
        with np.load(folder / f"{name}.npz") as file:
            return dict(file), said["seconds"]
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None
