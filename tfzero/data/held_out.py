"""The test part of a source that has none."""

from __future__ import annotations

from dataclasses import replace

from tfzero.data.collection import Collection
from tfzero.data.groups import hold_out_groups, merge_duplicates
from tfzero.data.splits import TEST_SEED, hold_out


def hold_out_test(collection: Collection, *, share: float) -> tuple[Collection, str]:
    """Splits the labelled images into training and test images, if there is no test part yet.

    Equal images, and images of one group, stay on one side.

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
    images, labels = part.images, part.require_labels()
    groups = merge_duplicates(images, part.groups)
    if groups is None:
        kept, held = hold_out(images, labels, share=share, seed=TEST_SEED)
    else:
        kept, held = hold_out_groups(images, labels, groups, share=share, seed=TEST_SEED)
        if part.groups is not None:
            together = f", {len(set(groups[held]))} of {groups.max() + 1} groups"
    note = (
        f"No test part: a stratified {100 * share:g} % ({len(held)} images{together}) was held out."
    )
    return replace(collection, train=part.take(kept), test=part.take(held)).add_notes(note), note
