"""A first look at images: some of each class, and how large the files are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

# Of each class, and of images without a class.
_PER_CLASS, _UNLABELED = 8, 8
_MOST_CLASSES = 12
# Bars of a histogram.
MOST_BARS = 12


class Samples(NamedTuple):
    """Some images that belong together.

    Attributes:
        name: Of their class.
        count: How many images of the class there are.
        rows: int `(n,)`: which of them are shown.
    """

    name: str
    count: int
    rows: np.ndarray


class Bar(NamedTuple):
    """One bar of a histogram.

    Attributes:
        label: What it counts.
        count: How many images.
        percent: Its length; the longest has 100.
    """

    label: str
    count: int
    percent: float


def list_samples(
    labels: np.ndarray, class_names: Sequence[str], *, per_class: int = _PER_CLASS
) -> Iterator[Samples]:
    """Yields the first classes, each with some images spread evenly over all that it has.

    Args:
        labels: int `(N,)`.
        class_names: K names.
        per_class: Images of a class at most.
    """
    for k, name in enumerate(class_names[:_MOST_CLASSES]):
        rows = np.flatnonzero(labels == k)
        if len(rows):
            yield Samples(str(name), len(rows), spread_rows(rows, per_class))


def spread_rows(rows: np.ndarray, most: int = _UNLABELED) -> np.ndarray:
    """Returns at most so many of the rows, evenly spread: files in a row are often alike."""
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).round().astype(int)]


def count_sizes(sizes: Mapping[tuple[int, int], int]) -> list[Bar]:
    """Returns a histogram of sizes: a bar per size, or of many sizes by the longer side.

    Args:
        sizes: How often each (height, width) occurs.
    """
    if len(sizes) <= MOST_BARS:
        counts = {f"{height}x{width}": count for (height, width), count in sorted(sizes.items())}
    else:
        longer = np.array([max(size) for size in sizes])
        weights = np.array(list(sizes.values()))
        edges = np.unique(np.linspace(longer.min(), longer.max() + 1, MOST_BARS + 1).astype(int))
        found, _ = np.histogram(longer, edges, weights=weights)
        spans = zip(edges, edges[1:], strict=False)
        names = [f"{low:,} to {high - 1:,}" for low, high in spans]
        counts = dict(zip(names, found.astype(int).tolist(), strict=True))
    most = max(counts.values(), default=1) or 1
    return [Bar(name, count, round(100 * count / most, 1)) for name, count in counts.items()]
