"""The graph of nearest neighbours among unlabeled images."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tfzero.transfer.neighbours import chunks, nearest_among, nearest_to

NUM_NEIGHBOURS = 10
# Directions kept of the features. On part of CIFAR-10's training images, by features of
# EfficientNet-Lite0, 1,000 labels spread to 69.1 % with 50, 70.2 with 100, 71.0 with 200.
NUM_COMPONENTS = 100
# Whichever few thousand: the directions of the greatest spread are soon clear.
_MOST_FITTED = 10_000


class Space(NamedTuple):
    """Where images are near one another: principal components of the pool's features.

    Attributes:
        mean: float32 `(D,)`.
        components: float32 `(D, C)`.
    """

    mean: np.ndarray
    components: np.ndarray

    def place(self, features: np.ndarray) -> np.ndarray:
        """Returns float32 unit vectors `(N, C)`, whose products are cosines."""
        vectors = (features - self.mean) @ self.components
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / np.maximum(lengths, 1e-12)


class Graph(NamedTuple):
    """Nearest neighbours among the pool's images.

    Attributes:
        space: Where they are near.
        places: float32 `(N, C)`, each image's place.
        neighbours: int32 `(N, k)`, without itself.
        similarities: float32 `(N, k)` in 0..1, cosines, negative ones as 0.
    """

    space: Space
    places: np.ndarray
    neighbours: np.ndarray
    similarities: np.ndarray

    def is_finite(self) -> bool:
        """Returns whether the features that it was built by were."""
        return bool(np.isfinite(self.similarities).all())


class Links(NamedTuple):
    """Which of a graph's images are nearest to images that are not in it.

    Attributes:
        nearest: int32 `(M, k)`.
        similarities: float32 `(M, k)` in 0..1.
        places: float32 `(M, C)`, the images' own places in the graph's space.
    """

    nearest: np.ndarray
    similarities: np.ndarray
    places: np.ndarray

    def is_finite(self) -> bool:
        """Returns whether the features that the images were linked by were."""
        return bool(np.isfinite(self.similarities).all())

    def take(self, rows: np.ndarray | slice) -> Links:
        """Returns the links of some of the images."""
        return Links(*(part[rows] for part in self))


def build_graph(
    features: np.ndarray,
    *,
    num_neighbours: int = NUM_NEIGHBOURS,
    blocks=None,
    same_unit: bool = False,
) -> Graph:
    """Finds each image's nearest neighbours.

    Args:
        features: float32 `(N, D)`, of the pool.
        num_neighbours: k.
        blocks: Columns (start, stop) of blocks that weigh alike, however many features they have;
            None for one block.
        same_unit: Whether the features are of one unit; see `BlockScaler`.

    Returns:
        The graph; 60,000 images take about a minute on one core.
    """
    return build_lazily(
        lambda rows: features[rows],
        len(features),
        num_neighbours=num_neighbours,
        blocks=blocks,
        same_unit=same_unit,
    )


def build_lazily(
    read: Callable[[np.ndarray | slice], np.ndarray],
    count: int,
    *,
    num_neighbours: int = NUM_NEIGHBOURS,
    blocks=None,
    same_unit: bool = False,
) -> Graph:
    """Finds each image's nearest neighbours without all their features in memory at once.

    Args:
        read: Returns the features `(n, D)` of rows of the pool, a slice or an array of indices.
        count: N.
        num_neighbours: As in `build_graph`.
        blocks: As in `build_graph`.
        same_unit: As in `build_graph`.

    Returns:
        As `build_graph`.
    """
    space, places = place_lazily(read, count, blocks=blocks, same_unit=same_unit)
    return Graph(space, places, *nearest_among(places, num_neighbours))


def place_lazily(
    read: Callable[[np.ndarray | slice], np.ndarray],
    count: int,
    *,
    blocks=None,
    same_unit: bool = False,
) -> tuple[Space, np.ndarray]:
    """Finds where each image is, as `build_lazily` does, and not which are near.

    Args:
        read: As in `build_lazily`.
        count: N.
        blocks: As in `build_graph`.
        same_unit: As in `build_graph`.

    Returns:
        The space, and the images' places in it, float32 `(N, C)`.
    """
    sample = slice(None, None, max(1, count // _MOST_FITTED))
    space = _fit_space(read(sample), blocks, same_unit)
    return space, np.concatenate([space.place(read(rows)) for rows in chunks(count)])


def link(graph: Graph, features: np.ndarray) -> Links:
    """Finds the nearest of a graph's images for others, by features `(M, D)`."""
    places = np.concatenate([graph.space.place(features[rows]) for rows in chunks(len(features))])
    return Links(*nearest_to(places, graph.places, graph.neighbours.shape[1]), places)


def _fit_space(features: np.ndarray, blocks, same_unit: bool) -> Space:
    """Returns the leading directions of the standardized features."""
    from sklearn.decomposition import PCA

    from tfzero.transfer.scaling import BlockScaler

    kept = min(NUM_COMPONENTS, *features.shape)
    if not np.isfinite(features).all():  # of an encoder that diverged: nothing is near anything
        width = features.shape[1]
        return Space(*(np.full(shape, np.nan, np.float32) for shape in (width, (width, kept))))
    scaler = BlockScaler(blocks or ((0, features.shape[1]),), same_unit).fit(features)
    solver = "covariance_eigh" if features.shape[1] <= 2000 else "randomized"
    pca = PCA(kept, svd_solver=solver, random_state=0).fit(scaler.transform(features))
    # Both at once: what is placed later is only multiplied.
    components = (pca.components_ / scaler.scale_).T
    return Space(scaler.mean_ + pca.mean_ * scaler.scale_, components.astype(np.float32))
