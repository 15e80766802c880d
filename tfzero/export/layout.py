"""Where the files of an export lie, and how a version appears all at once."""

from __future__ import annotations

import contextlib
import errno
import filecmp
import os
import pathlib
import re
import shutil
import tempfile
import time
from collections.abc import Iterator

from tfzero.common.checks import InputError

GRAPH_FILE = "saved_model.pb"
STAGING_PREFIX = ".staging-"
# A small export takes seconds; whatever is an hour old was left by a killed process.
STALE_SECONDS = 3600
# Another exporter can win the race for a number this often before we suspect something else.
_MOST_RACES = 100
# Letters of a path that make TensorFlow take it for a pattern.
_PATTERN = re.compile(r"[\[\]*?\\]")
# What rename says when the number is taken: by a folder with content, or by a file.
_TAKEN = {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}


def list_versions(base: pathlib.Path) -> list[pathlib.Path]:
    """Returns what has an integer name in `base`, smallest number first."""
    if not base.is_dir():
        return []
    named = [entry for entry in base.iterdir() if re.fullmatch(r"[0-9]+", entry.name)]
    return sorted(named, key=lambda entry: int(entry.name))


def find_version(directory: str | os.PathLike) -> pathlib.Path:
    """Returns the SavedModel folder that `directory` means.

    Args:
        directory: `.../NAME`, of which the newest version is taken, or `.../NAME/3`.

    Raises:
        InputError: If there is no such folder or no SavedModel in it.
    """
    path = pathlib.Path(directory)
    if not path.is_dir():
        raise InputError(
            f"{path} is {'a file' if path.exists() else 'not there'}; expected a folder NAME "
            "with versions in it, or one version such as NAME/1, written by "
            "export_savedmodel."
        )
    if (path / GRAPH_FILE).is_file():
        return path
    versions = [entry for entry in list_versions(path) if (entry / GRAPH_FILE).is_file()]
    if not versions:
        found = ", ".join(sorted(entry.name for entry in path.iterdir())[:5]) or "nothing"
        raise InputError(
            f"{path} holds no SavedModel (found: {found}); expected {GRAPH_FILE} in it, or "
            "folders 1, 2, ... that contain one. Write one with export_savedmodel."
        )
    return versions[-1]


def list_files(root: pathlib.Path) -> list[str]:
    """Returns the files below `root` as sorted relative POSIX paths."""
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def same_files(first: pathlib.Path, second: pathlib.Path) -> bool:
    """Whether two versions hold the same files, byte for byte."""
    names = list_files(first)
    return names == list_files(second) and all(
        filecmp.cmp(first / name, second / name, shallow=False) for name in names
    )


@contextlib.contextmanager
def open_staging(base: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields a private folder in `base` that servers overlook and that vanishes at the end."""
    if (base / GRAPH_FILE).exists():
        raise InputError(
            f"{base} is itself a SavedModel; expected the folder that holds the versions. "
            f"Give {base.parent}."
        )
    try:
        base.mkdir(parents=True, exist_ok=True)
        _sweep_stale(base)
        staging = pathlib.Path(tempfile.mkdtemp(prefix=STAGING_PREFIX, dir=base))
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise
        raise InputError(
            f"Cannot write to {base}: {error.strerror}. Give a writable folder."
        ) from error
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


@contextlib.contextmanager
def plain_path(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields a path to a folder that TensorFlow takes literally, for as long as the block runs.

    TensorFlow reads the path of a SavedModel as a pattern: it finds no weights below a folder
    "a[1]". Such a folder gets a link beside it in the folder for temporary files.

    Raises:
        InputError: If the folder for temporary files has such a name, too.
    """
    if not _PATTERN.search(str(folder)):
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="tfzero-") as place:
        if _PATTERN.search(place):
            raise InputError(
                f"TensorFlow cannot read {folder}: it treats brackets, stars, question marks "
                f"and backslashes in a path as a pattern. A link to it in {place} did not "
                "help. Rename the folder, or name another one in the environment variable "
                "TMPDIR."
            )
        link = pathlib.Path(place, "model")
        link.symlink_to(folder.resolve(), target_is_directory=True)
        yield link


def publish(staged: pathlib.Path, base: pathlib.Path) -> pathlib.Path:
    """Moves a finished version to the next number in `base`, all at once.

    Args:
        staged: The finished version, on the file system of `base`.
        base: Where the versions lie.

    Returns:
        The published folder, or the newest one if that already holds the same files.

    Raises:
        RuntimeError: If every number that was tried had just been taken.
    """
    _settle(staged)
    for _ in range(_MOST_RACES):
        versions = list_versions(base)
        if versions and same_files(versions[-1], staged):
            return versions[-1]
        target = base / str(int(versions[-1].name) + 1 if versions else 1)
        try:
            # Never make `target` first: rename replaces an empty folder without a word.
            os.rename(staged, target)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
            continue
        try:
            _sync(base)
        except OSError:
            # An export that failed leaves no version: it may be gone after a loss of power.
            with contextlib.suppress(OSError):
                os.rename(target, staged)
            raise
        return target
    raise RuntimeError(
        f"Other processes took {_MOST_RACES} version numbers in {base} one after the other."
    )


def _sweep_stale(base: pathlib.Path) -> None:
    """Removes what killed exporters left behind."""
    for entry in base.glob(STAGING_PREFIX + "*"):
        with contextlib.suppress(OSError):  # another exporter may be sweeping, too
            if time.time() - entry.stat().st_mtime > STALE_SECONDS:
                shutil.rmtree(entry, ignore_errors=True)


def _settle(root: pathlib.Path) -> None:
    """Makes a tree readable for all and puts it on the disk."""
    for path in sorted([root, *root.rglob("*")], reverse=True):  # a folder after its content
        path.chmod(0o755 if path.is_dir() else 0o644)
        _sync(path)


def _sync(path: pathlib.Path) -> None:
    """Waits until a file or folder is on the disk."""
    if os.name == "nt" and path.is_dir():  # Windows opens no folder
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
