"""The test part of a source that has none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tfzero.data.chosen import require_random
from tfzero.data.collection import Collection, Part
from tfzero.data.groups import hold_out_groups, merge_duplicates, number_groups
from tfzero.data.splits import TEST_SEED, hold_out


def hold_out_test(collection: Collection, *, share: float) -> tuple[Collection, str]:
    """Splits the labelled images into training and test images, if there is no test part yet.

    Equal images, and images of one group, stay on one side. Images that were suggested for
    labelling are never held out, nor what equals them or is of their group.

    Args:
        collection: What a source holds.
        share: Share in (0, 1) to hold out.

    Returns:
        The collection with a test part, and a sentence about what was held out; "" for nothing.

    Raises:
        InputError: If a class cannot be on both sides.
    """
    if collection.test is not None:
        return collection, ""
    part, together = collection.train, ""
    groups = merge_duplicates(part.images, part.groups)
    free, rest = np.arange(len(part.images)), part
    if part.chosen is not None:
        free = _find_free(part, part.chosen, groups, source=collection.source)
        rest = part.take(free)
    images, labels = rest.images, rest.require_labels()
    if groups is None:
        _, held = hold_out(images, labels, share=share, seed=TEST_SEED)
    else:
        groups = number_groups(groups[free])
        _, held = hold_out_groups(images, labels, groups, share=share, seed=TEST_SEED)
        if part.groups is not None:
            together = f", {len(set(groups[held]))} of {groups.max() + 1} groups"
    held = free[held]
    kept = np.setdiff1d(np.arange(len(part.images)), held)
    of = "" if part.chosen is None else " of the images that were not suggested"
    note = (
        f"No test part: a stratified {100 * share:g} %{of} ({len(held)} images{together}) was "
        "held out."
    )
    return replace(collection, train=part.take(kept), test=part.take(held)).add_notes(note), note


def _find_free(
    part: Part, chosen: np.ndarray, groups: np.ndarray | None, *, source: str
) -> np.ndarray:
    """Returns the rows that may be held out: not suggested, nor together with what was.

    Raises:
        InputError: If they are too few.
    """
    free = ~chosen if groups is None else ~np.isin(groups, groups[chosen])
    require_random(part, free, source=source)
    return np.flatnonzero(free)
