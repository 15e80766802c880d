"""Files that appear whole or not at all, so that a kill leaves nothing half-written."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pathlib
import re
import shutil
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from tfzero.common.checks import InputError, StopError
from tfzero.common.version import KEY, stamp

if TYPE_CHECKING:
    import numpy as np

# No file takes as long to write; what is older was left by a killed process.
_STALE_SECONDS = 3600
# What NumPy says of a disk that takes a part of an array.
_CUT_SHORT = re.compile(r"\b\d+ requested and \d+ written\b")
_READ_ONLY = "Choose a writable place, then give the same command again."
# What a system says when it cannot write, and what a person can do about it.
_REMEDIES = {
    errno.ENOSPC: "Free some space, then give the same command again.",
    errno.EDQUOT: "Free some space, then give the same command again.",
    errno.EFBIG: "Choose a disk that takes larger files, then give the same command again.",
    errno.EIO: "The disk may be damaged. Check it, or choose another one. Then give the same "
    "command again.",
    errno.EROFS: _READ_ONLY,
    errno.EACCES: _READ_ONLY,
    errno.EPERM: _READ_ONLY,
}


@contextlib.contextmanager
def sentence_for(path: str | os.PathLike) -> Iterator[None]:
    """Makes an error of the system, in a block that only writes, one sentence about the file.

    Args:
        path: What is written.

    Raises:
        StopError: If the block ends in an error of the system, whichever library reports it.
    """
    try:
        yield
    except (InputError, StopError):
        raise
    except Exception as error:
        number = _find_number(error)
        if number is None:
            raise
        remedy = _REMEDIES.get(number, "Choose another place, then give the same command again.")
        raise StopError(f"Cannot write {path}: {os.strerror(number)}. {remedy}") from error


def _find_number(error: BaseException) -> int | None:
    """Returns the system's number of an error, or of what brought it about; None if it has none."""
    chain: list[BaseException] = []
    following: BaseException | None = error
    # An error can be its own context, further back.
    while following is not None and not any(following is each for each in chain):
        number = getattr(following, "errno", None)
        if isinstance(following, OSError) and isinstance(number, int):
            return number
        if (number := read_number(str(following))) is not None:
            return number
        chain.append(following)
        following = following.__cause__ or following.__context__
    return None


def read_number(text: str) -> int | None:
    """Returns the system's number of the error that a text tells of; None if it tells of none.

    HDF5, TensorFlow and converters say it in words alone, and NumPy how little it could write.
    """
    for known in _REMEDIES:
        if os.strerror(known) in text:
            return known
    return errno.ENOSPC if _CUT_SHORT.search(text) else None


def require_file_place(path: pathlib.Path, *, chosen_by: str) -> None:
    """Refuses, before any work, a path at which no file can be written; the folder must be there.

    Args:
        path: The file, which may be there.
        chosen_by: The argument that decides it.

    Raises:
        InputError: If it is a folder, or lies in none that can be written to.
    """
    if path.is_dir():
        raise InputError(
            f"{path} is a folder; expected the name of a file. Choose another file with "
            f"`{chosen_by}`."
        )
    _require_open(path, path.parent, chosen_by)


def require_free_file(path: pathlib.Path, *, overwrite: bool, chosen_by: str) -> None:
    """Refuses, before any work, a path at which no file can be written, or at which one must stay.

    Args:
        path: The file.
        overwrite: Whether a file at this path may be replaced.
        chosen_by: The argument that decides the path.

    Raises:
        InputError: If a file is there and must stay, or none can be written there.
    """
    require_file_place(path, chosen_by=chosen_by)
    require_free(path, "file", overwrite=overwrite, chosen_by=chosen_by)


def require_free(path: pathlib.Path, what: str, *, overwrite: bool, chosen_by: str) -> None:
    """Refuses a path at which a file must stay.

    Args:
        path: The file. Its folder need not exist.
        what: What the argument names: "file", or "folder" for the folder of the file.
        overwrite: Whether a file at this path may be replaced.
        chosen_by: The argument that decides the path.

    Raises:
        InputError: If a file is there and must stay.
    """
    if path.exists() and not overwrite:
        raise InputError(
            f"{path} exists; choose another {what} with `{chosen_by}`, or replace it with "
            "`overwrite=True`."
        )


def require_folder_place(path: pathlib.Path, *, chosen_by: str) -> None:
    """Refuses, before any work, a path at which no folder can be made and written to.

    Args:
        path: The folder, which may be there.
        chosen_by: The argument that decides it.

    Raises:
        InputError: If it, or what it lies in, is a file or cannot be written to.
    """
    existing = path
    while not existing.exists():
        existing = existing.parent
    _require_open(path, existing, chosen_by)


