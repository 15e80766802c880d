"""What belongs together, so that one patient or speaker is never on both sides of a split."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfzero.common.checks import InputError
from tfzero.common.seeds import derive_seed
from tfzero.data.digests import digest_rows
from tfzero.data.splits import count_classes, shuffle_by_content

_ROUNDS = 5


def number_groups(groups: Sequence | np.ndarray) -> np.ndarray:
    """Returns int64 `(N,)` in 0..G-1, groups numbered as they first appear.

    What is decided by these numbers does not depend on what the groups are called.
    """
    names = np.asarray(groups).astype(str)
    _, first, given = np.unique(names, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[given.reshape(-1)].astype(np.int64)


def merge_duplicates(images: np.ndarray, groups: np.ndarray | None) -> np.ndarray | None:
    """Returns groups in which images of equal pixels are together, or None if all are alone.

    Args:
        images: uint8 `(N, H, W, C)`.
        groups: `(N,)` of anything that can be compared, or None.

    Returns:
        int64 `(N,)` in 0..G-1.
    """
    _, same = np.unique(digest_rows(images), return_inverse=True)
    if groups is None:
        return None if same.max() + 1 == len(images) else same.astype(np.int64)
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    _, given = np.unique(groups.astype(str), return_inverse=True)
    # A graph of groups and pixels: what hangs together through either stays together.
    num_groups, num_images = given.max() + 1, same.max() + 1
    links = coo_array(
        (np.ones(len(images), bool), (given, num_groups + same)),
        shape=(num_groups + num_images,) * 2,
    )
    _, component = connected_components(links, directed=False)
    return np.unique(component[given], return_inverse=True)[1].astype(np.int64)


def hold_out_groups(
    images: np.ndarray, labels: np.ndarray, groups: np.ndarray, *, share: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Splits whole groups off, so that each class comes near to its share.

    Groups are gone through in an order drawn by content; one is held out, or put back, if that
    brings the class counts nearer to their shares. A class then without an image on a side gets its
    smallest group that leaves the other side some.

    Args:
        images: `(N, ...)`.
        labels: Integers `(N,)`, K different ones.
        groups: int64 `(N,)` in 0..G-1.
        share: Which share in (0, 1) to hold out.
        seed: Another seed holds out other groups.

    Returns:
        Indices of what stays and of what is held out, int64, each ascending. The same images
        are held out however they are ordered.

    Raises:
        InputError: If a class is in one group only.
    """
    classes, counts = count_classes(images, labels)
    num_groups, num_classes = int(groups.max()) + 1, len(counts)
    order = shuffle_by_content(images, labels, derive_seed(seed, "hold_out_groups"))
    _, first = np.unique(groups[order], return_index=True)
    turns = groups[order][np.sort(first)]  # Groups in order of their first image.
    by_group = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[by_group], np.arange(num_groups + 1))

    def count(group: int) -> np.ndarray:
        rows = by_group[starts[group] : starts[group + 1]]
        return np.bincount(classes[rows], minlength=num_classes)

    target, weight = share * counts, 1 / counts
    held, is_held = np.zeros(num_classes), np.zeros(num_groups, bool)
    # A group that was welcome early may be too much later, so all are asked again.
    for _ in range(_ROUNDS):
        before = held
        for group in turns.tolist():
            moved = held - count(group) if is_held[group] else held + count(group)
            if (weight * (moved - target) ** 2).sum() < (weight * (held - target) ** 2).sum():
                held, is_held[group] = moved, not is_held[group]
        if held is before:
            break
    _repair(held, is_held, turns, count, counts, labels)
    out = is_held[groups]
    return np.flatnonzero(~out), np.flatnonzero(out)


def _repair(held, is_held, turns, count, counts, labels) -> None:
    """Moves groups until every class has an image on either side."""
    for wanted in (True, False):  # First into the held-out part, then out of it.
        for k in range(len(counts)):
            have = held[k] if wanted else counts[k] - held[k]
            if have >= 1:
                continue
            sign = 1 if wanted else -1
            others = [
                (turn, group, count(group))
                for turn, group in enumerate(turns.tolist())
                if is_held[group] != wanted
            ]
            movable = [
                (int(more.sum()), turn, group, more)
                for turn, group, more in others
                if more[k] and _keeps_all(held, held + sign * more, counts)
            ]
            if not movable:
                raise InputError(
                    f"Label {np.unique(labels)[k]} cannot be on both sides of the test part. "
                    "All its images are in one group (equal pixels count as one), or its "
                    "groups hold all of another class. Give a separate test part, or a "
                    "finer `group`."
                )
            _, _, group, more = min(movable, key=lambda entry: entry[:2])
            held += sign * more
            is_held[group] = wanted


def _keeps_all(before: np.ndarray, after: np.ndarray, counts: np.ndarray) -> bool:
    """Whether no class loses its last image on a side."""
    lost_held = (before >= 1) & (after < 1)
    lost_train = (counts - before >= 1) & (counts - after < 1)
    return not (lost_held | lost_train).any()
