"""A folder with one subfolder of images a class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tfzero._checks import InputError
from tfzero.data.dataset import ImageData, Part, build, safe_name
from tfzero.data.decode import SUFFIXES, Header, decode_image, map_threads, read_header
from tfzero.data.resize import SMALLEST


@dataclass
class _Listing:
    """Image files of one part, sorted, with the folder each stands in."""

    class_names: tuple[str, ...]
    files: list[Path] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    passed_over: list[Path] = field(default_factory=list)


def load_folder(
    folder: Path, *, source: str, test_share: float, size: tuple[int, int] | None
) -> ImageData:
    """Loads `folder/CLASS/*` or `folder/train/CLASS/*` with `folder/test/CLASS/*`.

    Args:
        folder: An existing folder.
        source: What the user gave.
        test_share: Share in (0, 1) to hold out where there is no test part.
        size: (height, width) for all images, or None if they have one size.

    Raises:
        InputError: If the folder is laid out otherwise or an image cannot be used.
    """
    train_folder, test_folder = _find_parts(folder)
    train = _list_classes(train_folder, least=3 if test_folder is None else 2)
    test = None if test_folder is None else _list_classes(test_folder, least=1)
    if test is not None and test.class_names != train.class_names:
        raise _classes_differ(train, test)
    parts = [train] if test is None else [train, test]
    files = [file for part in parts for file in part.files]
    headers = map_threads(read_header, files)
    shape = _common_size(files, headers, folder) if size is None else size
    channels = 1 if all(header.gray for header in headers) else 3
    notes = _note_files(parts, folder, test_folder) + _note_headers(headers, channels, size)
    return build(
        _decode_part(train, (*shape, channels)),
        None if test is None else _decode_part(test, (*shape, channels)),
        class_names=train.class_names,
        name=safe_name(folder.resolve().name),
        source=source,
        test_share=test_share,
        notes=notes,
    )


def _find_parts(folder: Path) -> tuple[Path, Path | None]:
    """Returns the folders that hold the classes for training and, if there is one, for test."""
    subfolders = {path.name.casefold(): path for path in _subfolders(folder)}
    train, test = subfolders.get("train"), subfolders.get("test")
    if train is not None and test is not None:
        return train, test
    # A class may well be called "train"; then it holds images, not subfolders.
    if train is not None and _subfolders(train):
        raise InputError(
            f"{folder} has {train.name}/ but no test/; expected both with the same class "
            f"subfolders, or the classes themselves. Add test/, or give {train} to hold a part out."
        )
    return folder, None


def _subfolders(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.is_dir() and not _is_hidden(path)]


def _is_hidden(path: Path) -> bool:
    return path.name.startswith(".") or path.name == "__MACOSX"


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not _is_hidden(path) and not path.is_dir()


def _list_classes(folder: Path, *, least: int) -> _Listing:
    classes = _subfolders(folder)
    loose = sorted(set(folder.iterdir()) - set(classes))
    _check_classes(folder, classes, loose)
    listing = _Listing(tuple(path.name for path in classes), passed_over=loose)
    for label, path in enumerate(classes):
        entries = sorted(path.iterdir())
        images = [entry for entry in entries if _is_image(entry)]
        if len(images) < least:
            nested = " Images in deeper folders are not looked for." if _subfolders(path) else ""
            raise InputError(
                f"{path} has too few images ({len(images)}); expected at least {least} of each "
                f"class.{nested} Add images or take the folder away."
            )
        listing.files += images
        listing.labels += [label] * len(images)
        listing.passed_over += [entry for entry in entries if not _is_image(entry)]
    return listing


def _check_classes(folder: Path, classes: Sequence[Path], loose: Sequence[Path]) -> None:
    layout = (
        "expected one subfolder of images a class, train/ and test/ with such subfolders, "
        "or the four files of the MNIST family"
    )
    if not classes and not loose:
        raise InputError(f"{folder} is empty; {layout}.")
    if not classes:
        images = sum(_is_image(path) for path in loose)
        what = f"{images} images but" if images else f"{len(loose)} files that are no images, and"
        raise InputError(f"{folder} has {what} no class subfolders; {layout}. Sort them so.")
    if len(classes) == 1:
        raise InputError(
            f"{folder} has only one class ({classes[0].name}); expected at least two. "
            "Add another class subfolder, or give the folder inside if that holds the classes."
        )


def _classes_differ(train: _Listing, test: _Listing) -> InputError:
    only = [
        f"only in {part}/: {', '.join(sorted(set(these.class_names) - set(those.class_names)))}"
        for part, these, those in (("train", train, test), ("test", test, train))
        if set(these.class_names) - set(those.class_names)
    ]
    return InputError(
        f"train/ and test/ have different class subfolders ({'; '.join(only)}); "
        "expected the same. Rename, add or delete."
    )


def _common_size(files: Sequence[Path], headers: Sequence[Header], folder: Path) -> tuple[int, int]:
    sizes = [(header.height, header.width) for header in headers]
    (common, times), *others = Counter(sizes).most_common()
    if others:
        first, second = sizes.index(common), sizes.index(others[0][0])
        pair = " and ".join(
            f"{files[i].relative_to(folder)} ({sizes[i][0]}x{sizes[i][1]})" for i in (first, second)
        )
        raise InputError(
            f"The images of {folder} have {1 + len(others)} different sizes, height x width, for "
            f"example {pair}; expected one. The commonest is {common[0]}x{common[1]} ({times} of "
            f"{len(sizes)} images). Pass --size N to resize all, for example --size {max(common)}."
        )
    if min(common) < SMALLEST:
        raise InputError(
            f"The images of {folder} are {common[0]}x{common[1]} pixels; expected at least 8x8. "
            "Pass --size N to enlarge them."
        )
    return common


def _decode_part(listing: _Listing, shape: tuple[int, int, int]) -> Part:
    size, channels = shape[:2], shape[2]
    images = np.empty((len(listing.files), *shape), np.uint8)

    def fill(row: int) -> None:
        images[row] = decode_image(listing.files[row], channels=channels, size=size)

    map_threads(fill, range(len(images)))
    return images, np.array(listing.labels, np.int64)


def _note_files(parts: Sequence[_Listing], folder: Path, test_folder: Path | None) -> list[str]:
    passed_over = [path for part in parts for path in part.passed_over]
    if test_folder is not None:
        passed_over += [
            p for p in sorted(folder.iterdir()) if p.name.casefold() not in ("train", "test")
        ]
    if not passed_over:
        return []
    example = passed_over[0].relative_to(folder)
    return [
        f"Passed over {len(passed_over)} files or folders that are hidden, no images, or outside "
        f"of the class subfolders, for example {example}."
    ]


def _note_headers(
    headers: Sequence[Header], channels: int, size: tuple[int, int] | None
) -> list[str]:
    total = len(headers)
    resized = sum(size not in (None, (header.height, header.width)) for header in headers)
    gray = sum(header.gray for header in headers) if channels == 3 else 0
    transparent = sum(header.transparent for header in headers)
    deep = sum(header.deep for header in headers)
    goal = "x".join(map(str, size or ()))
    sentences = [
        (resized, f"{resized} of {total} images were resized to {goal}."),
        (gray, f"{gray} of {total} images are gray and were loaded as RGB like the others."),
        (transparent, f"{transparent} of {total} images have transparency and were laid on white."),
        (deep, f"{deep} of {total} images have 16 bits and were scaled to 8."),
    ]
    return [sentence for count, sentence in sentences if count]
