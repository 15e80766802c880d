"""The images of a folder by what their labels say already, and the table to fill in next."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfzero.common.checks import InputError
from tfzero.common.numbers import count_of
from tfzero.data.chosen import AT_RANDOM, COLUMN, SUGGESTED, read_marks
from tfzero.data.collection import FileList, Images, Part
from tfzero.data.files import read_files
from tfzero.data.options import LoadOptions
from tfzero.data.passed_over import describe_kinds
from tfzero.data.patterns import find_groups
from tfzero.data.places import Places
from tfzero.data.scan import list_tree
from tfzero.data.table import (
    FILE_COLUMNS,
    LABEL_COLUMNS,
    find_column,
    find_split,
    read_rows,
)

Row = Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Folder:
    """The images of a folder, by what is known of them.

    Attributes:
        free: Unlabeled images, of which some may be chosen, in an order that pixels decide.
        labelled: Images with a label to train on.
        test: Images that are marked as test images, with or without a label.
        rows: The rows of the table that stay, with all its columns.
        columns: What the table has, in order; those of a new table without one.
        num_random: Number of labelled training images that were not suggested.
        notes: What was done, in sentences.
    """

    free: Part
    labelled: Part | None
    test: Part | None
    rows: tuple[Row, ...]
    columns: tuple[str, ...]
    num_random: int
    notes: tuple[str, ...]


def read_folder(folder: Path, table: Path | None, options: LoadOptions) -> Folder:
    """Reads the images of a folder, and of all in it, with a table of labels if there is one.

    A row with a label is a labelled image; one with `test` in the column split is a test image. One
    with `pool` there is unlabeled and never chosen. All other images are free.

    Args:
        folder: Where the images lie.
        table: CSV or TSV file of labels; None for none.
        options: How files become images. `group` may be a pattern in their paths.

    Raises:
        InputError: If the table cannot be read, or no image can be used.
    """
    if options.pages == "each":
        raise InputError(
            '`pages` is "each"; expected first or channels. A row of labels.csv names a whole '
            "file, so single pages cannot be suggested."
        )
    found = list_tree(folder, beside=table)
    lists = {name: FileList(name, str(folder)) for name in ("train", "test", "pool")}
    known, kept, columns = _Known(), (), ("file", "label", "split", COLUMN)
    if table is not None:
        known, kept, columns = _read_table(table, folder)
    for name in ("train", "test"):
        lists[name].paths.extend(known.paths[name])
    unnamed = (path for path in found.paths if known.places is None or not known.places.has(path))
    lists["pool"].paths.extend(known.paths["free"])
    lists["pool"].paths.extend(unnamed)
    lists["pool"].passed_over.update(found.passed_over)
    if not lists["pool"].paths:
        raise InputError(
            f"{folder} has no unlabeled image; expected some to choose from. Add images."
        )
    used = [files for files in lists.values() if files.paths]
    if options.group is not None:
        for files in used:
            files.groups = find_groups(options.group, files.paths)
    images = read_files(used, options, where=str(folder))
    free = images.parts["pool"]
    notes = _list_notes(known, images)
    writable = np.array([_is_writable(name) for name in free.names], bool)
    if not writable.all():
        notes.append(
            f"{count_of(int((~writable).sum()), 'image')} cannot be named in a table, because "
            "the file's name is not text in UTF-8. Rename such files."
        )
        free = free.take(np.flatnonzero(writable))
    return Folder(
        free=free.in_order(),
        labelled=images.parts.get("train"),
        test=images.parts.get("test"),
        rows=kept,
        columns=columns,
        num_random=known.num_random,
        notes=tuple(notes),
    )


def _list_notes(known: _Known, images: Images) -> list[str]:
    notes = [*(known.places.notes if known.places else ()), *images.notes]
    if images.set_aside:
        count = count_of(len(images.set_aside), "file")
        first = images.set_aside[0]
        notes.append(f"Set aside {count} that cannot be used, for example {first.name}.")
    if passed_over := describe_kinds(images.passed_over):
        notes.append(passed_over)
    return notes


def _is_writable(name: str) -> bool:
    """Whether a table can name a file so that it is found again."""
    return "\ufffd" not in name and name == name.strip()


class _Known:
    """Where the files of a table lie, by what the table says of them.

    Attributes:
        places: Of all files that it names; None without a table.
        paths: By "train", "test" and "free", the last of which have no label.
        num_random: Number of those to train on that were not suggested.
    """

    def __init__(self, places: Places | None = None):
        self.places = places
        self.paths: dict[str, list[str]] = {"train": [], "test": [], "free": []}
        self.num_random = 0


def _read_table(table: Path, folder: Path) -> tuple[_Known, tuple[Row, ...], tuple[str, ...]]:
    """Returns where the table's files lie, the rows that stay, and all columns."""
    rows, columns = read_rows(table)
    file_column = find_column(columns, FILE_COLUMNS, table)
    label_column = find_column(columns, LABEL_COLUMNS, table)
    known = _Known(Places(table, folder, [row[file_column] for row in rows]))
    assert known.places is not None
    kept = []
    marked = zip(rows, known.places.paths, read_marks(rows), strict=True)
    for line, (row, path, mark) in enumerate(marked, 2):
        split = find_split(row, table, line)
        if split == "test":
            known.paths["test"].append(path)
        elif split == "train":
            known.paths["train" if row[label_column] else "free"].append(path)
            known.num_random += bool(row[label_column]) and mark != SUGGESTED
        if row[label_column] or split != "train":
            kept.append(row)
    more = [name for name in ("split", COLUMN) if name not in map(str.casefold, columns)]
    return known, tuple(kept), (*columns, *more)


def write_rows(
    folder: Folder, suggested: Sequence[str], test: Sequence[str], *, table: Path
) -> str:
    """Returns a table to fill in, as CSV: the rows that stay, then suggestions, then test images.

    Args:
        folder: What the rows stay of.
        suggested: Files to label for training, in order.
        test: Files to label for a test set.
        table: Where it will be written, for messages.
    """
    columns = folder.columns
    by_kind = {
        "file": find_column(list(columns), FILE_COLUMNS, table),
        "split": next(name for name in columns if name.casefold() == "split"),
        "chosen": next(name for name in columns if name.casefold() == COLUMN),
    }
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, columns, restval="", lineterminator="\r\n")  # RFC 4180
    writer.writeheader()
    writer.writerows(folder.rows)
    for names, split, chosen in ((suggested, "train", SUGGESTED), (test, "test", AT_RANDOM)):
        for name in names:
            values = {"file": name, "split": split, "chosen": chosen}
            writer.writerow({by_kind[kind]: value for kind, value in values.items()})
    return stream.getvalue()
