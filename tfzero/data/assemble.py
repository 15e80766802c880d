"""From what a source holds to a data set: a test part held out, one order, one pool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tfzero.common.checks import InputError, check_images
from tfzero.data.collection import Collection, Part, note_set_aside
from tfzero.data.dataset import (
    TEST_SEED,
    ImageData,
    check_counts,
    check_part,
    check_share,
    number_classes,
)
from tfzero.data.groups import hold_out_groups, merge_duplicates, number_groups
from tfzero.data.memory import join_rows
from tfzero.data.names import name_rows
from tfzero.data.splits import digest_rows, hold_out, order_by_content


def from_arrays(
    train_images: np.ndarray,
    train_labels: np.ndarray,
    test_images: np.ndarray | None = None,
    test_labels: np.ndarray | None = None,
    *,
    pool: np.ndarray | None = None,
    class_names: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    name: str = "arrays",
    test_share: float = 0.3,
) -> ImageData:
    """Makes a data set from arrays in memory; their order is kept.

    Args:
        train_images: uint8 in 0..255 or float in 0..1, `(N, H, W, C)`.
        train_labels: Integers 0..K-1, `(N,)`.
        test_images: As `train_images`, `(M, H, W, C)`. None holds out a stratified
            part of the training images.
        test_labels: As `train_labels`, `(M,)`; given if and only if `test_images` is.
        pool: As `train_images`, `(P, H, W, C)`. None takes the training images.
        class_names: K names. None takes "0", "1", ...
        groups: `(N,)`: images of one group are held out together, and are on one side wherever a
            strategy chooses a setting by cross-validation. None groups none.
        name: Safe as a folder name.
        test_share: Share in (0, 1) to hold out where no test images are given.

    Raises:
        InputError: If anything of it does not hold.
    """
    train = check_part(train_images, train_labels, name="train")
    if (test_images is None) != (test_labels is None):
        given, missing = ("labels", "images") if test_images is None else ("images", "labels")
        raise InputError(f"Test {given} came without test {missing}; give both or neither.")
    test = None
    if test_images is not None and test_labels is not None:
        test = check_part(test_images, test_labels, name="test")
    if groups is not None:
        if len(groups) != len(train.images) or test is not None:
            raise InputError(
                f"There are {len(groups)} groups for {len(train.images)} images"
                f"{'' if test is None else ' and a test part'}; expected one a training image, "
                "and no test part."
            )
        train = replace(train, groups=np.array(groups, dtype=object))
    if pool is train_images:
        pool = None
    unlabeled = None
    if pool is not None:
        pool = check_images(pool, name="pool")
        unlabeled = Part(pool, name_rows("pool", len(pool)))
    if class_names is None:
        labels = [part.require_labels() for part in (train, test) if part is not None]
        class_names = number_classes(np.concatenate(labels))
    collection = Collection(
        name=name,
        source=name,
        class_names=tuple(str(each) for each in class_names),
        train=train,
        test=test,
        pool=unlabeled,
    )
    return assemble(collection, test_share=test_share, pool_only=True, keep_order=True)


def assemble(
    collection: Collection,
    *,
    test_share: float = 0.3,
    pool_only: bool = False,
    keep_order: bool = False,
    drop_leaks: bool = False,
    transductive: bool = False,
    balanced: bool = False,
) -> ImageData:
    """Makes a data set; holds a test part out if there is none.

    Args:
        collection: What a source holds.
        test_share: Share in (0, 1).
        pool_only: Whether the pool is the unlabeled images alone; else the training images
            come before them. Without unlabeled images the training images are the pool.
        keep_order: Whether images stay in the order given. Otherwise pixels decide it, so that
            a folder that was copied or renamed gives the same study.
        drop_leaks: Whether training and unlabeled images that equal a test image, and training
            images of a group with test images, are left out.
        transductive: Whether the pool may hold test images, and others of their groups.
        balanced: Whether label subsets have as many images of each class.

    Raises:
        InputError: If a class has too few images, or any rule of `ImageData` is broken.
    """
    check_share(test_share)
    train, test, pool, notes = _separate(
        collection, test_share=test_share, drop_leaks=drop_leaks, transductive=transductive
    )
    if pool is not None and not len(pool.images):
        if pool_only:
            raise InputError(
                f"No unlabeled image of {collection.source} is left to learn from: "
                f"{notes[-1]} Leave --pool-only out, or add images."
            )
        pool = None
    if not keep_order:
        train, test = _in_order(train), _in_order(test)
        pool = None if pool is None else _in_order(pool)
    names = {"train": train.names, "test": test.names}
    images, has_train = train.images, True
    if pool is not None:
        names["pool"] = pool.names
        images, has_train = pool.images, not pool_only
        if has_train:
            images = _join_pool(train.images, pool.images)
    return ImageData(
        name=collection.name,
        pool=images,
        train_images=train.images,
        train_labels=train.require_labels(),
        test_images=test.images,
        test_labels=test.require_labels(),
        class_names=collection.class_names,
        source=collection.source,
        notes=notes,
        names=names,
        pool_has_train=has_train,
        set_aside=collection.set_aside,
        resize=collection.resize,
        sound=collection.sound,
        transductive=transductive,
        balanced=balanced,
        # Numbered last: in the order of the pixels, which names have no part in.
        train_groups=None if train.groups is None else number_groups(train.groups),
    )


def _separate(
    collection: Collection, *, test_share: float, drop_leaks: bool, transductive: bool
) -> tuple[Part, Part, Part | None, tuple[str, ...]]:
    """Returns training, test and unlabeled images that nothing leaks between, and notes."""
    train, test, pool = collection.train, collection.test, collection.pool
    notes = (*note_set_aside(collection.set_aside), *collection.notes)
    if test is None:
        train, test, note = _hold_out(train, collection.class_names, test_share)
        notes += (note,)
    else:
        train, note = _separate_groups(train, test, drop=drop_leaks)
        notes += note
    tested = digest_rows(test.images) if drop_leaks else None
    if tested is not None:
        train, note = _drop_equal(train, tested, "training")
        notes += note
    if not transductive and pool is not None:
        if tested is not None:
            pool, note = _drop_equal(pool, tested, "unlabeled")
            notes += note
        pool, note = _leave_test_groups_out(pool, test)
        notes += note
    return train, test, pool, notes


def _join_pool(train: np.ndarray, pool: np.ndarray) -> np.ndarray:
    """Returns unlabeled images behind those of the training part."""
    check_images(pool, name="pool")
    if pool.shape[1:] != train.shape[1:]:
        raise InputError(
            f"pool has shape {pool.shape} and train_images {train.shape}; "
            "expected the same height, width and channels. Pass --size and --channels."
        )
    return join_rows(train, pool)


def _separate_groups(train: Part, test: Part, *, drop: bool) -> tuple[Part, tuple[str, ...]]:
    """Sees to it that no group is in both parts."""
    if train.groups is None or test.groups is None:
        return train, ()
    both = np.isin(train.groups.astype(str), test.groups.astype(str))
    if not both.any():
        return train, ()
    if not drop:
        shared = sorted(set(train.groups[both].astype(str)))
        raise InputError(
            f"{len(shared)} groups are in both training and test part, for example {shared[0]}; "
            "expected each in one. Let --drop-leaks leave their training images out, or correct "
            "--group."
        )
    note = f"Left out {both.sum()} training images of groups that have test images."
    return train.take(np.flatnonzero(~both)), (note,)


def _leave_test_groups_out(pool: Part, test: Part) -> tuple[Part, tuple[str, ...]]:
    """Leaves unlabeled images of groups out that have test images."""
    if pool.groups is None or test.groups is None:
        return pool, ()
    tested = {str(group) for group in test.groups}
    out = np.array([group is not None and str(group) in tested for group in pool.groups], bool)
    unknown, notes = sum(group is None for group in pool.groups), []
    if out.any():
        notes.append(
            f"Left out {out.sum():,} unlabeled images of groups that have test images; "
            "--transductive keeps them."
        )
    if unknown:
        notes.append(f"{unknown:,} unlabeled images have no group that --group tells, and stay.")
    return pool.take(np.flatnonzero(~out)) if out.any() else pool, tuple(notes)


def _drop_equal(part: Part, tested: np.ndarray, word: str) -> tuple[Part, tuple[str, ...]]:
    """Leaves out what equals a test image, pixel by pixel, by digests of the test images."""
    kept = ~np.isin(digest_rows(part.images), tested)
    if kept.all():
        return part, ()
    note = f"Left out {(~kept).sum()} {word} images that equal a test image."
    return part.take(np.flatnonzero(kept)), (note,)


def _hold_out(
    part: Part, class_names: tuple[str, ...], test_share: float
) -> tuple[Part, Part, str]:
    """Splits a part into training and test images; what belongs together stays together."""
    check_counts("labelled", part.images, part.require_labels(), class_names, least=3,
                 why=", 1 of them for the test part")  # fmt: skip
    images, labels = part.images, part.require_labels()
    groups = merge_duplicates(images, part.groups)
    together = ""
    if groups is None:
        kept, held = hold_out(images, labels, share=test_share, seed=TEST_SEED)
    else:
        kept, held = hold_out_groups(images, labels, groups, share=test_share, seed=TEST_SEED)
        if part.groups is not None:
            together = f", {len(set(groups[held]))} of {groups.max() + 1} groups"
    note = (
        f"No test part: a stratified {100 * test_share:g} % ({len(held)} images{together}) was "
        "held out."
    )
    return part.take(kept), part.take(held), note


def _in_order(part: Part) -> Part:
    return part.take(order_by_content(part.images, part.labels))
