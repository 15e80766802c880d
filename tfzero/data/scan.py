"""What lies in folders: images, clips of sound, folders and the rest."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tfzero.common.checks import InputError
from tfzero.data.clips import is_clip
from tfzero.data.collection import FileList
from tfzero.data.decode import SUFFIXES
from tfzero.data.names import Paths


def list_tree(folder: Path, *, part: str = "pool") -> FileList:
    """Lists the images of a folder and of all in it, sorted; links to folders are not followed.

    Raises:
        InputError: If there is none.
    """
    files = FileList(part=part, root=str(folder), paths=Paths(_walk(folder)))
    if not files.paths:
        raise InputError(
            f"{folder} has no images ({', '.join(sorted(SUFFIXES))}) or clips of sound (.wav); "
            "expected some, in the folder itself or in folders inside."
        )
    return files


def find_train_alone(folder: Path) -> Path | None:
    """Returns the folder `train/` in a folder without `test/`, if it holds classes or a table."""
    subfolders = {name.casefold(): folder / name for name in scan(folder)[0]}
    train = subfolders.get("train")
    if train is None or "test" in subfolders:
        return None
    # A class may well be called "train"; then it holds images, not subfolders.
    return train if scan(train)[0] else None


def holds_images(folder: Path) -> bool:
    """Whether images or clips lie in a folder itself."""
    return bool(scan(folder)[1])


def _walk(folder: Path, place: str = "") -> Iterator[str]:
    """Yields the images of a folder and of all in it, in the order of their paths' characters."""
    for name in Paths.sort(_scan_tree(folder / place)):
        if name.endswith(os.sep):
            yield from _walk(folder, place + name)
        else:
            yield place + name


def _scan_tree(folder: Path) -> Iterator[str]:
    """Yields a folder's images, and with a slash behind them the folders in it."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if not _is_hidden(entry.name):
                    yield entry.name + os.sep
            elif _is_image_name(entry.name) and not _is_folder(entry):
                yield entry.name


def scan(folder: Path) -> tuple[list[str], list[str], list[str]]:
    """Returns the names of subfolders, of images and of all else, each sorted."""
    subfolders, images, others = [], [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            if _is_folder(entry) and not _is_hidden(entry.name):
                subfolders.append(entry.name)
            elif _is_image_name(entry.name) and not _is_folder(entry):
                images.append(entry.name)
            else:
                others.append(entry.name)
    return sorted(subfolders), sorted(images), sorted(others)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder, or a link to one; a link in a circle is a file that is broken."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _is_image_name(name: str) -> bool:
    suffix = os.path.splitext(name)[1].lower()
    return (suffix in SUFFIXES or is_clip(name)) and not _is_hidden(name)
