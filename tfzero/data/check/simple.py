"""Checks that need no more than a look: files, sizes, classes, images of one value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tfzero.common.pixels import Extent, PixelRange, find_doubt, is_narrow, write_range
from tfzero.data.check.findings import MOST_EXAMPLES, Example, Finding, Subject, percent, plural
from tfzero.data.classes import SMALL_CLASS
from tfzero.data.collection import SetAside
from tfzero.data.memory import slices
from tfzero.data.passed_over import FRAMES, Kind, describe_kinds
from tfzero.data.scan import KNOWN
from tfzero.data.spelling import find_look_alikes

# From this many times as many images in the largest class as in the smallest, accuracy misleads.
IMBALANCE = 5.0


def check_files(set_aside: Sequence[SetAside]) -> Finding:
    """Names files that cannot be read."""
    broken = [aside for aside in set_aside if aside.reason != SMALL_CLASS]
    if not broken:
        return Finding("files", "fine", "Every image file can be read.")
    return Finding(
        "files",
        "look",
        f"{plural(len(broken), 'file')} cannot be used and {_is(len(broken))} set aside "
        "(never deleted). Replace or remove them; `strict=True` refuses them.",
        count=len(broken),
        names=tuple((aside.name, aside.reason) for aside in broken),
    )


def check_passed_over(kinds: Sequence[Kind]) -> Finding:
    """Says what lies beside the images and is not read, and whether it looks like images."""
    images = [kind for kind in kinds if kind.looks_like_images(KNOWN)]
    if not images:
        sentence = describe_kinds(kinds) or "The folder holds no other files."
        return Finding("passed over", "fine", sentence)
    what = describe_kinds(images).removeprefix("Passed over: ")
    hint = (
        " `pages` sets how pages are used." if any(each.reason == FRAMES for each in images) else ""
    )
    others = describe_kinds(kind for kind in kinds if kind not in images)
    return Finding(
        "passed over",
        "look",
        (
            f"Some files that may be images were not read: {what} Move or rename those that "
            f"belong to the data.{hint}"
        )
        + (f" {others}" if others else ""),
        count=sum(kind.count for kind in images),
    )


def check_names(class_names: Sequence[str]) -> Finding:
    """Looks for classes whose names a person may have meant to be the same."""
    alike = find_look_alikes(class_names)
    if not alike:
        return Finding("names", "fine", "All class names are clearly different.")
    shown = [" and ".join(f'"{name}"' for name in names) for names in alike]
    return Finding(
        "names",
        "look",
        "Some class names differ only in case, spaces, leading zeros or width of "
        f"characters: {_listed(shown)}. They count as different classes. Rename them if they "
        "are one class.",
        count=len(alike),
    )


def check_sizes(
    sizes: Mapping[tuple[int, int], int], *, asked: bool, shape: Sequence[int]
) -> Finding | None:
    """Says whether images have one size, and what becomes of several; None for arrays.

    Args:
        sizes: How often each (height, width) occurs.
        asked: Whether somebody said what size they get.
        shape: Height and width that they got.
    """
    if not sizes:
        return None
    if len(sizes) == 1 or asked:
        [(height, width), *_] = sizes
        many = "one size" if len(sizes) == 1 else f"{len(sizes)} sizes and brought to one"
        return Finding("sizes", "fine", f"Images are of {many}, for example {height}x{width}.")
    (common, times), *_ = sorted(sizes.items(), key=lambda entry: -entry[1])
    return Finding(
        "sizes",
        "look",
        f"Images have {len(sizes):,} different sizes, most often {common[0]}x{common[1]} "
        f"({times:,} of {sum(sizes.values()):,}). This check resized all of them to "
        f"{shape[0]}x{shape[1]}. A study chooses 32, 64, 96 or 128 pixels by its minutes; "
        "`size` sets another size.",
        count=len(sizes),
    )


def check_values(extents: Sequence[Extent], pixel_range: PixelRange | None) -> Finding | None:
    """Says what values pixels have, and whether that tells what is black and what is white.

    None where images were made of sound.
    """
    if not extents:
        return None
    doubts = [find_doubt(extent, pixel_range, where="The data set") for extent in extents]
    if problems := [doubt for doubt in doubts if doubt]:
        return Finding("values", "stop", " ".join(problems), count=len(problems))
    found = " and ".join(extent.describe() for extent in extents)
    scaled = "" if pixel_range is None else f"; {write_range(*pixel_range)} became 0..255"
    if all(is_narrow(extent, pixel_range) for extent in extents):
        return Finding(
            "values",
            "look",
            f"Pixels are {found}{scaled}, so all images have little contrast. If these "
            "values are not black and white, give the right ones with `pixel_range`.",
        )
    return Finding("values", "fine", f"Pixels are {found}{scaled}.")


def check_classes(
    subject: Subject, *, set_aside: Sequence[SetAside] = (), absent: Sequence[str] = ()
) -> Finding:
    """Looks for classes that a part has no folder of, and that are too small.

    Args:
        subject: The images.
        set_aside: What is not used, of which classes that were left out are told.
        absent: Classes that a part has no folder of.
    """
    counts = count_classes(subject)
    names = np.array(subject.class_names, dtype=object)
    if absent:
        return Finding(
            "classes",
            "stop",
            f"Classes without a folder: {_listed(absent)}. A study refuses such data. "
            "Rename, add or delete folders.",
            count=len(absent),
        )
    least = {"train": 2, "test": 1} if "test" in counts else {"train": 3}
    small = sorted(
        {
            f'"{names[k]}" ({of_part[k]} in {part})'
            for part, of_part in counts.items()
            for k in np.flatnonzero(of_part < least[part])
        }
    )
    dropped = {aside.name for aside in set_aside if aside.reason == SMALL_CLASS}
    if small or dropped:
        what = _listed(small) if small else f"{plural(len(dropped), 'image')} of them"
        enough = np.all([of_part >= least[part] for part, of_part in counts.items()], axis=0)
        if small and enough.sum() < 2:
            return Finding(
                "classes",
                "stop",
                f"Classes with too few images: {what}. Fewer than two other classes are "
                "left, so a study refuses the data. A class needs 3 images, or 2 to train "
                "and 1 to test.",
                count=len(small),
            )
        return Finding(
            "classes",
            "look",
            f"Classes with too few images: {what}. A study leaves them out; `strict=True` "
            "refuses them. A class needs 3 images, or 2 to train and 1 to test.",
            count=len(small) or len(dropped),
        )
    return Finding("classes", "fine", f"All {len(names)} classes are in every labelled part.")


def check_balance(subject: Subject) -> Finding:
    """Compares the classes' numbers of training images."""
    counts = count_classes(subject)["train"]
    there = np.flatnonzero(counts)
    most, least = there[counts[there].argmax()], there[counts[there].argmin()]
    ratio = counts[most] / counts[least]
    sentence = (
        f'"{subject.class_names[most]}" has {counts[most]:,} training images and '
        f'"{subject.class_names[least]}" {counts[least]:,}'
    )
    if ratio == 1:
        sentence = f"each has {counts[most]:,} training images"
    if ratio < IMBALANCE:
        return Finding("balance", "fine", f"Classes are of similar size: {sentence}.")
    chance = counts[most] / counts.sum()
    return Finding(
        "balance",
        "look",
        f"Class sizes are uneven: {sentence}. A classifier that always answers the largest "
        f"class scores {percent(chance)} on such images. Read balanced accuracy and macro "
        "F1, too.",
        count=int((counts < counts[most] / IMBALANCE).sum()),
    )


