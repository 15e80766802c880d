"""From what a user names to a data set."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from tfzero._checks import InputError, nearest
from tfzero.data.dataset import TEST_SEED, ImageData, build, check_share
from tfzero.data.folder import load_folder
from tfzero.data.idx import find_idx, load_idx
from tfzero.data.npz import load_npz
from tfzero.data.resize import Size, fit_images, note_size, parse_size
from tfzero.data.splits import hold_out

DIGITS_TEST_COUNT = 500


def load_data(
    source: str | os.PathLike[str] = "digits", *, test_share: float = 0.3, size: Size = None
) -> ImageData:
    """Loads images and labels.

    Args:
        source: "digits" (1,797 digits of 8x8 pixels that come with scikit-learn; write
            "./digits" for a folder of that name), or a path to

            - a folder with one subfolder of images a class,
            - a folder with `train/` and `test/`, each with such subfolders,
            - a folder with IDX files as MNIST has them,
            - an .npz file with x_train, y_train and perhaps x_test, y_test, pool, class_names.
        test_share: Share in (0, 1) to hold out, stratified, if the source has no test
            part. "digits" always holds 500 out.
        size: Height and width to resize all images to: a number (a square), or
            (height, width). None if all images have one size.

    Returns:
        The data set. Where the source has no pool of its own, the training images are it.

    Raises:
        InputError: If the source cannot be used; the message says why and what to do.
    """
    sides = parse_size(size)
    check_share(test_share)
    if not isinstance(source, (str, os.PathLike)):
        raise InputError(
            f'source has type {type(source).__name__}; expected "digits" or a path. '
            "For arrays in memory call tfzero.from_arrays."
        )
    if source == "digits":
        return _load_digits(sides)
    text = os.fspath(source)
    try:
        return _load_path(text, test_share, sides)
    except PermissionError as error:
        where = error.filename or text
        raise InputError(
            f"No permission to read {where}; expected a readable file or folder. "
            "Grant yourself read access (chmod), or copy the data."
        ) from error


def _load_digits(size: tuple[int, int] | None) -> ImageData:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pixels = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    images = fit_images(pixels, size, name="digits")
    labels = bunch.target.astype(np.int64)
    # Drawn from the original pixels: the test part is the same at every size.
    train, test = hold_out(pixels, labels, count=DIGITS_TEST_COUNT, seed=TEST_SEED)
    return build(
        (images[train], labels[train]),
        (images[test], labels[test]),
        name="digits",
        source="digits",
        notes=[
            f"A stratified test part of {DIGITS_TEST_COUNT} images was held out.",
            *note_size(size),
        ],
    )


def _load_path(source: str, test_share: float, size: tuple[int, int] | None) -> ImageData:
    if not source:
        raise InputError('source is empty; expected "digits" or a path.')
    path = Path(source).expanduser()
    if not _exists(path):
        raise _missing(source, path)
    if path.is_dir():
        files = find_idx(path)
        if files:
            return load_idx(files, source=source, test_share=test_share, size=size)
        return load_folder(path, source=source, test_share=test_share, size=size)
    if path.suffix.lower() == ".npz":
        return load_npz(path, source=source, test_share=test_share, size=size)
    archives = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
    remedy = " Unpack it first." if path.suffix.lower() in archives else ""
    raise InputError(f"{source} is a file; expected a folder of images or an .npz file.{remedy}")


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
        hint = f" {there} exists, what follows does not." if there else ""
    return InputError(f'There is no "{source}"; expected "digits" or a path that exists.{hint}')
