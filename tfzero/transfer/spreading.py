"""Labels spread over the graph of nearest neighbours among unlabeled images."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tfzero.transfer.graph import Graph, Links
from tfzero.transfer.neighbours import chunks

if TYPE_CHECKING:
    import scipy.sparse

# Zhou et al. 2004, section 4, use 0.99.
ALPHA = 0.99
# The iteration stops when no value moves by more than this; 0.99 ** 500 is below it.
_TOLERANCE = 1e-4
_MAX_ITERATIONS = 500


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
    shares = share_classes(labels, num_classes, equal=equal_shares)
    return _to_distributions(values[:count], shares)


def share_classes(labels: np.ndarray, num_classes: int, *, equal: bool = False) -> np.ndarray:
    """Returns float `(K,)`: each class's share of the labels, or of the classes that there are.

    Args:
        labels: int `(M,)` in 0..K-1.
        num_classes: K.
        equal: Whether all classes that have labels share equally.
    """
    counts = np.bincount(labels, minlength=num_classes)
    if equal:
        counts = (counts > 0).astype(int)
    return counts / counts.sum()


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


class Guesses(NamedTuple):
    """Labels guessed for unlabeled images.

    Attributes:
        rows: int `(M,)`: which images are believed.
        labels: int `(M,)`, theirs.
    """

    rows: np.ndarray
    labels: np.ndarray


def choose_surest(probabilities: np.ndarray, *, share: float, class_shares: np.ndarray) -> Guesses:
    """Returns the surest guesses of each class.

    Args:
        probabilities: float32 `(N, K)`.
        share: The share of all images to believe at most.
        class_shares: float `(K,)`, how they are divided among the classes.

    Returns:
        Of each class the `share * class_shares * N` most probable of the images that it is the
        most probable class of.
    """
    labels, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    chosen = []
    for k, class_share in enumerate(class_shares):
        candidates = np.flatnonzero(labels == k)
        most = round(share * class_share * len(labels))
        chosen.append(candidates[np.argsort(-sure[candidates], kind="stable")[:most]])
    rows = np.sort(np.concatenate(chosen))
    return Guesses(rows, labels[rows])


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
