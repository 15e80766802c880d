"""Graphs of pools: built once an encoder, kept beside its features, shared by all its cells."""

from __future__ import annotations

import pathlib
import time
import zipfile
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tfzero.data import ImageData
from tfzero.study.planning.inits import PIXELS
from tfzero.study.planning.plan import CellSpec, StudyPlan
from tfzero.study.records import RunFolder, read_json, write_arrays, write_json
from tfzero.study.work.features import encoder_key, make_once, open_features
from tfzero.transfer.graph import Graph, Links, Space, build_graph, link, spread_over

_FEW_TIMED = 1000
_OF_GRAPH = ("places", "neighbours", "similarities")


class StudyGraph(NamedTuple):
    """An encoder's graph of a study's pool, with what hangs on it.

    Attributes:
        graph: Of the pool.
        test: Links of the test images.
        labelled: Links of a replicate's labelled images at the largest label count.
        seconds: What a cell would have spent on graph and labelled images alone.
    """

    graph: Graph
    test: Links
    labelled: Links
    seconds: float


def open_graph(
    run: RunFolder,
    plan: StudyPlan,
    cell: CellSpec,
    data: ImageData,
    largest: np.ndarray,
    load_encoder: Callable[[], Any],
) -> StudyGraph:
    """Returns a cell's graph from the run's cache; builds what is not there yet.

    Args:
        run: The run folder.
        plan: The study.
        cell: Whose replicate and encoder it is.
        data: The images.
        largest: Which training images are labelled at the largest label count.
        load_encoder: Returns the encoder; called only to build.
    """
    # Pixels are the same in every replicate.
    key = PIXELS if cell.init == PIXELS else encoder_key(plan, cell)
    most = max(plan.label_counts)
    graph, seconds = open_pool_graph(run, key, data, load_encoder)

    def open_links(name: str, images: Callable[[], np.ndarray]) -> tuple[Links, float]:
        def build_links() -> tuple[dict[str, np.ndarray], float]:
            features, seconds = _features(run, cell, name, load_encoder, images)
            start = time.perf_counter()
            return link(graph, features)._asdict(), seconds + time.perf_counter() - start

        found, spent = _open(run, f"{name}-links", build_links)
        return Links(**found), spent

    test, _ = open_links(f"{key}-test", lambda: data.test_images)
    labelled, of_labelled = open_links(
        f"{key}-labelled-{cell.replicate}-{most}", lambda: data.train_images[largest]
    )
    return StudyGraph(graph, test, labelled, seconds + of_labelled * cell.num_labels / most)


def open_pool_graph(
    run: RunFolder, key: str, data: ImageData, load_encoder: Callable[[], Any]
) -> tuple[Graph, float]:
    """Returns the graph of a study's pool from the run's cache, and the seconds that it took.

    Args:
        run: The run folder.
        key: The encoder's, or "pixels".
        data: The images.
        load_encoder: Returns the encoder, None for pixels; called only to build.
    """
    from tfzero.transfer.features import graph_images

    def build() -> tuple[dict[str, np.ndarray], float]:
        start = time.perf_counter()
        graph = graph_images(load_encoder(), data.pool)
        arrays = {**graph.space._asdict(), **{name: getattr(graph, name) for name in _OF_GRAPH}}
        return arrays, time.perf_counter() - start

    arrays, seconds = _open(run, f"{key}-graph", build)
    space = Space(arrays["mean"], arrays["components"])
    return Graph(space, *(arrays[name] for name in _OF_GRAPH)), seconds


def time_graph(encoder, data: ImageData, labels: np.ndarray) -> tuple[float, float]:
    """Times a graph and its links, and one spreading of labels, from a few images.

    Args:
        encoder: As in `tfzero.transfer.features.graph_images`.
        data: The images.
        labels: int, of the labelled images at the largest label count.

    Returns:
        Seconds that the graph of the whole pool with its links would take, and seconds of a
        spreading over it.
    """
    from tfzero.transfer.features import read_blocks

    count = len(data.pool)
    few = data.pool[:_FEW_TIMED]
    read_blocks(encoder, few)  # traces
    start = time.perf_counter()
    features, columns = read_blocks(encoder, few)
    graph = build_graph(features, blocks=tuple(columns.values()))
    # As many to search as there will be.
    whole = graph._replace(places=np.resize(graph.places, (count, graph.places.shape[1])))
    links = link(whole, features)
    seconds_per_image = (time.perf_counter() - start) / len(few)
    labels = labels[: len(few)]
    links = Links(links.nearest[: len(labels)] % len(few), links.similarities[: len(labels)])
    start = time.perf_counter()
    spread_over(graph, links, labels, num_classes=data.num_classes)
    spreading = (time.perf_counter() - start) * count / len(few)
    return seconds_per_image * (count + len(data.test_images) + len(labels)), spreading


def _features(run, cell, name, load_encoder, images) -> tuple[np.ndarray, float]:
    """Returns features and the seconds that reading them took, whoever did it."""
    from tfzero.transfer.features import read_features

    if cell.init == PIXELS:
        start = time.perf_counter()
        return read_features(None, images()), time.perf_counter() - start
    found = open_features(run, name, load_encoder, images)
    return found.values, found.seconds


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
