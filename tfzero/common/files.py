"""Files that appear whole or not at all, so that a kill leaves nothing half-written."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pathlib
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import numpy as np


def is_disk_full(error: BaseException) -> bool:
    """Returns whether an error, or what brought it about, says that a disk or quota is full."""
    seen: BaseException | None = error
    while seen is not None:
        if getattr(seen, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            return True
        # HDF5 and TensorFlow say it in words alone.
        if os.strerror(errno.ENOSPC) in str(seen) or os.strerror(errno.EDQUOT) in str(seen):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


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
    """Writes JSON so that the file is either whole or absent."""
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    with atomic_file(path) as file:
        file.write(text.encode("utf-8"))


def write_arrays(path: pathlib.Path, **arrays: np.ndarray) -> None:
    """Writes a compressed npz so that the file is either whole or absent."""
    with atomic_file(path) as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


@contextlib.contextmanager
def atomic_file(path: pathlib.Path) -> Iterator[BinaryIO]:
    """Yields a file that appears under `path` only when the block ends without an error."""
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


def sync_folder(path: pathlib.Path) -> None:
    """Waits until the names in a folder are on the disk: a rename, too, survives a power cut."""
    if os.name == "nt":  # Windows opens no folder
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_by_path(path: pathlib.Path, write: Callable[[str], Any]) -> None:
    """Calls `write(temporary path)` and renames, for writers that insist on a path."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.stem}-") as folder:
        temporary = pathlib.Path(folder) / path.name
        write(str(temporary))
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
