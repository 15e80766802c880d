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
from tfzero.data.passed_over import HIDDEN, IN_CLASS, NO_FILE, NO_IMAGE, OUTSIDE
from tfzero.data.patterns import find_groups, group_by_pattern
from tfzero.data.scan import KNOWN, Contents, pass_over, scan
from tfzero.data.spelling import compose, find_look_alikes


@dataclass
class Listing:
    """What lies in the folders of one part.

    Attributes:
        files: The images, and what is passed over beside them.
        class_names: In Unicode's form NFC, sorted.
        folders: How each class's folders are spelled, mostly one.
    """

    files: FileList
    class_names: tuple[str, ...] = ()
    folders: dict[str, list[str]] = field(default_factory=dict)


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
    listings, absent = _list_parts(folder, options)
    lists = [listing.files for listing in listings]
    if options.group is not None:
        for files in lists:
            files.groups = group_by_pattern(options.group, files.paths)
        if pool is not None:
            pool.groups = find_groups(options.group, pool.paths)
    notes = _note_spellings(listings)
    names = tuple(display_name(name) for name in listings[0].class_names)
    found = read_files(lists if pool is None else [*lists, pool], options, where=str(folder))
    return Collection(
        name=safe_name(folder.resolve().name),
        source=source,
        class_names=names,
        train=found.parts["train"],
        test=found.parts.get("test"),
        pool=found.parts.get("pool"),
        set_aside=found.set_aside,
        notes=(*notes, *found.notes),
        resize=found.resize,
        pixel_range=options.values,
        extents=found.extents,
        sizes=found.sizes,
        sound=found.sound,
        of_files=True,
        passed_over=found.passed_over,
        absent=absent,
    )


def _list_parts(folder: Path, options: LoadOptions) -> tuple[list[Listing], tuple[str, ...]]:
    """Returns the parts that are there, and the classes that have no folder in one of them."""
    train_folder, test_folder = _find_parts(folder)
    train = _list_classes(folder, train_folder, "train", options)
    if test_folder is None:
        return [train], ()
    test = _list_classes(folder, test_folder, "test", options)
    absent = tuple(
        f'"{display_name(name)}" in {part}'
        for part, these, those in (("test", train, test), ("train", test, train))
        for name in sorted(set(these.class_names) - set(those.class_names))
    )
    if absent and not options.lenient:
        raise _classes_differ(train, test)
    _share_classes(train, test)
    inside = scan(folder)
    for name in sorted(set(os.listdir(folder)) - {train_folder.name, test_folder.name}):
        reason = OUTSIDE if name in inside.folders or name in inside.images else NO_IMAGE
        pass_over(folder, name, train.files.passed_over, reason)
    return [train, test], absent


def _find_parts(folder: Path) -> tuple[Path, Path | None]:
    """Returns the folders that hold the classes for training and, if there is one, for test."""
    subfolders = {name.casefold(): folder / name for name in scan(folder).folders}
    train, test = subfolders.get("train"), subfolders.get("test")
    if train is not None and test is not None:
        return train, test
    # A class may well be called "train"; then it holds images, not subfolders.
    if train is not None and scan(train).folders:
        raise InputError(
            f"{folder} has {train.name}/ but no test/; expected both with the same class "
            f"subfolders, or the class subfolders without them. Add test/, or give {train} "
            "to hold out a part."
        )
    return folder, None


def _share_classes(*listings: Listing) -> None:
    """Numbers the classes of all parts alike."""
    names = tuple(sorted({name for listing in listings for name in listing.class_names}))
    for listing in listings:
        numbers = [names.index(name) for name in listing.class_names]
        listing.files.labels = [numbers[label] for label in listing.files.labels or ()]
        listing.class_names = names


