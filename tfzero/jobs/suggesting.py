"""The choice that `tfzero suggest` makes: test images at random, then images to learn from."""

from __future__ import annotations

import os
import pathlib
from typing import NamedTuple

import numpy as np
from rich.console import Console

from tfzero.common.checks import InputError
from tfzero.common.numbers import count_of
from tfzero.data.collection import Part
from tfzero.data.draw import draw_test, name_groups
from tfzero.data.labelling import Folder
from tfzero.data.memory import join_rows
from tfzero.jobs.suggest_features import Wanted
from tfzero.study.screen import working
from tfzero.transfer.typical import choose_typical, choose_unsure


class Asked(NamedTuple):
    """What to suggest.

    Attributes:
        number: Number of images to label for training.
        test: Number of images to draw at random for a test set; 0 for none.
        features: What images are compared by.
        model: Folder of an exported classifier whose least certain images are wanted, or None.
        seed: Random seed.
    """

    number: int = 50
    test: int = 0
    features: Wanted = Wanted()
    model: pathlib.Path | None = None
    seed: int = 0


class Chosen(NamedTuple):
    """What was chosen.

    Attributes:
        suggested: Images to label for training, in order.
        sizes: Number of images that each one stands for.
        test: Images to label for a test set; None if none was drawn.
        features: Name of the features that images were compared by.
        notes: What was done, in sentences.
        repeats_test: Whether an unlabeled image equals a test image.
        title: What the first images have in common, as a heading of the page.
    """

    suggested: Part
    sizes: list[int]
    test: Part | None
    features: str
    notes: list[str]
    repeats_test: bool
    title: str


def choose_images(pool: pathlib.Path, folder: Folder, asked: Asked, console: Console) -> Chosen:
    """Draws the test images, and then chooses images to label among the rest.

    Args:
        pool: The folder.
        folder: What is in it.
        asked: What to suggest.
        console: For progress.

    Raises:
        InputError: If there are too few images.
    """
    free, test, notes = folder.free, None, []
    if asked.test:
        rows = draw_test(free, asked.test, labelled=folder.labelled, seed=asked.seed)
        test, free = free.take(rows), free.take(np.setdiff1d(np.arange(len(free.images)), rows))
        notes.append(f"Drew {count_of(asked.test, 'test image')} uniformly at random.")
    tests = [part for part in (folder.test, test) if part is not None]
    repeats = any(np.isin(free.digests, part.digests).any() for part in tests)
    open_rows, more = _find_open(free, folder.labelled, tests)
    free, notes = free.take(open_rows), [*notes, *more]
    _require_enough(pool, asked, len(free.images))
    if asked.model is None:
        suggested, sizes, features, said = _choose_typical(free, folder, asked, console)
        title = "Label these first: each is typical, and unlike the others"
    else:
        suggested, sizes, features, said = _choose_unsure(pool, free, asked, console)
        title = "Label these next: the model is least certain of them"
    return Chosen(suggested, sizes, test, features, [*notes, *said], repeats, title)


def _find_open(
    free: Part, labelled: Part | None, tests: list[Part]
) -> tuple[np.ndarray, list[str]]:
    """Returns the rows that may be suggested: one of each picture, and none of a test group."""
    notes = []
    is_open = np.zeros(len(free.images), bool)
    is_open[np.unique(free.digests, return_index=True)[1]] = True
    for part in [*tests, *([] if labelled is None else [labelled])]:
        is_open &= ~np.isin(free.digests, part.digests)
    if copies := int((~is_open).sum()):
        notes.append(f"{count_of(copies, 'image')} repeat another one and are not suggested.")
    if free.groups is not None and tests:
        groups = name_groups(free)
        tested = np.concatenate([name_groups(part) for part in tests])
        out = np.isin(groups, tested)
        notes.append(
            f"{count_of(int((is_open & out).sum()), 'image')} are of groups with test images and "
            "are not suggested."
        )
        is_open &= ~out
    return np.flatnonzero(is_open), notes


def _require_enough(pool: pathlib.Path, asked: Asked, count: int) -> None:
    if asked.number > count:
        after = f" after drawing {asked.test:,} test images" if asked.test else ""
        raise InputError(
            f"`number` is {asked.number}, but {pool} has {count:,} different unlabeled images"
            f"{after}. Choose a smaller number, or add images."
        )


def _choose_typical(free: Part, folder: Folder, asked: Asked, console: Console):
    images, labelled = free.images, folder.labelled
    if labelled is not None:
        # Each picture once: typical is what has many neighbours, not many copies.
        first = np.unique(labelled.digests, return_index=True)[1]
        labelled = labelled.take(np.sort(first))
        images = join_rows(images, labelled.images)
    features, places = asked.features.place(images, seed=asked.seed, console=console)
    with working(console, "Clustering ..."):
        found = choose_typical(
            places,
            asked.number,
            labelled=np.arange(len(free.images), len(images)),
            seed=asked.seed,
        )
    covered = "" if labelled is None else f" Labels exist for {len(labelled.images):,} images."
    said = (
        f"Suggested {count_of(asked.number, 'image')}: the most typical of {found.clusters:,} "
        f"clusters, largest clusters first.{covered}"
    )
    return free.take(found.rows), found.sizes.tolist(), features, [said]


def _choose_unsure(pool: pathlib.Path, free: Part, asked: Asked, console: Console):
    from tfzero.export.answers import best_score
    from tfzero.export.predict import predict_files

    assert asked.model is not None
    skipped: list[str] = []
    with working(console, "Predicting the unlabeled images ..."):
        paths = [os.path.join(pool, name) for name in free.names]
        predictions = predict_files(asked.model, paths, skipped=skipped)
    scores = {str(one.path): best_score(one) for one in predictions}
    rows = np.array([row for row, path in enumerate(paths) if path in scores], np.int64)
    notes = []
    if skipped:
        notes.append(f"The model cannot use {count_of(len(skipped), 'image')}. {skipped[0]}")
    free = free.take(rows)
    _require_enough(pool, asked, len(free.images))
    confidence = np.array([scores[paths[row]] for row in rows])
    features, places = asked.features.place(free.images, seed=asked.seed, console=console)
    with working(console, "Clustering ..."):
        found = choose_unsure(places, confidence, asked.number, seed=asked.seed)
    least = confidence[found.rows]
    notes.append(
        f"Suggested {count_of(asked.number, 'image')} that the model is unsure of and that are "
        f"unlike each other. Its best scores there are {least.min():.2f} to {least.max():.2f}."
    )
    return free.take(found.rows), found.sizes.tolist(), features, notes
