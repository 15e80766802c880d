"""From what a user names to what it holds."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from tfzero.common.checks import InputError, nearest
from tfzero.common.pixels import Extents
from tfzero.data.collection import Collection, FileList, check_part
from tfzero.data.folder import load_folder
from tfzero.data.idx import find_idx, load_idx
from tfzero.data.npz import load_npz
from tfzero.data.options import LoadOptions
from tfzero.data.resize import fit_images, note_fit
from tfzero.data.scan import list_tree
from tfzero.data.splits import TEST_SEED, hold_out
from tfzero.data.table import TABLE_NAME, load_table
from tfzero.data.tensors import PREFIX, load_tfds
from tfzero.data.unlabeled import add_unlabeled

DIGITS_TEST_COUNT = 500


def read_source(source: str | os.PathLike[str], options: LoadOptions) -> Collection:
    """Reads all that a source holds, before anything is held out.

    Args:
        source: As in `load_data`.
        options: How images are read.

    Raises:
        InputError: If the source cannot be used.
    """
    if not isinstance(source, (str, os.PathLike)):
        raise InputError(
            f'source has type {type(source).__name__}; expected "digits" or a path. For arrays in '
            "memory call tfzero.from_arrays, for a tf.data.Dataset tfzero.from_dataset."
        )
    text = os.fspath(source)
    try:
        pool = None if options.pool is None else _list_pool(Path(options.pool).expanduser())
        if source == "digits" and isinstance(source, str):
            _refuse_labels(text, options)
            found = _load_digits(options)
        elif text.startswith(PREFIX):
            _refuse_labels(text, options)
            found = load_tfds(text, options)
        else:
            return _load_path(text, options, pool)
        return add_unlabeled(found, pool, options)
    except PermissionError as error:
        where = error.filename or text
        raise InputError(
            f"No permission to read {where}; expected a readable file or folder. Grant read "
            "access (chmod), or copy the data."
        ) from error


def _load_digits(options: LoadOptions) -> Collection:
    from sklearn.datasets import load_digits

    if options.pixel_range is not None:
        raise InputError(
            "`pixel_range` is for your own images; the built-in digits need none. Leave it out."
        )
    seen = Extents()
    bunch = load_digits()
    pixels = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    images = fit_images(pixels, options, name="digits", seen=seen)
    labels = bunch.target.astype(np.int64)
    # Drawn from the original pixels: the test part is the same at every size.
    train, test = hold_out(pixels, labels, count=DIGITS_TEST_COUNT, seed=TEST_SEED)
    whole = check_part(images, labels, name="digits")
    return Collection(
        name="digits",
        source="digits",
        class_names=tuple(str(digit) for digit in bunch.target_names),
        train=whole.take(train),
        test=whole.take(test),
        notes=(
            f"A stratified test part of {DIGITS_TEST_COUNT} images was held out.",
            *note_fit(options),
        ),
        resize=options.resize_mode,
        extents=tuple(seen),
        keep_order=True,
    )


def _load_path(source: str, options: LoadOptions, pool: FileList | None) -> Collection:
    if not source:
        raise InputError('source is empty; expected "digits" or a path.')
    path = Path(source).expanduser()
    if not _exists(path):
        raise _missing(source, path)
    suffix = path.suffix.lower()
    if options.labels is not None:
        return _load_labelled(path, source, options, pool)
    if path.is_dir():
        files = find_idx(path)
        if files:
            return add_unlabeled(load_idx(files, source, options), pool, options)
        load, place = load_folder, path
        if (path / TABLE_NAME).is_file():
            load, place = load_table, path / TABLE_NAME
        return load(place, source, options, pool=pool)
    if suffix in (".csv", ".tsv"):
        return load_table(path, source, options, pool=pool)
    if suffix == ".npz":
        return add_unlabeled(load_npz(path, source, options), pool, options)
    archives = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
    remedy = " Unpack it first." if suffix in archives else ""
    raise InputError(
        f"{source} is a file; expected a folder of images or WAV files, an .npz file or a .csv or "
        f".tsv file.{remedy}"
    )


def _load_labelled(
    folder: Path, source: str, options: LoadOptions, pool: FileList | None
) -> Collection:
    """Loads a folder of images with a table beside it, or anywhere."""
    assert options.labels is not None
    table = Path(options.labels).expanduser()
    if not folder.is_dir():
        raise InputError(
            f"`labels` is {table}, a table of images in a folder, but {source} is a file; "
            "expected the folder that the table's names are relative to."
        )
    if not table.is_file():
        number = (
            " For a number of labelled images use `label_count`." if table.name.isdecimal() else ""
        )
        raise InputError(
            f"`labels` is {table}, which is not a file; expected a CSV or TSV file with the "
            f"columns file and label.{number}"
        )
    return load_table(table, source, options, root=folder, pool=pool)


def _refuse_labels(source: str, options: LoadOptions) -> None:
    if options.labels is not None:
        raise InputError(
            f"`labels` is {options.labels}, a table of images in a folder, but {source} is "
            "not a folder and has its own labels. Leave `labels` out."
        )


def _list_pool(folder: Path) -> FileList:
    if not _exists(folder):
        raise _missing(str(folder), folder)
    if not folder.is_dir():
        raise InputError(f"`pool` is {folder}, a file; expected a folder of images.")
    return list_tree(folder)


def _exists(path: Path) -> bool:
    try:
        path.stat()
    except PermissionError:
        raise
    except (OSError, ValueError):  # Not there, too long a name, or a zero byte in it.
        return False
    return True


def _missing(source: str, path: Path) -> InputError:
    words = [] if os.sep in source else ["digits"]
    hint = ""
    if path.parent.is_dir():
        words += [sibling.name for sibling in sorted(path.parent.iterdir())]
        hint = nearest(path.name, words)
    else:
        there = next((parent for parent in path.parents if parent.is_dir()), None)
        hint = f" {there} exists, but the rest of the path does not." if there else ""
    return InputError(f'There is no "{source}"; expected "digits" or a path that exists.{hint}')
