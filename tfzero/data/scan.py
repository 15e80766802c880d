"""What lies in folders: images, clips of sound, folders and the rest."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tfzero.common.checks import InputError
from tfzero.data.clips import SUFFIX
from tfzero.data.collection import FileList
from tfzero.data.decode import SUFFIXES
from tfzero.data.names import Paths
from tfzero.data.passed_over import HIDDEN, LINK, NO_FILE, NO_IMAGE, READ_ALREADY, PassedOver

# What names of files of images or sound end in.
KNOWN = SUFFIXES | {SUFFIX}


class Contents(NamedTuple):
    """The names of what lies in one folder, each list sorted.

    Attributes:
        folders: Visible folders, and links to folders.
        images: Visible files that are named like images or clips.
        hidden: What is hidden, folders among it.
        others: All else.
    """

    folders: list[str]
    images: list[str]
    hidden: list[str]
    others: list[str]


def list_tree(folder: Path, *, part: str = "pool", beside: Path | None = None) -> FileList:
    """Lists the images of a folder and of all in it; links to folders are followed, each once.

    Args:
        folder: Where to begin.
        part: What the files are.
        beside: A table of the images, which may lie among them and then is not passed over. With
            one there may be no image.

    Raises:
        InputError: If there is none.
    """
    passed_over = PassedOver()
    paths = Paths(find_known(folder, passed_over, beside=beside))
    files = FileList(part=part, root=str(folder), paths=paths, passed_over=passed_over)
    if not files.paths and beside is None:
        raise InputError(
            f"{folder} has no images ({', '.join(sorted(SUFFIXES))}) or clips of sound "
            "(.wav); expected some in the folder or its subfolders."
        )
    return files


def find_known(
    folder: Path, passed_over: PassedOver, *, beside: Path | None = None
) -> Iterator[str]:
    """Yields the images and clips of a folder and of all in it, by their relative paths.

    Args:
        folder: Where to begin; links to folders are followed, each once.
        passed_over: Counts everything else.
        beside: A file that is not counted, or None.
    """
    return iter(_Walk(folder, passed_over, beside))


def find_train_alone(folder: Path) -> Path | None:
    """Returns the folder `train/` in a folder without `test/`, if it holds classes or a table."""
    subfolders = {name.casefold(): folder / name for name in scan(folder).folders}
    train = subfolders.get("train")
    if train is None or "test" in subfolders:
        return None
    # A class may well be called "train"; then it holds images, not subfolders.
    return train if scan(train).folders else None


def holds_images(folder: Path) -> bool:
    """Whether images or clips lie in a folder itself."""
    return bool(scan(folder).images)


class _Walk:
    """Yields the images of a folder and of all in it; those behind links to folders come last.

    Args:
        folder: Where to begin.
        passed_over: Counts what is no image.
        beside: A file that is not counted, or None.
    """

    def __init__(self, folder: Path, passed_over: PassedOver, beside: Path | None = None):
        self.folder, self.passed_over = folder, passed_over
        self.beside = None if beside is None else _identify(beside)
        # Folders by what identifies them: those read, and those around, which links may lead to.
        self.read = {_identify(parent) for parent in folder.resolve().parents}
        self.links: list[str] = []

    def __iter__(self) -> Iterator[str]:
        yield from self._enter("")
        # A folder inside is read by its own path, wherever a link to it lies.
        while self.links:
            link = self.links.pop(0)
            if _identify(self.folder / link) in self.read:
                self.passed_over.add(READ_ALREADY, link.rstrip(os.sep))
            else:
                yield from self._enter(link)

    def _enter(self, place: str) -> Iterator[str]:
        """Yields what lies in a folder, in the order of the characters of the paths."""
        self.read.add(_identify(self.folder / place))
        for name in Paths.sort(self._scan(place)):
            if name.endswith(os.sep):
                yield from self._enter(place + name)
            else:
                yield place + name

    def _is_beside(self, entry: os.DirEntry[str]) -> bool:
        return self.beside is not None and entry.is_file() and _identify(entry) == self.beside

    def _scan(self, place: str) -> Iterator[str]:
        """Yields a folder's images, and with a slash behind them the folders in it."""
        with os.scandir(self.folder / place) as entries:
            for entry in entries:
                if reason := _reason(entry):
                    if reason == NO_IMAGE and self._is_beside(entry):
                        continue
                    pass_over(self.folder, place + entry.name, self.passed_over, reason)
                elif not _is_folder(entry):
                    yield entry.name
                elif entry.is_symlink():
                    self.links.append(place + entry.name + os.sep)
                else:
                    yield entry.name + os.sep


def _identify(folder: str | os.PathLike[str]) -> tuple[int, int]:
    status = os.stat(folder)
    return status.st_dev, status.st_ino


def pass_over(
    folder: Path, path: str, passed_over: PassedOver, reason: str, *, alone: bool = False
) -> None:
    """Counts a file that is not read, or all files in a folder that is not; follows no links.

    Args:
        folder: What the path is relative to.
        path: A file or a folder.
        passed_over: Counts.
        reason: Why it is not read.
        alone: Whether the reason holds for all that lies in it, and not only for images.
    """
    place = folder / path
    if os.path.islink(place) or not os.path.isdir(place):
        own = reason if alone or _is_image_name(place.name) else NO_IMAGE
        if _is_hidden(place.name):
            own = HIDDEN
        elif os.path.isdir(place):
            own = LINK
        passed_over.add(own, path)
        return
    inside = HIDDEN if _is_hidden(place.name) else reason
    try:
        entries = sorted(os.listdir(place))
    except PermissionError:  # what nobody reads keeps no study from starting
        passed_over.add(inside, path)
        return
    for entry in entries:
        pass_over(
            folder, os.path.join(path, entry), passed_over, inside, alone=alone or inside == HIDDEN
        )


def scan(folder: Path) -> Contents:
    """Returns what lies in a folder."""
    found = Contents([], [], [], [])
    with os.scandir(folder) as entries:
        for entry in entries:
            reason = _reason(entry)
            if reason == HIDDEN:
                found.hidden.append(entry.name)
            elif reason:
                found.others.append(entry.name)
            else:
                (found.folders if _is_folder(entry) else found.images).append(entry.name)
    for names in found:
        names.sort()
    return found


def _reason(entry: os.DirEntry[str]) -> str:
    """Returns why an entry is neither a folder to look into nor an image to read, or ""."""
    if _is_hidden(entry.name):
        return HIDDEN
    if _is_folder(entry):
        return ""
    if not _is_image_name(entry.name):
        return NO_IMAGE
    return NO_FILE if _is_special(entry) else ""


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder, or a link to one; a link in a circle is a file that is broken."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_special(entry: os.DirEntry[str]) -> bool:
    """Whether it is a pipe, a socket or a device, of which reading may never end."""
    try:
        return not entry.is_file() and os.path.exists(entry.path)
    except OSError:
        return False


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _is_image_name(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in KNOWN and not _is_hidden(name)