def _list_classes(root: Path, folder: Path, part: str, options: LoadOptions) -> Listing:
    found = scan(folder)
    _check_classes(folder, found)
    prefix = "" if folder == root else folder.name
    files = FileList(part=part, root=str(root), labels=[])
    spelled: dict[str, list[str]] = {}
    for name in found.folders:
        spelled.setdefault(compose(name), []).append(name)
    listing = Listing(files, tuple(sorted(spelled)), spelled)
    for names, reason in ((found.images, OUTSIDE), (found.hidden, HIDDEN), (found.others, None)):
        for name in names:
            _pass(files, os.path.join(prefix, name), reason)
    for label, composed in enumerate(listing.class_names):
        for name in spelled[composed]:
            _add_class(files, os.path.join(prefix, name), label, options)
    if not files.paths:
        raise InputError(
            f"{folder} has no images in its subfolders {_some(found.folders)}; expected at "
            "least 3 images per class. Images in deeper folders are not read. Add images."
        )
    return listing


def _add_class(files: FileList, place: str, label: int, options: LoadOptions) -> None:
    """Adds the images of a class folder; one without any is set aside unless it is laid out so."""
    inside = scan(Path(files.root, place))
    if not inside.images and (inside.folders or options.strict) and not options.lenient:
        hint = " Images in deeper folders are not read." if inside.folders else ""
        raise InputError(
            f"{os.path.join(files.root, place)} has no images; expected at least 3 images "
            f"per class.{hint} Add images or remove the folder."
        )
    files.paths.extend(os.path.join(place, image) for image in inside.images)
    assert files.labels is not None
    files.labels += [label] * len(inside.images)
    for names, reason in (
        (inside.folders, IN_CLASS),
        (inside.hidden, HIDDEN),
        (inside.others, None),
    ):
        for name in names:
            _pass(files, os.path.join(place, name), reason)


def _pass(files: FileList, path: str, reason: str | None) -> None:
    """Counts what is passed over; without a reason it is no image or no file."""
    if reason is None:
        reason = NO_FILE if os.path.splitext(path)[1].lower() in KNOWN else NO_IMAGE
    pass_over(Path(files.root), path, files.passed_over, reason)


def _check_classes(folder: Path, found: Contents) -> None:
    layout = (
        "expected one subfolder of images per class, train/ and test/ with such subfolders, "
        "images with a labels.csv, or the four files of the MNIST family"
    )
    classes, rest = found.folders, len(found.hidden) + len(found.others)
    if not classes and not found.images and not rest:
        raise InputError(f"{folder} is empty; {layout}.")
    if not classes and found.images:
        raise InputError(
            f"{folder} has {len(found.images)} images but no class subfolders; {layout}. "
            "Sort them into subfolders, name their classes in a table (`labels`), or give "
            "them as `pool` of a labelled data set."
        )
    if not classes:
        raise InputError(
            f"{folder} has {rest} files that are not images, and no class subfolders; "
            f"{layout}. Sort the images into class subfolders."
        )
    if len({compose(name) for name in classes}) == 1:
        raise InputError(
            f"{folder} has only one class ({display_name(classes[0])}); expected at least "
            "two. Add another class subfolder, or give the inner folder if it holds the "
            "classes."
        )


def _classes_differ(train: Listing, test: Listing) -> InputError:
    only = [
        f"only in {part}/: {_some(sorted(set(these.class_names) - set(those.class_names)))}"
        for part, these, those in (("train", train, test), ("test", test, train))
        if set(these.class_names) - set(those.class_names)
    ]
    alike = find_look_alikes(sorted({*train.class_names, *test.class_names}))
    hint = f" {' and '.join(map(display_name, alike[0]))} look alike." if alike else ""
    return InputError(
        f"train/ and test/ have different class subfolders ({'; '.join(only)}); "
        f"expected the same.{hint} Rename, add or delete."
    )


def _note_spellings(listings: Sequence[Listing]) -> list[str]:
    """Returns a sentence for each class whose folders differ in Unicode's form only."""
    spelled: dict[str, set[str]] = {}
    for listing in listings:
        for name, folders in listing.folders.items():
            spelled.setdefault(name, set()).update(folders)
    return [
        f'The class "{display_name(name)}" has folders whose names are spelled in '
        f"{len(folders)} Unicode forms; they are read as one class."
        for name, folders in spelled.items()
        if len(folders) > 1
    ]


def _some(names: Sequence[str]) -> str:
    return ", ".join(map(display_name, names[:10])) + (", ..." if len(names) > 10 else "")
