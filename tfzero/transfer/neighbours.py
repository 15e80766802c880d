"""Nearest neighbours by cosine: exact among some images, approximate among very many."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

# Among more, an exact search of each by each takes hours: it grows with the square.
MOST_EXACT = 100_000
# Products in memory at once. A matrix product of other rows may round differently, so pools that
# were searched before there was a limit (up to 67,108 images) keep their 1000 rows.
_MOST_BYTES = 2**28
_MOST_ROWS = 1000
# Rows whose indices are in memory at once: eight bytes per image of the pool and row.
_SORTED_ROWS = 16
# Links per node, and candidates kept while building and searching (Malkov & Yashunin 2018,
# arXiv:1603.09320, section 4.1). docs/benchmarks/log.md says how many of the nearest these find.
_LINKS = 16
_CANDIDATES = 64
# Images near one another are added and asked for together: a third of the time among 1,000,000,
# because what one of them reads is still in the processor's cache for the next.
_TOGETHER = 500
_ADDED_ROWS = 1000
# Rows that are asked for at once; it decides nothing but memory.
_ASKED_ROWS = 10_000
# Rows by which the direction of the largest spread is told.
_TOLD_BY = 2000


def nearest_among(places: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Finds the nearest others of each image.

    Up to 100,000 images the search is exact. Among more, a graph of the faiss library finds about
    99 % of the nearest, on one thread, so that the same places give the same neighbours.

    Args:
        places: float32 `(N, C)`, unit vectors.
        count: k; at most N - 1 are found.

    Returns:
        int32 and float32 `(N, k)`: the nearest by cosine, in any order, and their similarities in
        0..1, negative ones as 0. Not finite where any place is not.
    """
    count = min(count, len(places) - 1)
    if len(places) <= MOST_EXACT:
        return _search(places, places, count, skip_self=True)
    return _search_graph(places, count)


def nearest_to(places: np.ndarray, among: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Finds the nearest of some images for others; the search is exact.

    Args:
        places: float32 `(M, C)`, unit vectors of the others.
        among: float32 `(N, C)`, unit vectors of those that are found.
        count: k; at most N are found.

    Returns:
        int32 and float32 `(M, k)`, as of `nearest_among`.
    """
    count = min(count, len(among))
    if len(among) <= MOST_EXACT:
        return _search(places, among, count)
    return _search_all(places, among, count)


def rows_at_once(count: int) -> int:
    """Returns how many rows of an exact search are multiplied by `count` images at once."""
    return min(_MOST_ROWS, max(1, _MOST_BYTES // (4 * count)))


def chunks(count: int, size: int = _MOST_ROWS) -> Iterator[slice]:
    """Cuts rows into slices of at most `size`."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def _search(places, among, count: int, *, skip_self: bool = False):
    """Multiplies all by all, as many rows at once as fit into the bytes."""
    found, cosines = [], []
    for rows in chunks(len(places), rows_at_once(len(among))):
        products = places[rows] @ among.T  # (m, N)
        if skip_self:
            own = np.arange(rows.start, rows.stop)
            products[np.arange(len(own)), own] = -np.inf
        for part in chunks(len(products), _SORTED_ROWS):
            nearest = np.argpartition(products[part], -count, axis=1)[:, -count:]
            found.append(nearest.astype(np.int32))
            cosines.append(np.take_along_axis(products[part], nearest, axis=1))
    return np.concatenate(found), np.maximum(np.concatenate(cosines), 0.0)


def _search_graph(places: np.ndarray, count: int):
    """Asks a graph of small worlds for `count` others of each image."""
    if not np.isfinite(places).all():  # of an encoder that diverged: nothing is near anything
        return _nowhere(len(places), count)
    order = np.concatenate(list(_group(places, np.arange(len(places)))))
    index = _build_index(places, order)
    found = np.empty((len(places), count), np.int32)
    cosines = np.empty((len(places), count), np.float32)
    for part in chunks(len(places), _ASKED_ROWS):
        rows = order[part]
        values, numbers = index.search(places[rows], count + 1)  # itself among them, mostly
        is_other = numbers != np.arange(part.start, part.stop)[:, None]
        is_other[is_other.all(axis=1), -1] = False  # of many alike: itself was not found
        near = np.where(numbers < 0, -1, order[numbers])
        found[rows] = near[is_other].reshape(-1, count)
        cosines[rows] = values[is_other].reshape(-1, count)
    _search_missing(places, found, cosines)
    return found, np.clip(cosines, 0.0, 1.0)


def _build_index(places: np.ndarray, order: np.ndarray):
    """Builds the graph; its image i is `order[i]`."""
    faiss = _open_faiss()
    index = faiss.IndexHNSWFlat(places.shape[1], _LINKS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = index.hnsw.efSearch = _CANDIDATES
    for part in chunks(len(order), _ADDED_ROWS):
        index.add(places[order[part]])
    return index


def _group(places: np.ndarray, rows: np.ndarray) -> Iterator[np.ndarray]:
    """Yields rows, a few hundred near ones at a time: halves along the largest spread."""
    if len(rows) < _TOGETHER:
        yield rows
        return
    values = places[rows]
    along = values[:, np.argmax(values[:_TOLD_BY].var(axis=0))]
    middle = len(rows) // 2
    sides = np.argpartition(along, middle)
    for side in (sides[:middle], sides[middle:]):
        yield from _group(places, rows[side])


def _search_missing(places, found, cosines) -> None:
    """Fills in, exactly, the rows for which the graph found too few."""
    missing = np.flatnonzero((found < 0).any(axis=1))
    if not len(missing):
        return
    numbers, values = _search(places[missing], places, found.shape[1] + 1)
    for row, near, cosine in zip(missing, numbers, values, strict=True):
        order = np.argsort(-cosine)
        kept = order[near[order] != row][: found.shape[1]]
        found[row], cosines[row] = near[kept], cosine[kept]


def _search_all(places, among, count: int):
    """Compares each with all, without their products in memory."""
    if not (np.isfinite(places).all() and np.isfinite(among).all()):
        return _nowhere(len(places), count)
    faiss = _open_faiss()
    index = faiss.IndexFlatIP(among.shape[1])
    index.add(among)
    cosines, found = index.search(places, count)
    return found.astype(np.int32), np.clip(cosines, 0.0, 1.0)


def _nowhere(rows: int, count: int):
    return np.zeros((rows, count), np.int32), np.full((rows, count), np.nan, np.float32)


def _open_faiss():
    import faiss

    # Threads that build a graph together need not build the same each time; and these wait busily.
    faiss.omp_set_num_threads(1)
    return faiss
