"""What a path leads to, before anything is read: a file with something in it."""

from __future__ import annotations

import os
import stat

from tfzero.common.checks import InputError


def require_file(path: str | os.PathLike[str], what: str) -> None:
    """Refuses a path that leads to no file, or to an empty one.

    Args:
        path: Where the file should be.
        what: What is expected there, as "an image".

    Raises:
        InputError: If so; the sentence says what is there instead.
        OSError: If the system does not tell, as without permission.
    """
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(_missing(path, what)) from error
    except ValueError as error:  # a zero byte in it
        raise InputError(f"{path!r} is not a path; expected {what}. Correct it.") from error
    if stat.S_ISDIR(found.st_mode):
        raise InputError(f"{path} is a folder; expected {what}. Name a file in it.")
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"{path} is a pipe, a socket or a device; expected a file with {what}.")
    if found.st_size == 0:
        raise InputError(f"{path} is empty (0 bytes); expected {what}. Replace or delete it.")


def _missing(path: str | os.PathLike[str], what: str) -> str:
    if os.path.islink(path):
        return (
            f"{path} is a link to {os.readlink(path)}, which does not exist; expected {what}. "
            "Correct or delete the link."
        )
    hint = " Here a backslash does not separate folders: write a slash." * ("\\" in str(path))
    return f"{path} does not exist; expected {what}. Correct the path.{hint}"
