"""The check of classes: too small ones are set aside where they can be, else refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tfzero.common.numbers import count_of
from tfzero.data.collection import Collection, Part, SetAside, check_counts
from tfzero.data.passed_over import describe_kinds

# Why an image of a class with too few images is set aside.
SMALL_CLASS = "its class is too small"


def check_classes(collection: Collection, *, strict: bool) -> Collection:
    """Returns what a study can use, with a sentence about what it cannot use.

    Args:
        collection: What a source holds.
        strict: Whether too small classes are refused instead of set aside.

    Raises:
        InputError: If a part must be held out and a class has too few images.
    """
    kept = leave_small_classes_out(collection, strict=strict)
    if kept.test is None:
        labels, why = kept.train.require_labels(), ", 1 of them for the test part"
        check_counts("labelled", kept.train.images, labels, kept.class_names, least=3, why=why)
    return replace(kept, notes=(*note_left(kept), *kept.notes))


def note_left(collection: Collection) -> list[str]:
    """Returns sentences about all that was found and is not used."""
    passed_over = describe_kinds(collection.passed_over)
    sentences = [*note_set_aside(collection.set_aside), passed_over]
    return [sentence for sentence in sentences if sentence]


def note_set_aside(set_aside: Sequence[SetAside]) -> list[str]:
    """Returns a sentence about files that cannot be used, if there are any."""
    aside = [each for each in set_aside if each.reason != SMALL_CLASS]
    if not aside:
        return []
    count = count_of(len(aside), "file")
    return [f"Set aside {count} that cannot be used, for example {aside[0].name}."]


def leave_small_classes_out(collection: Collection, *, strict: bool) -> Collection:
    """Sets classes of files aside that have too few images to be learnt and tested.

    Without a test part a class needs three images; with one, two to train and one to test.

    Args:
        collection: Labels 0..K-1. One that was no files stays as it is.
        strict: Whether to leave the collection as it is; `ImageData` then refuses it.
    """
    if strict or not collection.of_files:
        return collection
    train, test = collection.train, collection.test
    num_classes = len(collection.class_names)
    counts = np.bincount(train.require_labels(), minlength=num_classes)
    small = counts < (3 if test is None else 2)
    if test is not None:
        small |= np.bincount(test.require_labels(), minlength=num_classes) < 1
    if not small.any() or num_classes - small.sum() < 2:
        return collection
    aside = [
        SetAside(name, part.names[row], SMALL_CLASS)
        for name, part in (("train", train), ("test", test))
        if part is not None
        for row in np.flatnonzero(small[part.require_labels()])
    ]
    names = zip(collection.class_names, small, strict=True)
    return replace(
        collection,
        train=_keep_classes(train, ~small),
        test=None if test is None else _keep_classes(test, ~small),
        class_names=tuple(name for name, out in names if not out),
        set_aside=(*collection.set_aside, *aside),
        notes=(*collection.notes, _note_small(collection, small, counts)),
    )


def _keep_classes(part: Part, kept: np.ndarray) -> Part:
    """Returns the images of the classes to keep, which are numbered anew."""
    numbers = np.cumsum(kept) - 1
    rest = part.take(np.flatnonzero(kept[part.require_labels()]))
    return replace(rest, labels=numbers[rest.require_labels()].astype(np.int64))


def _note_small(collection: Collection, small: np.ndarray, counts: np.ndarray) -> str:
    where = "train" if collection.test else "train and test"
    named = [
        f'"{collection.class_names[k]}" ({counts[k]} to {where})' for k in np.flatnonzero(small)[:5]
    ]
    more = ", ..." if small.sum() > 5 else ""
    return (
        f"Left out {small.sum()} of {len(small)} classes with too few images: "
        f"{', '.join(named)}{more}. A class needs 3 images, or 2 to train and 1 to test."
    )
