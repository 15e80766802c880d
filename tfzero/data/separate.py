"""What training images share with a test part that the source has: groups and equal images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tfzero.common.checks import InputError
from tfzero.data.collection import Collection, Part


def separate(collection: Collection, *, drop_leaks: bool) -> Collection:
    """Returns training images of no group of the test part and, if asked, equal to none of it.

    Without a test part there is nothing to do: what is held out keeps both together.

    Args:
        collection: What a source holds.
        drop_leaks: Whether training images that equal a test image, or are of a group that has
            test images, are left out.

    Raises:
        InputError: If a group is in both parts, and its images are not to be left out.
    """
    train, test = collection.train, collection.test
    if test is None:
        return collection
    train, notes = _separate_groups(train, test, drop=drop_leaks)
    if drop_leaks:
        before, train = len(train.images), train.without(test)
        if dropped := before - len(train.images):
            notes.append(f"Left out {dropped} training images that equal a test image.")
    return replace(collection, train=train).add_notes(*notes)


def _separate_groups(train: Part, test: Part, *, drop: bool) -> tuple[Part, list[str]]:
    """Ensures that no group is in both parts."""
    if train.groups is None or test.groups is None:
        return train, []
    both = np.isin(train.groups.astype(str), test.groups.astype(str))
    if not both.any():
        return train, []
    if not drop:
        shared = sorted(set(train.groups[both].astype(str)))
        raise InputError(
            f"{len(shared)} groups are in both the training and the test part, for example "
            f"{shared[0]}; expected each group in one part. Use `drop_leaks=True` to leave "
            "their training images out, or correct `group`."
        )
    note = f"Left out {both.sum()} training images of groups that have test images."
    return train.take(np.flatnonzero(~both)), [note]
