"""A table, CSV or TSV, that names the label of each image."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from tfzero.common.checks import InputError, nearest
from tfzero.data.chosen import (
    AT_RANDOM,
    SUGGESTED,
    mark_rows,
    note_unlabelled_tests,
    read_marks,
)
from tfzero.data.collection import Collection, FileList
from tfzero.data.files import read_files
from tfzero.data.names import Paths, display_name, safe_name
from tfzero.data.options import LoadOptions
from tfzero.data.passed_over import PassedOver
from tfzero.data.patterns import find_groups, group_by_pattern
from tfzero.data.places import Places
from tfzero.data.scan import list_tree
from tfzero.data.spelling import compose

TABLE_NAME = "labels.csv"
# In the order of preference where a table has several of them.
FILE_COLUMNS = ("file", "filename", "file_name", "path", "filepath", "file_path", "image")
LABEL_COLUMNS = ("label", "class")
_SPLITS = {"train": "train", "training": "train", "test": "test", "pool": "pool"}
_EXPECTED = (
    "expected a header with the columns file and label, and perhaps split (train, test or pool) "
    "and a column for `group`"
)


def load_table(
    table: Path,
    source: str,
    options: LoadOptions,
    *,
    root: Path | None = None,
    pool: FileList | None = None,
) -> Collection:
    """Loads the images that a CSV or TSV file names, relative to a folder.

    Rows with an empty label, or `pool` in the column split, are unlabeled; so are images in the
    folder that the file does not name. Unlabeled ones have groups, too, as far as the column or
    their path tells. A column split with `test` in it gives the test part. A column chosen with
    `suggested` in it, as `tfzero suggest` writes it, marks images that no test part is held out of.
    With `random` in it, a test image without a label is left out. A name without suffix stands for
    the file that has one.

    Args:
        table: The file.
        source: What the user gave.
        options: How files become images; `group` may be a column.
        root: Folder that the names are relative to; None for the table's own.
        pool: More unlabeled files.

    Raises:
        InputError: If the file is laid out otherwise or no image can be used.
    """
    root = table.parent if root is None else root
    listing = _list_files(table, root, options.group, pool)
    found = read_files(listing.lists, options, where=str(root))
    train = found.parts["train"]
    chosen = mark_rows(train.names, listing.chosen, paged=options.pages == "each")
    return Collection(
        name=safe_name(root.resolve().name),
        source=source,
        class_names=listing.class_names,
        train=replace(train, chosen=chosen),
        test=found.parts.get("test"),
        pool=found.parts.get("pool"),
        set_aside=found.set_aside,
        notes=(*listing.notes, *found.notes),
        resize=found.resize,
        pixel_range=options.values,
        extents=found.extents,
        sizes=found.sizes,
        sound=found.sound,
        of_files=True,
        passed_over=found.passed_over,
    )


class _Listing(NamedTuple):
    """What a table says about files: those of each part that has some, and the classes.

    Attributes:
        lists: The files of each part.
        class_names: K names.
        notes: What was understood otherwise than it is written, in sentences.
        chosen: Names of labelled training images that were suggested, not drawn at random.
    """

    lists: Sequence[FileList]
    class_names: tuple[str, ...]
    notes: Sequence[str]
    chosen: frozenset[str]


def _list_files(table: Path, root: Path, group: str | None, pool: FileList | None) -> _Listing:
    rows, columns = read_rows(table)
    file_column = find_column(columns, FILE_COLUMNS, table)
    label_column = find_column(columns, LABEL_COLUMNS, table)
    class_names = _sort_names({row[label_column] for row in rows} - {""})
    if len(class_names) < 2:
        raise InputError(
            f"{table} has {len(class_names)} different labels in its column {label_column}; "
            "expected at least two classes. Label more images."
        )
    numbers = {name: number for number, name in enumerate(class_names)}
    parts = {name: FileList(name, str(root), labels=[]) for name in ("train", "test")}
    parts["pool"] = FileList("pool", str(root))
    grouping = _Grouping(group, columns, parts)
    splits = [find_split(row, table, line) for line, row in enumerate(rows, 2)]
    places = Places(table, root, [row[file_column] for row in rows])
    chosen, unlabelled = set(), 0
    for row, path, split, mark in zip(rows, places.paths, splits, read_marks(rows), strict=True):
        if split == "test" and not row[label_column] and mark == AT_RANDOM:
            unlabelled += 1
            continue
        part = split if row[label_column] else "pool"
        parts[part].paths.append(path)
        if part != "pool":
            parts[part].labels.append(numbers[row[label_column]])  # pyright: ignore
        if part == "train" and mark == SUGGESTED:
            chosen.add(display_name(path))
        grouping.add(part, path, row)
    tests = note_unlabelled_tests(unlabelled, splits.count("test"), table=table)
    notes = [*places.notes, *tests, *_add_unnamed(parts, grouping, table, places)]
    if pool is not None:
        parts["pool"].paths.extend(os.path.join(os.getcwd(), pool.root, p) for p in pool.paths)
        parts["pool"].passed_over.update(pool.passed_over)
        grouping.add_unlabeled(pool.paths)
    if not parts["train"].paths:
        raise InputError(f"{table} has no labelled training image; {_EXPECTED}. Label some.")
    parts["train"].passed_over.update(parts["pool"].passed_over)
    parts["pool"].passed_over = PassedOver()
    lists = [files for files in parts.values() if files.paths]
    return _Listing(lists, class_names, notes, frozenset(chosen))


def _add_unnamed(
    parts: dict[str, FileList], grouping: _Grouping, table: Path, places: Places
) -> list[str]:
    """Adds images that the table does not name to the pool, which a sentence says."""
    found = list_tree(places.root, beside=table)
    parts["pool"].passed_over.update(found.passed_over)
    unnamed = Paths(path for path in found.paths if not places.has(path))
    parts["pool"].paths.extend(unnamed)
    grouping.add_unlabeled(unnamed)
    if not len(unnamed):
        return []
    return [
        f"{len(unnamed)} images are not named in {table.name}. They are unlabeled and belong "
        "to the pool."
    ]


class _Grouping:
    """Tells the files of every part their groups, by a column or by a pattern in their paths.

    Args:
        group: The column or pattern; None groups none.
        columns: What the table has.
        parts: The files, to which groups are given.
    """

    def __init__(self, group: str | None, columns: list[str], parts: dict[str, FileList]):
        self.group, self.parts = group, parts
        self.by_column = group in columns
        if group is not None:
            for files in parts.values():
                files.groups = []

    def add(self, part: str, path: str, row: dict[str, str]) -> None:
        """Adds the group of a file that the table names."""
        if self.group is None:
            return
        if self.by_column:
            found = [row[self.group] or None if part == "pool" else row[self.group]]
        else:
            find = find_groups if part == "pool" else group_by_pattern
            found = find(self.group, [path])
        self.parts[part].groups += found  # pyright: ignore

    def add_unlabeled(self, paths: Sequence[str]) -> None:
        """Adds the groups of files that only their paths can tell; None where they do not."""
        if self.group is None:
            return
        found = [None for _ in paths] if self.by_column else find_groups(self.group, paths)
        self.parts["pool"].groups += found  # pyright: ignore


def read_rows(table: Path) -> tuple[list[dict[str, str]], list[str]]:
    """Returns the rows of a CSV or TSV file, by column, and the columns in order.

    Raises:
        InputError: If it cannot be read, or has no rows.
    """
    try:
        # utf-8-sig: spreadsheets put a mark before the first column's name.
        text = table.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{table} is not UTF-8 ({error}); save it as CSV in UTF-8.") from error
    text = text.lstrip("\r\n")
    head = text.splitlines()[0] if text.strip() else ""
    delimiter = max(",;\t", key=head.count)  # Spreadsheets write ";" in many countries.
    if table.suffix.lower() == ".tsv":
        delimiter = "\t"
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restval="")
    try:
        rows = list(_iterate_rows(reader, table))
    except csv.Error as error:
        raise InputError(
            f"{table}, line {reader.line_num} cannot be read ({error}); {_EXPECTED}. Correct it."
        ) from error
    if not rows:
        raise InputError(f"{table} has no rows; {_EXPECTED}.")
    return rows, list(reader.fieldnames or [])


def _iterate_rows(reader: csv.DictReader, table: Path) -> Iterator[dict[str, str]]:
    """Yields the rows; all that is compared, labels and groups, in Unicode's form NFC."""
    reader.fieldnames = columns = [name.strip() for name in reader.fieldnames or []]
    files = {name for name in columns if name.casefold() in FILE_COLUMNS}
    for row in reader:
        if None in row:
            raise InputError(
                f"{table}, line {reader.line_num} has more fields than the header; {_EXPECTED}. "
                "Put quotes around fields with a delimiter in them."
            )
        yield {
            key: value.strip() if key in files else compose(value.strip())
            for key, value in row.items()
        }


def find_column(columns: Sequence[str], wanted: tuple[str, ...], table: Path) -> str:
    """Returns the column that has one of these names, the first of which is liked best.

    Raises:
        InputError: If there is none.
    """
    named = {column.casefold(): column for column in reversed(columns)}
    for word in wanted:
        if word in named:
            return named[word]
    known = ", ".join(columns)
    raise InputError(f"{table} has the columns {known}, but none called {wanted[0]}; {_EXPECTED}.")


def find_split(row: dict[str, str], table: Path, line: int) -> str:
    """Returns what a row says in the column split: train, test or pool; train if nothing.

    Raises:
        InputError: If it says anything else.
    """
    value = next((row[key] for key in row if key.casefold() == "split"), "") or "train"
    if value.casefold() not in _SPLITS:
        raise InputError(
            f'{table}, line {line}: split is "{value}"; expected train, test or pool.'
            f"{nearest(value.casefold(), _SPLITS)}"
        )
    return _SPLITS[value.casefold()]


def _sort_names(names: set[str]) -> tuple[str, ...]:
    if all(name.isdecimal() for name in names):
        return tuple(sorted(names, key=lambda name: (int(name), name)))  # 2 before 10
    return tuple(sorted(names))
