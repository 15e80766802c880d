"""Where the files lie that a table names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tfzero.common.checks import InputError, nearest
from tfzero.data.names import display_name
from tfzero.data.scan import KNOWN
from tfzero.data.spelling import Finder, Resolver


class Places:
    """Where the files lie that a table names.

    Args:
        table: The table.
        root: Folder that names are relative to.
        names: The file of each row.

    Attributes:
        paths: As the file system spells them; as the table does where there is no such file.
        notes: What was understood otherwise than it is written, in sentences.

    Raises:
        InputError: If a name is empty or ambiguous, a file is named twice, or none is there.
    """

    def __init__(self, table: Path, root: Path, names: Sequence[str]):
        self.table, self.root = table, root
        self.paths: list[str] = []
        self.notes: list[str] = []
        self._resolver, self._finder = Resolver(), Finder(str(root), KNOWN)
        self._named: set[str] = set()
        there, other = 0, 0
        for line, name in enumerate(names, 2):
            found = self._find(name, line)
            self._add(name, found or _tidy(name), line)
            there += found is not None
            other += found is not None and found != _tidy(name)
        if not there:
            raise self._none_there(names)
        if other:
            self.notes.append(
                f"{other} names in {table.name} differ in spelling from their files (suffix, "
                "backslashes or Unicode form); the files were found."
            )

    def has(self, path: str) -> bool:
        """Whether the table names a file, by whatever path."""
        return self._spell(path) in self._named

    def _spell(self, path: str) -> str:
        return self._resolver.spell(os.path.join(self.root, path))

    def _find(self, name: str, line: int) -> str | None:
        if not name or "\0" in name or _tidy(name) == ".":
            raise self._bad(name, line, "which is empty or not a name")
        found = self._finder.find(_tidy(name))
        if len(found) > 1:
            known = " or ".join(map(display_name, found))
            raise InputError(
                f'{self.table}, line {line}: "{name}" may be {known}; expected the name of one '
                "file. Write it with its suffix."
            )
        return found[0] if found else None

    def _add(self, name: str, path: str, line: int) -> None:
        spelled = self._spell(path)
        if spelled in self._named:
            raise self._bad(name, line, "which was named before")
        self._named.add(spelled)
        self.paths.append(path)

    def _bad(self, name: str, line: int, why: str) -> InputError:
        return InputError(
            f"{self.table}, line {line}: the file is {name!r}, {why}; expected each file once. "
            "Remove the line."
        )

    def _none_there(self, names: Sequence[str]) -> InputError:
        first = names[0]
        hint = nearest(first.replace("\\", "/").split("/")[-1], self._finder.names_like(first))
        return InputError(
            f"{self.table} names {len(names)} files, but none of them is there, for example "
            f'"{first}"; expected paths relative to {self.root}.{hint} Correct the paths. Or '
            "give the folder that they are relative to as the data, and the table as "
            "`labels`."
        )


def _tidy(name: str) -> str:
    # Not where it goes up: a link to a folder leads elsewhere than its name says.
    return name if ".." in name.split("/") else os.path.normpath(name)