def check_constant(subject: Subject) -> Finding:
    """Looks for images of a single value."""
    sights = []
    total = 0
    for name, part in subject.parts.items():
        for piece in slices(len(part.images), part.images[:1].nbytes):
            pixels = np.asarray(part.images[piece]).reshape(piece.stop - piece.start, -1)
            flat = np.flatnonzero((pixels == pixels[:, :1]).all(axis=1))
            total += len(flat)
            sights += [subject.see(name, row + piece.start) for row in flat[:MOST_EXAMPLES]]
    if not total:
        return Finding("constant", "fine", "No image is blank.")
    return Finding(
        "constant",
        "look",
        f"{plural(total, 'image')} {_is(total)} blank: all pixels are equal. Remove "
        "them, or find out where they come from.",
        count=total,
        examples=tuple(Example((sight,)) for sight in sights[:MOST_EXAMPLES]),
    )


def count_classes(subject: Subject) -> dict[str, np.ndarray]:
    """Returns the number of images a class, for each labelled part."""
    return {
        name: np.bincount(part.labels, minlength=len(subject.class_names))
        for name, part in subject.parts.items()
        if part.labels is not None
    }


def _listed(items: Sequence[str], most: int = 5) -> str:
    return ", ".join(items[:most]) + (f" and {len(items) - most} more" if len(items) > most else "")


def _is(count: int) -> str:
    return "is" if count == 1 else "are"
