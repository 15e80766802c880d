"""Stratified draws that depend on what the images show, not on the order of the files."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral

import numpy as np

from tfzero.common.checks import InputError
from tfzero.common.seeds import derive_seed
from tfzero.data.digests import order_by_content

# Not a study's seed: everybody who loads the same images gets the same test part.
TEST_SEED = 0


def hold_out(
    images: np.ndarray,
    labels: np.ndarray,
    *,
    count: int | None = None,
    share: float | None = None,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Splits a stratified part off.

    Classes share the held-out images by largest remainder, so that each is within one
    of its natural share, unless it must be more or less to leave every class at least
    one image on either side.

    Args:
        images: `(N, ...)`, any type.
        labels: Integers `(N,)`, K different ones, each at least twice.
        count: How many images to hold out, K..N-K. Give this or `share`.
        share: Which share in (0, 1) to hold out; rounded, and moved into K..N-K.
        seed: Another seed holds out other images.

    Returns:
        Indices of what stays and of what is held out, int64, each ascending. The same
        images are held out however `images` are ordered.

    Raises:
        InputError: If a class has one image only, or `count` cannot be met.
    """
    classes, counts = count_classes(images, labels)
    total, num_classes = len(labels), len(counts)
    if (count is None) == (share is None):
        raise InputError(f"hold_out got count={count} and share={share}; give exactly one of them.")
    if counts.min() < 2:
        raise InputError(
            f"Label {np.unique(labels)[counts.argmin()]} has one image; expected at least 2 "
            "images per class, one for each part. Add images or leave the class out."
        )
    if share is not None:
        if not 0 < share < 1:
            raise InputError(f"share is {share}; expected a number between 0 and 1.")
        count = min(max(round(share * total), num_classes), total - num_classes)
    count = _check_count(
        count, least=num_classes, most=total - num_classes, num_classes=num_classes
    )
    order = shuffle_by_content(images, labels, derive_seed(seed, "hold_out"))
    held = np.zeros(total, bool)
    held[order] = _rank_in_class(classes[order]) < _apportion(counts, count)[classes[order]]
    return np.flatnonzero(~held), np.flatnonzero(held)


def nested_subsets(
    images: np.ndarray,
    labels: np.ndarray,
    counts: Iterable[int],
    *,
    seed: int,
    balanced: bool = False,
) -> dict[int, np.ndarray]:
    """Draws stratified subsets of which each larger one contains each smaller one.

    Seats go out one at a time: one image of each class first, then to the class with
    the largest n_k / (2 s_k + 1), where it has n_k images and s_k of them are drawn.
    This is the method of Sainte-Lague, which is house-monotone: a larger subset never
    takes an image back. Ties are broken by lot, drawn from the seed.

    Args:
        images: `(N, ...)`, any type.
        labels: Integers `(N,)`, K different ones.
        counts: Sizes of the subsets, each K..N.
        seed: Another seed draws other images.
        balanced: Whether classes get as many images each, as far as they have them, instead of
            their natural share.

    Returns:
        For each count, int64 `(count,)` indices in the order drawn, so that a smaller
        subset is the beginning of a larger. The same images are drawn, in the same
        order, however `images` are ordered.

    Raises:
        InputError: If a count is under K or over N.
    """
    classes, class_counts = count_classes(images, labels)
    total, num_classes = len(labels), len(class_counts)
    sizes = [
        _check_count(count, least=num_classes, most=total, num_classes=num_classes)
        for count in counts
    ]
    shuffled = shuffle_by_content(images, labels, derive_seed(seed, "nested_subsets"))
    classes = classes[shuffled]
    rank = _rank_in_class(classes)
    shares = np.ones(num_classes) if balanced else class_counts
    priority = np.where(rank == 0, np.inf, shares[classes] / (2 * rank + 1))
    drawn = shuffled[np.argsort(-priority, kind="stable")]  # Ties: as shuffled.
    return {size: drawn[:size] for size in sizes}


def count_classes(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns each image's class in 0..K-1, and how many images each class has."""
    if len(images) != len(labels) or len(labels) == 0:
        raise InputError(
            f"There are {len(images)} images and {len(labels)} labels; expected one label "
            "per image."
        )
    _, classes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return classes, counts


def _check_count(count: int | None, *, least: int, most: int, num_classes: int) -> int:
    if not isinstance(count, Integral) or isinstance(count, bool):
        raise InputError(f"{count!r} images were requested; expected a whole number.")
    if not least <= count <= most:
        raise InputError(
            f"{count} images were requested; expected {least} to {most}, because each of the "
            f"{num_classes} classes needs one image. Choose another number or add images."
        )
    return int(count)


def shuffle_by_content(images: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """Returns all indices, shuffled such that file order has no influence.

    Images with equal pixels and labels keep their order; it makes no difference.
    """
    by_content = order_by_content(images, labels)
    return by_content[np.random.default_rng(seed).permutation(len(images))]


def _rank_in_class(classes: np.ndarray) -> np.ndarray:
    """Returns for each entry how many of its class come before it."""
    by_class = np.argsort(classes, kind="stable")
    starts = np.cumsum(np.bincount(classes)) - np.bincount(classes)
    rank = np.empty(len(classes), np.int64)
    rank[by_class] = np.arange(len(classes)) - starts[classes[by_class]]
    return rank


def _apportion(counts: np.ndarray, seats: int) -> np.ndarray:
    """Shares seats by largest remainder, 1..n-1 to each class; integers, hence exact."""
    total = int(counts.sum())
    quotas = seats * counts  # In units of 1 / total seat.
    given = np.maximum(quotas // total, 1)
    while given.sum() < seats:
        lack = np.where(given < counts - 1, quotas - given * total, np.iinfo(np.int64).min)
        given[lack.argmax()] += 1
    while given.sum() > seats:
        excess = np.where(given > 1, given * total - quotas, np.iinfo(np.int64).min)
        given[excess.argmax()] -= 1
    return given
