"""The pool that methods learn from: unlabeled images, as a rule behind the training images."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tfzero.common.checks import InputError
from tfzero.data.collection import Collection, Part
from tfzero.data.memory import join_rows
from tfzero.data.options import LoadOptions


class Pool(NamedTuple):
    """The images to learn from without labels.

    Attributes:
        images: uint8 `(P, H, W, C)`; the very array of the training images without others.
        unlabeled: The unlabeled images alone, which are its last ones; None without any.
        has_train: Whether it begins with all training images.
        notes: Plain sentences about what was left out.
    """

    images: np.ndarray
    unlabeled: Part | None
    has_train: bool
    notes: tuple[str, ...] = ()


def join_pool(collection: Collection, options: LoadOptions) -> Pool:
    """Makes the pool of the unlabeled images that may be learnt from.

    Args:
        collection: With a test part.
        options: Of which `drop_leaks`, `transductive` and `pool_only` count.

    Raises:
        InputError: If no unlabeled image is left where they alone are the pool, or they have
            another shape than the training images.
    """
    train, test, unlabeled = collection.train, collection.test, collection.pool
    assert test is not None
    notes = []
    if unlabeled is not None and not options.transductive:
        unlabeled, notes = _leave_test_out(unlabeled, test, drop_leaks=options.drop_leaks)
    if unlabeled is None:
        return Pool(train.images, None, True)
    if not len(unlabeled.images):
        if options.pool_only:
            reason = [*collection.notes, *notes][-1]
            raise InputError(
                f"{collection.source} leaves no unlabeled image to learn from: {reason} "
                "Leave `pool_only` out, or add images."
            )
        return Pool(train.images, None, True, tuple(notes))
    if options.pool_only:
        return Pool(unlabeled.images, unlabeled, False, tuple(notes))
    images = _join(train.images, unlabeled.images)
    return Pool(images, unlabeled, True, tuple(notes))


def _leave_test_out(pool: Part, test: Part, *, drop_leaks: bool) -> tuple[Part, list[str]]:
    """Leaves out images of groups that have test images and, if asked, what equals a test image."""
    notes = []
    if drop_leaks:
        before, pool = len(pool.images), pool.without(test)
        if dropped := before - len(pool.images):
            notes.append(f"Left out {dropped} unlabeled images that equal a test image.")
    if pool.groups is None or test.groups is None:
        return pool, notes
    tested = {str(group) for group in test.groups}
    out = np.array([group is not None and str(group) in tested for group in pool.groups], bool)
    unknown = sum(group is None for group in pool.groups)
    if out.any():
        notes.append(
            f"Left out {out.sum():,} unlabeled images of groups that have test images; "
            "`transductive=True` keeps them."
        )
    if unknown:
        notes.append(f"For {unknown:,} unlabeled images `group` gives no group; they are kept.")
    return pool.take(np.flatnonzero(~out)) if out.any() else pool, notes


def _join(train: np.ndarray, pool: np.ndarray) -> np.ndarray:
    if pool.shape[1:] != train.shape[1:]:
        wrong = [pool.shape[1:3] != train.shape[1:3], pool.shape[3] != train.shape[3]]
        named = zip(("`size`", "`channels`"), wrong, strict=True)
        remedy = " and ".join(name for name, differs in named if differs)
        raise InputError(
            f"pool has shape {pool.shape} and train_images {train.shape}; expected the same "
            f"height, width and channels. Use {remedy}."
        )
    return join_rows(train, pool)
