"""Names and paths in several spellings: Unicode forms, links, case, suffixes, slashes."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

_SLASHES = re.compile(r"[\\/]+")


def compose(name: str) -> str:
    """Returns a name in Unicode's form NFC, in which all names are compared."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def find_look_alikes(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Returns names that differ only in case, spaces, leading zeros or width of characters."""
    alike = defaultdict(list)
    for name in names:
        plain = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
        alike[re.sub(r"(?<!\d)0+(?=\d)", "", plain)].append(name)
    return [tuple(each) for each in alike.values() if len(each) > 1]


class Resolver:
    """Resolves links in paths; each folder once."""

    def __init__(self):
        self._folders: dict[str, str] = {}

    def spell(self, path: str) -> str:
        """Returns the path with all its folders resolved, but not a link at its end."""
        folder, name = os.path.split(path)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        return os.path.join(self._folders[folder], name)

    def resolve(self, path: str) -> tuple[str, bool]:
        """Returns the path of the file itself, and whether the path given is a link to it."""
        spelled = self.spell(path)
        is_link = os.path.islink(spelled)
        return (os.path.realpath(spelled) if is_link else spelled), is_link


class Finder:
    """Finds files by names that are spelled nearly as the file system spells them.

    A name without suffix stands for the file with one of the suffixes; letters are compared in
    Unicode's form NFC; a backslash may stand for a slash.

    Args:
        root: Folder that paths are relative to.
        suffixes: What files may end in.
    """

    def __init__(self, root: str, suffixes: Iterable[str]):
        self.root = root
        self.suffixes = frozenset(suffixes)
        self._folders: dict[str, dict[str, list[str]]] = {}

    def find(self, path: str) -> list[str]:
        """Returns the files that a path can mean, as the file system spells them; mostly one."""
        if os.path.lexists(os.path.join(self.root, path)) and not self._is_folder(path):
            return [path]
        found = self._search(path.split("/"))
        if not found and "\\" in path:
            found = self._search(_SLASHES.split(path))
        return found

    def names_like(self, path: str) -> list[str]:
        """Returns the names in the folder of a path, of which one may be meant."""
        folder = self._search_folder(_SLASHES.split(path)[:-1])
        return [] if folder is None else sum(self._list(folder).values(), [])

    def _is_folder(self, path: str) -> bool:
        return os.path.isdir(os.path.join(self.root, path))

    def _search(self, steps: list[str]) -> list[str]:
        folder = self._search_folder(steps[:-1])
        if folder is None:
            return []
        names, last = self._list(folder), compose(steps[-1])
        exact = [name for name in names.get(last, []) if not self._is_folder(folder + name)]
        if not exact and last:
            exact = [name for suffix in self._endings() for name in names.get(last + suffix, [])]
        return [os.path.normpath(folder + name) for name in exact]

    def _search_folder(self, steps: list[str]) -> str | None:
        """Returns a folder in the file system's spelling, with a slash behind it, or None."""
        folder = ""
        for number, step in enumerate(steps):
            if step in ("", ".", ".."):
                folder += "/" if step == "" and number == 0 else f"{step}/" if step else ""
                continue
            fitting = self._list(folder).get(compose(step), [])
            name = step if step in fitting else next(iter(fitting), None)
            if name is None or not self._is_folder(folder + name):
                return None
            folder += f"{name}/"
        return folder

    def _endings(self) -> list[str]:
        return sorted(self.suffixes | {suffix.upper() for suffix in self.suffixes})

    def _list(self, folder: str) -> dict[str, list[str]]:
        """Returns the names in a folder by their form NFC; each folder is read once."""
        if folder not in self._folders:
            names = defaultdict(list)
            try:
                for name in sorted(os.listdir(os.path.join(self.root, folder))):
                    names[compose(name)].append(name)
            except (OSError, ValueError):
                pass
            self._folders[folder] = dict(names)
        return self._folders[folder]