def _require_open(path: pathlib.Path, folder: pathlib.Path, chosen_by: str) -> None:
    if not folder.exists():
        reason = "does not exist; create it"
    elif not folder.is_dir():
        reason = "is not a folder; move it"
    elif not os.access(folder, os.W_OK | os.X_OK):
        reason = "is not writable; grant permission"
    else:
        return
    raise InputError(
        f"Cannot write {path}: {folder} {reason}, or choose another place with `{chosen_by}`."
    )


def make_folder(path: pathlib.Path) -> None:
    """Makes a folder, and those that it lies in, unless it is there.

    Raises:
        StopError: If it cannot be made.
    """
    with sentence_for(path):
        path.mkdir(parents=True, exist_ok=True)


def is_disk_full(error: BaseException) -> bool:
    """Returns whether an error, or what brought it about, says that a disk or quota is full."""
    return _find_number(error) in (errno.ENOSPC, errno.EDQUOT)


def read_json(path: pathlib.Path) -> dict[str, Any] | None:
    """Returns a JSON file's object, or None if it is missing or broken."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def is_whole_archive(path: pathlib.Path) -> bool:
    """Returns whether a .npz or .keras file is there and every part has its checksum."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error):
        return False


def write_json(path: pathlib.Path, value: Any) -> None:
    """Writes JSON so that the file is either whole or absent.

    An object tells the version of this package that wrote it.
    """
    text = json.dumps(stamp(value), indent=1, ensure_ascii=False, allow_nan=False)
    with atomic_file(path) as file:
        file.write(text.encode("utf-8"))


def write_text_file(path: pathlib.Path, text: str) -> None:
    """Writes a page or a table so that a reader never sees half of it.

    Raises:
        StopError: If the system cannot write it. What was there before stays.
    """
    # A folder name that is not text can put lone surrogates into a class name.
    with atomic_file(path) as file:
        file.write(text.encode("utf-8", errors="replace"))


def write_arrays(path: pathlib.Path, **arrays: np.ndarray) -> None:
    """Writes a compressed npz so that the file is either whole or absent."""
    import numpy as np

    with atomic_file(path) as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


@contextlib.contextmanager
def atomic_file(path: pathlib.Path) -> Iterator[BinaryIO]:
    """Yields a file that appears under `path` only when the block ends without an error.

    Raises:
        StopError: If the system cannot write it. What was there before stays.
    """
    with sentence_for(path):
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=path.suffix)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)  # mkstemp makes it private
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        sync_folder(path.parent)


def sync_folder(path: pathlib.Path) -> None:
    """Waits until the names in a folder are on the disk: a rename, too, survives a power cut.

    The file is whole and in its place by then. A system that cannot wait, as Windows, which opens
    no folder, has not failed to write it.
    """
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_by_path(path: pathlib.Path, write: Callable[[str], Any]) -> None:
    """Calls `write(temporary path)` and renames, for writers that insist on a path.

    Raises:
        StopError: If the system cannot write it. What was there before stays.
    """
    _sweep(path)
    # Cut: the file's own name may be as long as a name can be.
    with (
        sentence_for(path),
        tempfile.TemporaryDirectory(
            dir=path.parent, prefix=_prefix(path), ignore_cleanup_errors=True
        ) as folder,
    ):
        temporary = pathlib.Path(folder) / f"whole{path.suffix}"
        write(str(temporary))
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)


def write_keras(path: pathlib.Path, save: Callable[[str], Any]) -> None:
    """Writes a `.keras` file so that it is either whole or absent.

    It tells the version of this package in a file `tfzero.json` inside it, which Keras ignores.

    Args:
        path: The file.
        save: A model's `save`.

    Raises:
        StopError: If the system cannot write it. What was there before stays.
    """

    def save_stamped(temporary: str) -> None:
        save(temporary)
        # Opened here: ZipFile itself empties a file that it cannot open to append.
        with open(temporary, "r+b") as file, zipfile.ZipFile(file, "a") as archive:
            archive.writestr(f"{KEY}.json", json.dumps(stamp({})))

    write_by_path(path, save_stamped)


def _prefix(path: pathlib.Path) -> str:
    return f".{path.stem[:60]}-"


def _sweep(path: pathlib.Path) -> None:
    """Removes what a killed process left of this file long ago."""
    with contextlib.suppress(OSError):
        for left in path.parent.iterdir():
            if left.name.startswith(_prefix(path)) and left.is_dir():
                if time.time() - left.stat().st_mtime > _STALE_SECONDS:
                    shutil.rmtree(left, ignore_errors=True)
