"""Images as a source gives them, before anything is held out, ordered or refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from tfzero.common.checks import InputError, check_labels
from tfzero.common.pixels import Extent, Extents, PixelRange, require_clear, write_range
from tfzero.data.digests import digest_rows, order_by_content
from tfzero.data.logmel import LogMel
from tfzero.data.memory import take_rows
from tfzero.data.names import Names, PagedNames, Paths, display_name, name_rows
from tfzero.data.passed_over import Kind, PassedOver


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
        chosen: bool `(N,)`: which images were suggested for labelling instead of drawn at random;
            None if none was.
    """

    images: np.ndarray
    names: Names
    labels: np.ndarray | None = None
    groups: np.ndarray | None = None
    chosen: np.ndarray | None = None

    def require_labels(self) -> np.ndarray:
        """Returns the labels of a part that must have some."""
        assert self.labels is not None
        return self.labels

    @cached_property
    def digests(self) -> np.ndarray:
        """A hash of each image's pixels, uint64 `(N,)`."""
        return digest_rows(self.images)

    def take(self, rows: np.ndarray) -> Part:
        """Returns the part with these rows, in this order."""
        return Part(
            images=take_rows(self.images, rows),
            names=self.names[rows],
            labels=None if self.labels is None else self.labels[rows],
            groups=None if self.groups is None else self.groups[rows],
            chosen=None if self.chosen is None else self.chosen[rows],
        )

    def in_order(self) -> Part:
        """Returns the part in an order that pixels and labels decide."""
        return self.take(order_by_content(self.images, self.labels))

    def without(self, other: Part) -> Part:
        """Returns the part without the images that equal one of another part, pixel by pixel."""
        kept = ~np.isin(self.digests, other.digests)
        return self if kept.all() else self.take(np.flatnonzero(kept))


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
        pixel_range: The values of black and white, where somebody said them.
        extents: What values pixels have, before anything was done to them; none for sound.
        sizes: How often each (height, width) occurs among files; empty for arrays.
        sound: How clips of sound became images; None for images.
        of_files: Whether each image was a file, so that too small classes can be set aside.
        keep_order: Whether the images stay in the order given. Otherwise pixels decide it, so that
            a folder that was copied or renamed gives the same study.
        passed_over: What lies beside the images and was not read.
        absent: Classes that have no folder in a part, as in '"cat" in test'.
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
    pixel_range: PixelRange | None = None
    extents: tuple[Extent, ...] = ()
    sizes: Mapping[tuple[int, int], int] = field(default_factory=dict)
    sound: LogMel | None = None
    of_files: bool = False
    keep_order: bool = False
    passed_over: tuple[Kind, ...] = ()
    absent: tuple[str, ...] = ()

    def parts(self) -> dict[str, Part]:
        """Returns the parts that are there, by name."""
        named = {"train": self.train, "test": self.test, "pool": self.pool}
        return {name: part for name, part in named.items() if part is not None}

    def in_order(self) -> Collection:
        """Returns the images in an order that nothing but their pixels and labels decides."""
        if self.keep_order:
            return self
        return replace(self, **{name: part.in_order() for name, part in self.parts().items()})

    def with_values(
        self, seen: Extents, pixel_range: PixelRange | None, *, where: str, lenient: bool
    ) -> Collection:
        """Returns the collection with the values that its pixels had, and a note on their scaling.

        Args:
            seen: The values of all its images.
            pixel_range: What black and white are, where somebody said it.
            where: What the error messages call the data set.
            lenient: Whether ambiguous values are let through.

        Raises:
            InputError: If they are ambiguous.
        """
        extents = judge_values(seen, pixel_range, where=where, lenient=lenient)
        found = replace(self, pixel_range=pixel_range, extents=extents)
        return found.add_notes(*note_values(extents, pixel_range))

    def add_notes(self, *notes: str) -> Collection:
        """Returns the collection with more sentences about what was done."""
        return replace(self, notes=(*self.notes, *notes))


def label_part(name: str, images: np.ndarray, labels: np.ndarray) -> Part:
    """Returns a part of images that came without names."""
    return Part(images, name_rows(name, len(images)), labels)


def check_part(images: np.ndarray, labels: np.ndarray, *, name: str) -> Part:
    """Returns images uint8 `(N, H, W, C)` with their labels, as int64 `(N,)`.

    Raises:
        InputError: If the labels have another form.
    """
    labels = check_labels(labels, count=len(images), name=f"{name}_labels")
    return label_part(name, images, labels)


def judge_values(
    seen: Extents, pixel_range: PixelRange | None, *, where: str, lenient: bool
) -> tuple[Extent, ...]:
    """Returns what values a whole data set has.

    Args:
        seen: The values of all its images.
        pixel_range: What black and white are, where somebody said it.
        where: What the error messages call the data set.
        lenient: Whether ambiguous ones are let through.

    Raises:
        InputError: If they are ambiguous.
    """
    if not lenient:
        require_clear(seen, pixel_range, where=where)
    return tuple(seen)


