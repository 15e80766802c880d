"""Images to learn from and to be judged on, small enough for thousands of fits."""

from __future__ import annotations

import dataclasses

import numpy as np

from tfzero.data import ImageData


@dataclasses.dataclass(frozen=True)
class Bank:
    """Images in three parts: to pretrain on, to draw labels from, to be scored on.

    Attributes:
        pool: float32 `(P, S, S)` in [0, 1], without labels.
        images: float32 `(N, S, S)`, from which replicates draw their labels.
        labels: int `(N,)`.
        test_images: float32 `(T, S, S)`, from which studies draw their test images.
        test_labels: int `(T,)`.
        shares: `(K,)`, the share of each class in all parts; None as the data have it.
    """

    pool: np.ndarray
    images: np.ndarray
    labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray

    @property
    def num_classes(self) -> int:
        """K."""
        return int(max(self.labels.max(), self.test_labels.max())) + 1

    def nested_labels(self, most: int, seed: list[int]) -> np.ndarray:
        """Returns int `(most,)`: images to learn from; the first n are the label subset of n.

        Classes take turns, so that every subset has each class as its share says.
        """
        generator = np.random.default_rng(seed)
        order = generator.permutation(len(self.labels))
        # An image's place within its class over the class's share: subsets are stratified.
        _, codes, sizes = np.unique(self.labels[order], return_inverse=True, return_counts=True)
        rank = np.empty(len(order))
        for code in range(len(sizes)):
            members = codes == code
            rank[members] = (np.arange(sizes[code]) + generator.uniform(0, 1)) / sizes[code]
        return order[np.argsort(rank, kind="stable")[:most]]


def make_bank(
    data: ImageData,
    *,
    side: int,
    parts: tuple[int, int, int],
    classes: tuple[int, ...] | None = None,
    share_ratio: float = 1.0,
    cut: int = 1,
) -> Bank:
    """Returns images of some classes in three parts.

    Args:
        data: Gray images; training and test part are shuffled together.
        side: Pixels of a side after averaging; it divides the images' side.
        parts: How many images to pretrain on, to learn from, and to be scored on.
        classes: Which classes to keep. None: all.
        share_ratio: Each class has this many times the images of the one before.
        cut: Into how many classes of equal kind to cut each class, by k-means.
    """
    generator = np.random.default_rng(0)
    images = np.concatenate([data.train_images, data.test_images])[..., 0]
    labels = np.concatenate([data.train_labels, data.test_labels]).astype(int)
    kept = np.flatnonzero(np.isin(labels, classes)) if classes else np.arange(len(labels))
    kept = generator.permutation(kept)
    images, labels = images[kept], np.unique(labels[kept], return_inverse=True)[1]
    if share_ratio != 1:
        kept = _unbalance(labels, share_ratio)
        images, labels = images[kept], labels[kept]
    factor = images.shape[1] // side
    images = (
        images.reshape(-1, side, factor, side, factor).mean(axis=(2, 4), dtype=np.float32) / 255
    )
    if cut > 1:
        labels = _cut(images, labels, cut)
    pool, known, _ = ends = np.cumsum(parts)
    if ends[-1] > len(images):
        raise ValueError(f"There are {len(images)} images; `parts` ask for {ends[-1]}.")
    return Bank(
        pool=images[:pool],
        images=images[pool:known],
        labels=labels[pool:known],
        test_images=images[known : ends[-1]],
        test_labels=labels[known : ends[-1]],
    )


def _unbalance(labels: np.ndarray, ratio: float) -> np.ndarray:
    """Returns which images stay so that each class has `ratio` times those of the one before."""
    sizes = np.bincount(labels)
    shares = ratio ** np.arange(len(sizes))
    keep = np.floor(shares * (sizes / shares).min()).astype(int)
    chosen = [np.flatnonzero(labels == k)[: keep[k]] for k in range(len(sizes))]
    return np.sort(np.concatenate(chosen))


def _cut(images: np.ndarray, labels: np.ndarray, cut: int) -> np.ndarray:
    from sklearn.cluster import KMeans

    finer = np.empty_like(labels)
    for k in np.unique(labels):
        members = images[labels == k].reshape(int((labels == k).sum()), -1)
        kmeans = KMeans(cut, n_init=1, max_iter=30, random_state=0).fit(members[:3000])
        finer[labels == k] = k * cut + kmeans.predict(members)
    return finer
