"""A test set drawn at random from images that have no label yet."""

from __future__ import annotations

import numpy as np

from tfzero.common.checks import InputError
from tfzero.common.seeds import derive_seed
from tfzero.data.collection import Part
from tfzero.data.groups import number_groups

# Of groups, such as patients, so many become groups of test images, as where a part is held out.
_SHARE_OF_GROUPS = 0.3


def draw_test(free: Part, count: int, *, labelled: Part | None, seed: int) -> np.ndarray:
    """Draws test images uniformly at random from images without a label.

    Where images belong together, first 30 % of the groups are drawn, more if these have too few
    images, and the test images among theirs. No group of a labelled image is drawn.

    Args:
        free: The unlabeled images, N.
        count: Number of test images.
        labelled: Images that are labelled to train on, or None.
        seed: Random seed.

    Returns:
        int64 `(count,)` rows of `free`, in the order drawn.

    Raises:
        InputError: If there are too few images.
    """
    generator = np.random.default_rng(derive_seed(seed, "test"))
    rows = np.arange(len(free.images))
    if free.groups is not None:
        rows = _draw_groups(free, count, labelled, generator)
    if count > len(rows):
        raise InputError(
            f"`test` is {count}; expected at most {len(rows):,}, the unlabeled images that can "
            "be test images. Choose a smaller number."
        )
    return generator.permutation(rows)[:count]


def _draw_groups(
    free: Part, count: int, labelled: Part | None, generator: np.random.Generator
) -> np.ndarray:
    """Returns the rows of the groups that were drawn, at least `count` if there are so many."""
    groups = name_groups(free)
    known = set() if labelled is None else set(name_groups(labelled).tolist())
    open_rows = np.flatnonzero(~np.isin(groups, list(known)))
    if not len(open_rows):
        return open_rows
    numbers = number_groups(groups[open_rows])
    order = generator.permutation(numbers.max() + 1)
    sizes = np.cumsum(np.bincount(numbers)[order])
    needed = int(np.searchsorted(sizes, count)) + 1
    drawn = order[: max(needed, round(_SHARE_OF_GROUPS * len(order)))]
    return open_rows[np.isin(numbers, drawn)]


def name_groups(part: Part) -> np.ndarray:
    """Returns the group of each image, str `(N,)`; one without a group is its own."""
    assert part.groups is not None
    named = [
        f"group {group}" if group is not None else f"image {part.names[row]}"
        for row, group in enumerate(part.groups)
    ]
    return np.array(named)