def note_values(extents: tuple[Extent, ...], pixel_range: PixelRange | None) -> list[str]:
    """Returns what became of pixels, in a sentence if there was anything to decide."""
    if pixel_range is None:
        return []
    found = " and ".join(extent.describe() for extent in extents)
    return [f"Pixels are {found}; {write_range(*pixel_range)} became 0..255."] if found else []


def number_classes(labels: np.ndarray) -> list[str]:
    """Names classes 0..K-1 by their numbers.

    Raises:
        InputError: If the labels cannot be such numbers.
    """
    largest = int(labels.max())
    if largest >= len(labels):
        raise InputError(
            f"The labels reach {largest} with only {len(labels)} images; expected 0..K-1. "
            "Number the classes first, for example with numpy.unique(..., return_inverse=True)."
        )
    return [str(label) for label in range(largest + 1)]


def check_counts(
    part: str,
    images: np.ndarray,
    labels: np.ndarray,
    class_names: tuple[str, ...],
    *,
    least: int,
    why: str = "",
) -> None:
    """Refuses labels of another form, or a class with fewer than `least` images.

    Raises:
        InputError: If so; `why` stands behind the number.
    """
    if not isinstance(labels, np.ndarray) or labels.dtype != np.int64:
        what = getattr(labels, "dtype", type(labels).__name__)
        raise InputError(f"The {part} labels have type {what}; expected an int64 array.")
    check_labels(labels, count=len(images), name=f"{part} labels")
    if labels.max() >= len(class_names):
        raise InputError(
            f"The {part} labels reach {labels.max()}; expected 0..{len(class_names) - 1} for "
            f"{len(class_names)} classes. Number the classes from 0 or name them all."
        )
    counts = np.bincount(labels, minlength=len(class_names))
    few = int(np.argmin(counts))
    if counts[few] < least:
        images_word = "image" if counts[few] == 1 else "images"
        raise InputError(
            f'Class "{class_names[few]}" has {counts[few]} {part} {images_word}; expected at '
            f"least {least}{why}. Add images, leave the class out, or change the share of "
            "the test part."
        )


@dataclass(frozen=True, eq=False)
class Images:
    """Files that became images.

    Attributes:
        parts: Images by the part's name.
        set_aside: Files that could not be used.
        notes: What was done, in sentences.
        sizes: How often each (height, width) occurs among readable files; empty for clips.
        extents: What values pixels have as the files hold them; none for clips.
        resize: How images of another shape were brought to one.
        sound: How clips of sound became images; None for images.
        passed_over: What lies beside the files and was not read.
    """

    parts: Mapping[str, Part]
    set_aside: tuple[SetAside, ...]
    notes: tuple[str, ...]
    sizes: Mapping[tuple[int, int], int]
    sound: LogMel | None = None
    passed_over: tuple[Kind, ...] = ()
    extents: tuple[Extent, ...] = ()
    resize: str = "stretch"


def refuse_set_aside(
    broken: Sequence[SetAside], usable: Mapping[str, int], *, where: str, strict: bool
) -> None:
    """Refuses files that cannot be used where asked, or where nothing is left to learn from.

    Args:
        broken: Those files.
        usable: How many files of each part can be used.
        where: What the error messages call the source.
        strict: Whether to refuse any.

    Raises:
        InputError: If so.
    """
    learnt = [each for each in broken if each.part == "train"]
    if not strict and not usable.get("train", 1) and learnt:
        broken = learnt
    elif not broken or not (strict or not any(usable.values())):
        return
    more = f" {len(broken) - 1} other files have problems, too." if len(broken) > 1 else ""
    remedy = " `strict=True` refuses them; without it they are set aside." if strict else ""
    raise InputError(f"{where} has a file that cannot be used: {broken[0].reason}{more}{remedy}")


@dataclass
class FileList:
    """Image files of one part, sorted.

    Attributes:
        part: "train", "test" or "pool".
        root: Folder that names are relative to.
        paths: Relative to `root`, as the file system spells them.
        labels: A class number a file, or None for a pool.
        groups: A group a file, None for one of a pool that has none; or None.
        passed_over: What lies beside them and is not read.
        pages: uint32 `(N,)`: which page of its file each is; None where each is a file.
    """

    part: str
    root: str
    paths: Paths = field(default_factory=Paths)
    labels: list[int] | None = None
    groups: Sequence[str | None] | None = None
    passed_over: PassedOver = field(default_factory=PassedOver)
    pages: np.ndarray | None = None

    def names(self) -> Sequence[str]:
        """Returns what the images are called: their paths, perhaps with a page behind them."""
        return self.paths if self.pages is None else PagedNames(self.paths, self.pages)

    def set_aside(self, row: int, reason: str) -> SetAside:
        """Returns that a file cannot be used, in words that any output can hold."""
        return SetAside(self.part, display_name(self.names()[row]), display_name(reason))

    def cut(self, step: int) -> Iterator[list[str]]:
        """Yields the paths, some at a time."""
        for start in range(0, len(self.paths), step):
            yield self.paths[start : start + step]
