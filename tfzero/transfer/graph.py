"""Label spreading over the graph of nearest neighbours among unlabeled images."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tfzero.transfer.neighbours import (
    are_many,
    chunks,
    nearest_among,
    nearest_to,
    order_near,
)

if TYPE_CHECKING:
    import scipy.sparse

# Zhou et al. 2004, section 4, use 0.99.
ALPHA = 0.99
NUM_NEIGHBOURS = 10
# Directions kept of the features; nearest neighbours by more see mostly noise, and cost more.
NUM_COMPONENTS = 50
# The iteration stops when no value moves by more than this; 0.99 ** 500 is below it.
_TOLERANCE = 1e-4
_MAX_ITERATIONS = 500
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
    """

    nearest: np.ndarray
    similarities: np.ndarray

    def is_finite(self) -> bool:
        """Returns whether the features that the images were linked by were."""
        return bool(np.isfinite(self.similarities).all())

    def take(self, rows: np.ndarray | slice) -> Links:
        """Returns the links of some of the images."""
        return Links(self.nearest[rows], self.similarities[rows])


class SpreadModel:
    """Spread labels, behind `predict(links) -> probabilities`.

    Args:
        spread: float32 `(N, K)`, the pool's distributions over the classes.
    """

    def __init__(self, spread: np.ndarray):
        self.spread = spread

    def predict(self, links: Links) -> np.ndarray:
        """Returns float32 `(M, K)`: the mean of the linked pool images' distributions."""
        return mix(self.spread, links)


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
    places = [graph.space.place(features[rows]) for rows in chunks(len(features))]
    return Links(*nearest_to(np.concatenate(places), graph.places, graph.neighbours.shape[1]))


def spread_over(
    graph: Graph,
    links: Links,
    labels: np.ndarray,
    *,
    num_classes: int,
    alpha: float = ALPHA,
    equal_shares: bool = False,
) -> np.ndarray:
    """Spreads labels over the pool.

    The labelled images are nodes too, joined to their nearest in the pool. With W the symmetric
    matrix of similarities and S = D^-1/2 W D^-1/2, iterates

        F <- alpha S F + (1 - alpha) Y

    from F = Y until it stands still. Each class is then weighted so that its share of the pool is
    its share of the labels (class mass normalization).

    Args:
        graph: Of the pool, N images.
        links: Of the labelled images, M.
        labels: int `(M,)` in 0..K-1.
        num_classes: K.
        alpha: How much comes from the neighbours; the rest from the labels.
        equal_shares: Whether each class that has labels gets an equal share of the pool instead.

    Returns:
        float32 `(N, K)`: each row a distribution over the classes, uniform where nothing arrived.

    Reference:
        Zhou et al. 2004, "Learning with Local and Global Consistency", section 2; class mass:
        Zhu, Ghahramani, Lafferty 2003, section 4.
    """
    count, num_labels = len(graph.places), len(labels)
    order = None
    if are_many(count) and graph.is_finite():
        order = order_near(graph.places)
        graph, links = _renumber(graph, links, order)
    spreading = _join(graph, links)
    _normalize(spreading)
    labelled = count + np.arange(num_labels), labels
    values = np.zeros((count + num_labels, num_classes), np.float32)
    values[labelled] = 1.0
    for _ in range(_MAX_ITERATIONS):
        # Changed in place: for many images and classes each copy takes gigabytes.
        after = spreading @ values
        after *= alpha
        after[labelled] += 1 - alpha
        moved = _largest_step(values, after)
        values = after
        if moved < _TOLERANCE * (1 - alpha):
            break
    shares = np.bincount(labels, minlength=num_classes) / num_labels
    if equal_shares:
        shares = (shares > 0) / (shares > 0).sum()
    spread = _to_distributions(values[:count], shares)
    if order is None:
        return spread
    found = np.empty_like(spread)
    found[order] = spread
    return found


def mix(spread: np.ndarray, links: Links) -> np.ndarray:
    """Classifies images that are not in a graph by their nearest that are.

    Args:
        spread: float32 `(N, K)`, from `spread_over`.
        links: Of the images, M.

    Returns:
        float32 `(M, K)`: the mean of the neighbours' distributions, weighted by similarity.

    Reference:
        Delalleau, Bengio, Le Roux 2005, "Efficient Non-Parametric Function Induction", eq. 4.
    """
    parts = []
    for rows in chunks(len(links.nearest)):
        weights = links.similarities[rows] + 1e-12  # all alike where nothing is similar
        mixed = np.einsum("mk,mkc->mc", weights, spread[links.nearest[rows]])
        parts.append(mixed / weights.sum(axis=1, keepdims=True))
    return np.concatenate(parts).astype(np.float32)


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


def _renumber(graph: Graph, links: Links, order: np.ndarray) -> tuple[Graph, Links]:
    """Returns the same graph, its image i being `order[i]`, and the links to it.

    Among very many images, each is read from memory when a neighbour needs it, unless it stands
    near that neighbour.
    """
    number = np.empty(len(order), np.int32)
    number[order] = np.arange(len(order), dtype=np.int32)
    renumbered = Graph(
        graph.space, graph.places, number[graph.neighbours[order]], graph.similarities[order]
    )
    return renumbered, links._replace(nearest=number[links.nearest])


def _largest_step(before: np.ndarray, after: np.ndarray) -> float:
    """Returns by how much the value that moved most did."""
    parts = (np.abs(after[rows] - before[rows]).max(initial=0.0) for rows in chunks(len(after)))
    return float(max(parts))


def _to_distributions(values: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Weights what arrived so that each class `(K,)` gets its share; changes `(N, K)` in place."""
    weights = shares / np.maximum(values.sum(axis=0), 1e-12)
    for rows in chunks(len(values)):
        weighted = values[rows] * weights
        total = weighted.sum(axis=1, keepdims=True)
        weighted /= np.where(total > 0, total, 1)
        values[rows] = np.where(total > 0, weighted, 1 / values.shape[1])
    return values


def _join(graph: Graph, links: Links) -> scipy.sparse.csr_array:
    """Returns the symmetric similarities `(N + M, N + M)` of pool and labelled images."""
    import scipy.sparse

    num_neighbours = graph.neighbours.shape[1]
    columns = np.concatenate([graph.neighbours, links.nearest])
    values = np.concatenate([graph.similarities, links.similarities])
    total = len(columns)
    starts = np.arange(total + 1, dtype=np.int64) * num_neighbours
    if starts[-1] <= np.iinfo(np.int32).max:
        starts = starts.astype(np.int32)  # else all indices take eight bytes
    shape = (total, total)
    directed = scipy.sparse.csr_array((values.ravel(), columns.ravel(), starts), shape=shape)
    directed.sort_indices()
    return directed.maximum(directed.T)


def _normalize(weights: scipy.sparse.csr_array) -> None:
    """Makes W into D^-1/2 W D^-1/2, with D the sums of the rows, in place."""
    degrees = np.asarray(weights.sum(axis=1)).ravel()
    scale = 1 / np.sqrt(np.maximum(degrees, 1e-12))
    weights.data *= np.repeat(scale, np.diff(weights.indptr))
    weights.data *= scale[weights.indices]
