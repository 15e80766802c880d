"""Label spreading over the graph of nearest neighbours among unlabeled images."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse

# Zhou et al. 2004, section 4, use 0.99.
ALPHA = 0.99
NUM_NEIGHBOURS = 10
# Directions kept of the features; nearest neighbours by more see mostly noise, and cost more.
NUM_COMPONENTS = 50
# The iteration stops when no value moves by more than this; 0.99 ** 500 is below it.
_TOLERANCE = 1e-4
_MAX_ITERATIONS = 500
_CHUNK = 1000


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


def build_graph(features: np.ndarray, *, num_neighbours: int = NUM_NEIGHBOURS) -> Graph:
    """Finds each image's nearest neighbours.

    Args:
        features: float32 `(N, D)`, of the pool.
        num_neighbours: k.

    Returns:
        The graph; 60,000 images take about a minute on one core.
    """
    space = _fit_space(features)
    places = np.concatenate([space.place(features[rows]) for rows in _chunks(len(features))])
    neighbours, similarities = _nearest(places, places, num_neighbours, skip_self=True)
    return Graph(space, places, neighbours, similarities)


def spread_labels(
    graph: Graph,
    features: np.ndarray,
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
        features: float32 `(M, D)`, of the labelled images.
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
    spreading = _normalized(_join(graph, features))
    start = np.zeros((count + num_labels, num_classes), np.float32)
    start[count + np.arange(num_labels), labels] = 1.0
    values = start
    for _ in range(_MAX_ITERATIONS):
        after = alpha * (spreading @ values) + (1 - alpha) * start
        moved = float(np.abs(after - values).max(initial=0.0))
        values = after
        if moved < _TOLERANCE * (1 - alpha):
            break
    spread = values[:count]
    shares = np.bincount(labels, minlength=num_classes) / num_labels
    if equal_shares:
        shares = (shares > 0) / (shares > 0).sum()
    mass = spread.sum(axis=0)
    spread = spread * (shares / np.maximum(mass, 1e-12))
    total = spread.sum(axis=1, keepdims=True)
    uniform = np.full_like(spread, 1 / num_classes)
    return np.where(total > 0, spread / np.where(total > 0, total, 1), uniform).astype(np.float32)


def classify(graph: Graph, spread: np.ndarray, features: np.ndarray) -> np.ndarray:
    """Classifies images that are not in the graph by their nearest that are.

    Args:
        graph: Of the pool, N images.
        spread: float32 `(N, K)`, from `spread_labels`.
        features: float32 `(M, D)`.

    Returns:
        float32 `(M, K)`: the mean of the neighbours' distributions, weighted by similarity.

    Reference:
        Delalleau, Bengio, Le Roux 2005, "Efficient Non-Parametric Function Induction", eq. 4.
    """
    num_neighbours = graph.neighbours.shape[1]
    parts = []
    for rows in _chunks(len(features)):
        places = graph.space.place(features[rows])
        nearest, similarities = _nearest(places, graph.places, num_neighbours)
        weights = similarities + 1e-12  # all alike where nothing is similar
        mixed = np.einsum("mk,mkc->mc", weights, spread[nearest])
        parts.append(mixed / weights.sum(axis=1, keepdims=True))
    return np.concatenate(parts).astype(np.float32)


def _fit_space(features: np.ndarray) -> Space:
    from sklearn.decomposition import PCA

    kept = min(NUM_COMPONENTS, *features.shape)
    # Whichever few thousand: the directions of the greatest spread are soon clear.
    rows = features[:: max(1, len(features) // 10_000)]
    pca = PCA(kept, svd_solver="covariance_eigh" if features.shape[1] <= 2000 else "randomized",
              random_state=0).fit(rows)  # fmt: skip
    return Space(pca.mean_.astype(np.float32), pca.components_.T.astype(np.float32))


def _nearest(places, among, count: int, *, skip_self: bool = False):
    """Returns int32 and float32 `(M, k)`: the nearest by cosine and their similarities, 0..1."""
    count = min(count, len(among) - skip_self)
    found, cosines = [], []
    for rows in _chunks(len(places)):
        products = places[rows] @ among.T  # (m, N)
        if skip_self:
            own = np.arange(rows.start, rows.stop)
            products[np.arange(len(own)), own] = -np.inf
        nearest = np.argpartition(products, -count, axis=1)[:, -count:]
        found.append(nearest.astype(np.int32))
        cosines.append(np.take_along_axis(products, nearest, axis=1))
    return np.concatenate(found), np.maximum(np.concatenate(cosines), 0.0)


def _join(graph: Graph, features: np.ndarray) -> scipy.sparse.csr_array:
    """Returns the symmetric similarities `(N + M, N + M)` of pool and labelled images."""
    count, num_neighbours = graph.neighbours.shape
    places = graph.space.place(features)
    nearest, similarities = _nearest(places, graph.places, num_neighbours)
    rows = np.repeat(np.arange(count + len(features)), num_neighbours)
    columns = np.concatenate([graph.neighbours, nearest]).ravel()
    values = np.concatenate([graph.similarities, similarities]).ravel()
    shape = (count + len(features),) * 2
    directed = scipy.sparse.csr_array((values, (rows, columns)), shape=shape)
    return directed.maximum(directed.T)


def _normalized(weights: scipy.sparse.csr_array) -> scipy.sparse.csr_array:
    """Returns D^-1/2 W D^-1/2, with D the sums of the rows."""
    degrees = np.asarray(weights.sum(axis=1)).ravel()
    scale = scipy.sparse.diags_array(1 / np.sqrt(np.maximum(degrees, 1e-12)))
    return (scale @ weights @ scale).tocsr().astype(np.float32)


def _chunks(count: int):
    return [slice(start, min(start + _CHUNK, count)) for start in range(0, count, _CHUNK)]
