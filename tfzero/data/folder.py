"""Folders: one subfolder of images or WAV files a class, or images without labels."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tfzero.common.checks import InputError
from tfzero.data.collection import Collection, FileList
from tfzero.data.files import read_files
from tfzero.data.names import display_name, safe_name
from tfzero.data.options import LoadOptions
from tfzero.data.patterns import find_groups, group_by_pattern
from tfzero.data.scan import scan


@dataclass
class Listing:
    """What lies in the folders of one part."""

    files: FileList
    class_names: tuple[str, ...] = ()
    passed_over: list[str] = field(default_factory=list)


def load_folder(
    folder: Path, source: str, options: LoadOptions, *, pool: FileList | None = None
) -> Collection:
    """Loads `folder/CLASS/*` or `folder/train/CLASS/*` with `folder/test/CLASS/*`.

    Args:
        folder: An existing folder.
        source: What the user gave.
        options: How files become images.
        pool: Unlabeled files that have to become images of the same form.

    Raises:
        InputError: If the folder is laid out otherwise or no image can be used.
    """
    train_folder, test_folder = _find_parts(folder)
    train = _list_classes(folder, train_folder, "train", lenient=options.lenient)
    test = None
    if test_folder is not None:
        test = _list_classes(folder, test_folder, "test", lenient=options.lenient)
        if test.class_names != train.class_names and not options.lenient:
            raise _classes_differ(train, test)
        _share_classes(train, test)
    listings = [train] if test is None else [train, test]
    lists = [listing.files for listing in listings]
    if options.group is not None:
        for files in lists:
            files.groups = group_by_pattern(options.group, files.paths)
        if pool is not None:
            pool.groups = find_groups(options.group, pool.paths)
    passed_over = _note_passed_over(listings, folder, test_folder)
    found = read_files(lists if pool is None else [*lists, pool], options, where=str(folder))
    return Collection(
        name=safe_name(folder.resolve().name),
        source=source,
        class_names=tuple(display_name(name) for name in train.class_names),
        train=found.parts["train"],
        test=found.parts.get("test"),
        pool=found.parts.get("pool"),
        set_aside=found.set_aside,
        notes=(*passed_over, *found.notes),
        resize=options.resize,
        pixel_range=options.values,
        extents=found.extents,
        sizes=found.sizes,
        sound=found.sound,
        of_files=True,
    )


def _find_parts(folder: Path) -> tuple[Path, Path | None]:
    """Returns the folders that hold the classes for training and, if there is one, for test."""
    subfolders = {name.casefold(): folder / name for name in scan(folder)[0]}
    train, test = subfolders.get("train"), subfolders.get("test")
    if train is not None and test is not None:
        return train, test
    # A class may well be called "train"; then it holds images, not subfolders.
    if train is not None and scan(train)[0]:
        raise InputError(
            f"{folder} has {train.name}/ but no test/; expected both with the same class "
            f"subfolders, or the classes themselves. Add test/, or give {train} to hold a part out."
        )
    return folder, None


def _share_classes(*listings: Listing) -> None:
    """Numbers the classes of all parts alike."""
    names = tuple(sorted({name for listing in listings for name in listing.class_names}))
    for listing in listings:
        numbers = [names.index(name) for name in listing.class_names]
        listing.files.labels = [numbers[label] for label in listing.files.labels or ()]
        listing.class_names = names


def _list_classes(root: Path, folder: Path, part: str, *, lenient: bool) -> Listing:
    classes, images, others = scan(folder)
    _check_classes(folder, classes, images, others)
    prefix = "" if folder == root else folder.name
    files = FileList(part=part, root=str(root), labels=[])
    listing = Listing(
        files, tuple(classes), [os.path.join(prefix, name) for name in images + others]
    )
    for label, name in enumerate(classes):
        nested, images, others = scan(folder / name)
        if not images and not lenient:
            hint = " Images in deeper folders are not looked for." if nested else ""
            raise InputError(
                f"{folder / name} has no images; expected at least 3 of each class.{hint} "
                "Add images or take the folder away."
            )
        place = os.path.join(prefix, name)
        files.paths.extend(os.path.join(place, image) for image in images)
        assert files.labels is not None
        files.labels += [label] * len(images)
        listing.passed_over += [os.path.join(place, other) for other in nested + others]
    return listing


def _check_classes(
    folder: Path, classes: Sequence[str], images: Sequence[str], others: Sequence[str]
) -> None:
    layout = (
        "expected one subfolder of images a class, train/ and test/ with such subfolders, "
        "images with a labels.csv, or the four files of the MNIST family"
    )
    if not classes and not images and not others:
        raise InputError(f"{folder} is empty; {layout}.")
    if not classes and images:
        raise InputError(
            f"{folder} has {len(images)} images but no class subfolders; {layout}. Sort them so, "
            "or give them as `pool` of a labelled data set."
        )
    if not classes:
        raise InputError(
            f"{folder} has {len(others)} files that are no images, and no class subfolders; "
            f"{layout}. Sort them so."
        )
    if len(classes) == 1:
        raise InputError(
            f"{folder} has only one class ({classes[0]}); expected at least two. "
            "Add another class subfolder, or give the folder inside if that holds the classes."
        )


def _classes_differ(train: Listing, test: Listing) -> InputError:
    only = [
        f"only in {part}/: {', '.join(sorted(set(these.class_names) - set(those.class_names)))}"
        for part, these, those in (("train", train, test), ("test", test, train))
        if set(these.class_names) - set(those.class_names)
    ]
    return InputError(
        f"train/ and test/ have different class subfolders ({'; '.join(only)}); "
        "expected the same. Rename, add or delete."
    )


def _note_passed_over(
    listings: Sequence[Listing], folder: Path, test_folder: Path | None
) -> list[str]:
    passed_over = [path for listing in listings for path in listing.passed_over]
    if test_folder is not None:
        inside = sorted(os.listdir(folder))
        passed_over += [name for name in inside if name.casefold() not in ("train", "test")]
    if not passed_over:
        return []
    return [
        f"Passed over {len(passed_over)} files or folders that are hidden, no images, or outside "
        f"of the class subfolders, for example {display_name(passed_over[0])}."
    ]
