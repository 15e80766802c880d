"""Images that were chosen for labelling: how a table tells of them, and what it means for tests.

Chosen images are not a random sample. They are good to train on, but a test on them misleads. So
`tfzero suggest` marks them in the column `chosen` of the table that it writes, and no test part is
held out of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from tfzero.common.checks import InputError
from tfzero.common.numbers import count_of
from tfzero.data.collection import Part

COLUMN = "chosen"
# What the column says of an image that was suggested, and of one that was drawn for a test set.
SUGGESTED, AT_RANDOM = "suggested", "random"


def read_marks(rows: Iterable[Mapping[str, str]]) -> list[str]:
    """Returns what the rows of a table say of their images: `SUGGESTED`, `AT_RANDOM` or else."""
    return [
        next((row[name] for name in row if name.casefold() == COLUMN), "").casefold()
        for row in rows
    ]


def mark_rows(names: Iterable[str], chosen: frozenset[str], *, paged: bool) -> np.ndarray | None:
    """Returns which images of a part were chosen, bool `(N,)`; None if none was.

    Args:
        names: Of the part's images.
        chosen: Names of the files that were.
        paged: Whether names may have a page behind them, as in "a.tif[2]".
    """
    if not chosen:
        return None
    rows = np.array(
        [name in chosen or (paged and name.rpartition("[")[0] in chosen) for name in names], bool
    )
    return rows if rows.any() else None


def note_chosen(count: int, total: int) -> str:
    """Returns what a study's claims mean if its training labels were chosen."""
    which = f"All {total:,}" if count == total else f"{count:,} of {total:,}"
    return (
        f"{which} labelled training images were suggested, not drawn at random. Every seed draws "
        "its label subsets from them. So the accuracies hold for labels that are chosen this way. "
        "With labels drawn at random they are often lower."
    )


def note_unlabelled_tests(count: int, total: int, *, table: object) -> list[str]:
    """Returns a sentence about test images that were drawn and have no label, if there are any.

    Args:
        count: How many there are.
        total: How many test images the table has.
        table: Its name, for messages.

    Raises:
        InputError: If no test image has a label.
    """
    if not count:
        return []
    if count == total:
        raise InputError(
            f"{table} marks {count_of(count, 'image')} as test images, but none of them has a "
            "label; expected a label for each. Fill in their labels."
        )
    return [
        f"{count:,} of {total:,} test images have no label. They are neither tested on nor learned "
        "from. Label them all: those without a label are often the difficult ones, and without "
        "them the accuracy is too high."
    ]


def require_random(part: Part, free: np.ndarray, *, source: str) -> None:
    """Refuses to hold a test part out of labelled images too few of which were drawn at random.

    Args:
        part: The labelled images, of which some were chosen.
        free: bool `(N,)`: which may be held out.
        source: What the user gave.

    Raises:
        InputError: If a class has fewer than two images that may be held out.
    """
    labels, chosen = part.require_labels(), part.chosen
    assert chosen is not None
    counts = np.bincount(labels[free], minlength=int(labels.max()) + 1)
    if counts[np.unique(labels)].min() >= 2:
        return
    which = f"all {len(labels):,} labelled images were suggested"
    if rest := len(labels) - int(chosen.sum()):
        which = (
            f"{int(chosen.sum()):,} of the {len(labels):,} labelled images were suggested, and the "
            f"other {rest:,} do not have two of every class"
        )
    raise InputError(
        f"{source} has no test images, and none can be held out: {which}. Suggested images are not "
        "a random sample, so a test on them would mislead. Draw a test set with "
        "`tfzero.suggest(test=100)`, and label it."
    )
