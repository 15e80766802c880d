"""Images as a source gives them, before anything is held out, ordered or refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from tfzero.data.logmel import LogMel
from tfzero.data.memory import take_rows
from tfzero.data.names import Names, Paths, display_name, name_rows

# Why an image of a class with too few images is set aside.
SMALL_CLASS = "its class is too small"


@dataclass(frozen=True)
class Reading:
    """How files and arrays become images of one form.

    Attributes:
        size: (height, width), or None where all have one size.
        channels: 1 for gray, 3 for RGB, None for what they are.
        resize: "stretch", "pad" or "crop".
        strict: Whether what cannot be used is refused instead of set aside.
        group: Column of labels.csv, or pattern in the file's path, that tells what belongs
            together; None if nothing does.
        rate: Samples a second to resample clips of sound to, or None where all have one rate.
        clip_seconds: What is kept of a clip at most; None chooses by the clips.
        trim_db: How far below its loudest moment a clip's ends are silence; None for the default.
        sound: How clips become images where that is settled, as by those of a target for its
            source; the three above do not count then.
        is_source: Whether it is another data set beside a target, by which size, channels and
            resize are given: where clips cannot follow them, they take what is nearest.
    """

    size: tuple[int, int] | None = None
    channels: int | None = None
    resize: str = "stretch"
    strict: bool = False
    group: str | None = None
    rate: int | None = None
    clip_seconds: float | None = None
    trim_db: float | None = None
    sound: LogMel | None = None
    is_source: bool = False


class SetAside(NamedTuple):
    """Something that was not used, and why."""

    part: str
    name: str
    reason: str


@dataclass(frozen=True, eq=False)
class Part:
    """Images of one part with what is known about each.

    Attributes:
        images: uint8 `(N, H, W, C)`.
        names: N paths relative to the source, or places in an array.
        labels: int64 `(N,)`, or None for a pool.
        groups: `(N,)` of str, None for an image of a pool that has none; or None.
    """

    images: np.ndarray
    names: Names
    labels: np.ndarray | None = None
    groups: np.ndarray | None = None

    def require_labels(self) -> np.ndarray:
        """Returns the labels of a part that must have some."""
        assert self.labels is not None
        return self.labels

    def take(self, rows: np.ndarray) -> Part:
        """Returns the part with these rows, in this order."""
        return Part(
            images=take_rows(self.images, rows),
            names=self.names[rows],
            labels=None if self.labels is None else self.labels[rows],
            groups=None if self.groups is None else self.groups[rows],
        )


@dataclass(frozen=True, eq=False)
class Collection:
    """What a source holds.

    Attributes:
        name: Safe as a folder name.
        source: What the user gave.
        class_names: K names, the labels' meaning.
        train: Labelled images.
        test: Labelled images, or None to hold some of `train` out.
        pool: Unlabeled images, or None.
        set_aside: What was not used.
        notes: Plain sentences about what was done.
        resize: How images of another shape were brought to one.
        sizes: How often each (height, width) occurs among files; empty for arrays.
        sound: How clips of sound became images; None for images.
    """

    name: str
    source: str
    class_names: tuple[str, ...]
    train: Part
    test: Part | None = None
    pool: Part | None = None
    set_aside: tuple[SetAside, ...] = ()
    notes: tuple[str, ...] = ()
    resize: str = "stretch"
    sizes: Mapping[tuple[int, int], int] = field(default_factory=dict)
    sound: LogMel | None = None

    def parts(self) -> dict[str, Part]:
        """Returns the parts that are there, by name."""
        named = {"train": self.train, "test": self.test, "pool": self.pool}
        return {name: part for name, part in named.items() if part is not None}


def label_part(
    name: str, images: np.ndarray, labels: np.ndarray, groups: Sequence[str] | None = None
) -> Part:
    """Returns a part of images that came without names."""
    grouped = None if groups is None else np.array(groups, dtype=object)
    return Part(images, name_rows(name, len(images)), labels, grouped)


def note_set_aside(set_aside: Sequence[SetAside]) -> list[str]:
    """Returns a sentence about files that cannot be used, if there are any."""
    aside = [each for each in set_aside if each.reason != SMALL_CLASS]
    if not aside:
        return []
    return [f"Set aside {len(aside)} files that cannot be used, for example {aside[0].name}."]


def leave_small_classes_out(collection: Collection, *, strict: bool) -> Collection:
    """Sets classes aside that have too few images to be learnt and tested.

    Without a test part a class needs three images; with one, two to train and one to test.

    Args:
        collection: Labels 0..K-1.
        strict: Whether to leave the collection as it is; `ImageData` then refuses it.
    """
    train, test = collection.train, collection.test
    num_classes = len(collection.class_names)
    counts = np.bincount(train.require_labels(), minlength=num_classes)
    small = counts < (3 if test is None else 2)
    if test is not None:
        small |= np.bincount(test.require_labels(), minlength=num_classes) < 1
    if strict or not small.any() or num_classes - small.sum() < 2:
        return collection
    numbers = np.cumsum(~small) - 1
    aside = []

    def keep(name: str, part: Part) -> Part:
        lost = np.flatnonzero(small[part.require_labels()])
        aside.extend(SetAside(name, part.names[row], SMALL_CLASS) for row in lost)
        kept = part.take(np.flatnonzero(~small[part.require_labels()]))
        return replace(kept, labels=numbers[kept.require_labels()].astype(np.int64))

    named = [
        f'"{collection.class_names[k]}" ({counts[k]} to {"train" if test else "train and test"})'
        for k in np.flatnonzero(small)[:5]
    ]
    more = ", ..." if small.sum() > 5 else ""
    note = (
        f"Left out {small.sum()} of {num_classes} classes with too few images: "
        f"{', '.join(named)}{more}. A class needs 3 images, or 2 to train and 1 to test."
    )
    return replace(
        collection,
        train=keep("train", train),
        test=None if test is None else keep("test", test),
        class_names=tuple(
            name for name, out in zip(collection.class_names, small, strict=True) if not out
        ),
        set_aside=(*collection.set_aside, *aside),
        notes=(*collection.notes, note),
    )


@dataclass
class FileList:
    """Image files of one part, sorted.

    Attributes:
        part: "train", "test" or "pool".
        root: Folder that names are relative to.
        paths: Relative to `root`, as the file system spells them.
        labels: A class number a file, or None for a pool.
        groups: A group a file, None for one of a pool that has none; or None.
    """

    part: str
    root: str
    paths: Paths = field(default_factory=Paths)
    labels: list[int] | None = None
    groups: Sequence[str | None] | None = None

    def set_aside(self, row: int, reason: str) -> SetAside:
        """Returns that a file cannot be used, in words that any output can hold."""
        return SetAside(self.part, display_name(self.paths[row]), display_name(reason))

    def cut(self, step: int) -> Iterator[list[str]]:
        """Yields the paths, some at a time."""
        for start in range(0, len(self.paths), step):
            yield self.paths[start : start + step]
