"""Which images to label first: typical ones that are unlike each other, or those a model doubts.

Reference:
    Hacohen, Dekel, Weinshall 2022, "Active Learning on a Budget: Opposite Strategies Suit High and
    Low Budgets", arXiv:2202.02794 (TypiClust).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tfzero.common.checks import InputError
from tfzero.common.seeds import derive_seed

# Hacohen et al. 2022, section 3.2 and appendix: neighbours that density is measured by, clusters at
# most, and images that a cluster needs to count.
NUM_NEIGHBOURS = 20
MOST_CLUSTERS = 500
SMALLEST_CLUSTER = 5
# Up to so many clusters k-means sees all images in each step, else some of them (as in the paper's
# program).
_MOST_EXACT = 50
_MINI_BATCH = 5000
# K-means starts so many times and keeps the best. One start loses 5 points at 2 labels per class of
# digits, and 3 on CIFAR-10 by public weights.
_STARTS = 10
# Of the places' directions so many count. With all 50, suggestions on CIFAR-10 by public weights
# gain 5 points less at 1 and 2 labels per class. On digits and Fashion-MNIST it makes no clear
# difference.
NUM_DIRECTIONS = 20
# Zhdanov 2019 clusters this many times as many uncertain images as are wanted.
UNSURE_FACTOR = 10


class Choice(NamedTuple):
    """Images to label.

    Attributes:
        rows: int64 `(n,)`, the first to label first.
        clusters: Number of clusters that the images were divided into.
        sizes: int64 `(n,)`: number of images in the cluster that each one stands for.
    """

    rows: np.ndarray
    clusters: int
    sizes: np.ndarray


def choose_typical(
    places: np.ndarray,
    number: int,
    *,
    labelled: np.ndarray | None = None,
    seed: int = 0,
) -> Choice:
    """Chooses images that are typical and unlike each other, by TypiClust.

    K-means divides all images into as many clusters as there are labelled images and images to
    choose, 500 at most. The next image comes from the cluster with the fewest labelled and chosen
    images, the largest of these first. It is the most typical one there:

        typicality(x) = (1/K sum_i |x - x_i|)^-1

    over its K = min(20, cluster size - 1) nearest neighbours x_i in the cluster.

    Departures from the paper: features are unit vectors of 20 principal components. K-means starts
    10 times, and the best result is kept. The cluster with the fewest labelled and chosen images is
    determined again before every choice. Clusters under 5 images, or under half the average size if
    that is less, are not dropped but come last. So any number can be chosen from any pool.

    Args:
        places: float32 `(N, C)`, where images are near that are alike: unit vectors of principal
            components, as `tfzero.transfer.features.place_images` gives them. The first 20 count.
            No two rows should be of equal pictures.
        number: Number of images to choose, 1..N minus the labelled ones.
        labelled: Rows that have labels already; None for none. They are never chosen.
        seed: Random seed of the first centroids.

    Returns:
        The choice.

    Raises:
        InputError: If places are not finite, or there are fewer than `number` images to choose
            from.

    Reference:
        Hacohen et al. 2022, arXiv:2202.02794, eq. 4 and algorithm 1.
    """
    labelled = np.empty(0, np.int64) if labelled is None else np.asarray(labelled, np.int64)
    is_free = np.ones(len(places), bool)
    is_free[labelled] = False
    _check(places, number, int(is_free.sum()))
    places = _narrow(places)
    wanted = min(len(labelled) + number, MOST_CLUSTERS, len(places))
    cluster_of = _cluster(places, wanted, seed=seed)
    sizes = np.bincount(cluster_of, minlength=wanted)
    taken = np.bincount(cluster_of[labelled], minlength=wanted)
    # The most typical last, where it is cheap to take away.
    waiting = [
        _sort_by_typicality(places, np.flatnonzero((cluster_of == k) & is_free)).tolist()
        for k in range(wanted)
    ]
    smallest = min(SMALLEST_CLUSTER, len(places) / (2 * wanted))
    rows, of = [], []
    while len(rows) < number:
        left = [k for k in range(wanted) if waiting[k]]
        best = min(left, key=lambda k: (sizes[k] < smallest, taken[k], -sizes[k]))
        rows.append(waiting[best].pop())
        of.append(best)
        taken[best] += 1
    return Choice(np.array(rows, np.int64), wanted, sizes[of])


def choose_unsure(
    places: np.ndarray, confidence: np.ndarray, number: int, *, seed: int = 0
) -> Choice:
    """Chooses images that a model is unsure of and that are unlike each other.

    The least certain images, ten times as many as wanted, are divided into as many clusters as
    wanted, by k-means in which a doubtful image weighs more. The image nearest to each centroid is
    chosen. The least certain alone would often be many versions of one picture.

    Departure from the paper: doubt is one minus the best probability, as on the page of
    `tfzero predict`, instead of the margin between the best two.

    Args:
        places: float32 `(N, C)`, as in `choose_typical`.
        confidence: float `(N,)` in 0..1, the model's probability of the class that it names.
        number: Number of images to choose, 1..N.
        seed: Random seed of the first centroids.

    Returns:
        The choice, the least certain first.

    Raises:
        InputError: As `choose_typical`.

    Reference:
        Zhdanov 2019, "Diverse mini-batch Active Learning", arXiv:1901.05954, section 3.
    """
    _check(places, number, len(places))
    places = _narrow(places)
    least = np.argsort(confidence, kind="stable")[: UNSURE_FACTOR * number]
    # Where a model is certain of all, they weigh alike.
    doubt = np.maximum(1 - confidence[least].astype(np.float64), 1e-6)
    near = places[least]
    cluster_of = _cluster(near, number, seed=seed, weights=doubt)
    sizes = np.bincount(cluster_of, minlength=number)
    chosen = []
    for k in np.flatnonzero(sizes):
        inside = np.flatnonzero(cluster_of == k)
        center = np.average(near[inside], axis=0, weights=doubt[inside])
        chosen.append(inside[np.argmin(((near[inside] - center) ** 2).sum(axis=1))])
    rest = np.setdiff1d(np.arange(len(least)), chosen)  # by doubt, where clusters were empty
    chosen = np.sort(np.concatenate([chosen, rest[: number - len(chosen)]])).astype(np.int64)
    return Choice(least[chosen], number, sizes[cluster_of[chosen]])


def _check(places: np.ndarray, number: int, free: int) -> None:
    if not np.isfinite(places).all():
        raise InputError(
            "The features are not finite numbers, so no image is near another. Expected an "
            "encoder whose training did not diverge. Choose another encoder."
        )
    if not 1 <= number <= free:
        raise InputError(f"number is {number}; expected 1 to {free}, the images to choose from.")


def _narrow(places: np.ndarray) -> np.ndarray:
    """Returns unit vectors of the first directions."""
    first = places[:, :NUM_DIRECTIONS]
    return first / np.maximum(np.linalg.norm(first, axis=1, keepdims=True), 1e-12)


def _cluster(
    places: np.ndarray, count: int, *, seed: int, weights: np.ndarray | None = None
) -> np.ndarray:
    """Returns the cluster of each image, int `(N,)` in 0..count-1; some may be empty."""
    import warnings

    from sklearn.cluster import KMeans, MiniBatchKMeans
    from sklearn.exceptions import ConvergenceWarning

    random_state = derive_seed(seed, "clusters")
    if count <= _MOST_EXACT:
        clusters = KMeans(count, n_init=_STARTS, random_state=random_state)
    else:
        clusters = MiniBatchKMeans(
            count, batch_size=_MINI_BATCH, n_init=_STARTS, random_state=random_state
        )
    with warnings.catch_warnings():
        # Of images without any difference in their features there are fewer clusters.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return clusters.fit_predict(np.ascontiguousarray(places), sample_weight=weights)


def _sort_by_typicality(places: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Returns rows of one cluster, the most typical last."""
    if len(rows) < 2:
        return rows
    from sklearn.neighbors import NearestNeighbors

    inside = places[rows]
    count = min(NUM_NEIGHBOURS, len(rows) - 1)
    # Without an argument each image's neighbours are found without itself.
    distances, _ = NearestNeighbors(n_neighbors=count).fit(inside).kneighbors()
    return rows[np.argsort(-distances.mean(axis=1), kind="stable")]
