"""From what a user names to a data set."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from tfzero.common.checks import InputError, nearest, require_choice
from tfzero.data.assemble import assemble
from tfzero.data.collection import Collection, FileList, Reading
from tfzero.data.dataset import TEST_SEED, ImageData, check_part, check_share
from tfzero.data.decode import RESIZE_MODES
from tfzero.data.files import read_files
from tfzero.data.folder import list_tree, load_folder
from tfzero.data.idx import find_idx, load_idx
from tfzero.data.logmel import LogMel
from tfzero.data.npz import load_npz
from tfzero.data.resize import Size, fit_images, note_fit, parse_size
from tfzero.data.sound import check_clip_options, refuse_clip_options
from tfzero.data.splits import hold_out
from tfzero.data.table import TABLE_NAME, load_table
from tfzero.data.tensors import PREFIX, load_tfds

DIGITS_TEST_COUNT = 500


def load_data(
    source: str | os.PathLike[str] = "digits",
    *,
    pool: str | os.PathLike[str] | None = None,
    pool_only: bool = False,
    size: Size = None,
    channels: int | None = None,
    resize: str = "stretch",
    test_share: float = 0.3,
    group: str | None = None,
    strict: bool = False,
    drop_leaks: bool = False,
    transductive: bool = False,
    balanced: bool = False,
    rate: int | None = None,
    clip_seconds: float | None = None,
    trim_db: float | None = None,
) -> ImageData:
    """Loads images and labels, or clips of sound and labels.

    Args:
        source: "digits" (1,797 digits of 8x8 pixels that come with scikit-learn; write
            "./digits" for a folder of that name), `tfds:NAME` (see `load_tfds`), or a path to

            - a folder with one subfolder of images, or of WAV files, a class,
            - a folder with `train/` and `test/`, each with such subfolders,
            - a folder of images with a labels.csv in it, or such a CSV file (see `load_table`),
            - a folder with IDX files as MNIST has them,
            - an .npz file with x_train, y_train and perhaps x_test, y_test, pool, class_names.
        pool: Folder of unlabeled images, in it or in folders inside it.
        pool_only: Whether methods learn from the unlabeled images alone, not also from the
            training images without their labels.
        size: Height and width to resize all images to: a number (a square), or
            (height, width). None if all images have one size. Of clips, mel bands and columns;
            None takes 32 of each.
        channels: 1 for gray or 3 for RGB; None takes what the images are.
        resize: What becomes of the aspect: "stretch", "pad" (black margins) or "crop". Clips
            are stretched to one width, or padded with silence.
        test_share: Share in (0, 1) to hold out, stratified, if the source has no test
            part. "digits" always holds 500 out.
        group: Pattern in the path of a file, or column of labels.csv: images that share it are
            held out together, and are on one side wherever a strategy chooses a setting.
        strict: Whether broken files and too small classes are refused instead of set aside.
        drop_leaks: Whether training and unlabeled images that equal a test image are left out.
        transductive: Whether the pool may hold test images: right where all images to be
            classified are known when one pretrains.
        balanced: Whether the labelled subsets of a study have as many images of each class, as
            far as there are, instead of each class's share.
        rate: Samples a second to resample clips to; None if all have one rate.
        clip_seconds: What is kept of a clip at most. None takes a length that 98 of 100 clips
            keep to.
        trim_db: How far below its loudest moment a clip's ends are silence, which is cut off;
            0 cuts nothing, None takes 25.

    Returns:
        The data set. Without unlabeled images the training images are the pool.

    Raises:
        InputError: If the source cannot be used; the message says why and what to do.
    """
    check_share(test_share)
    collection = collect(
        source, pool=pool, size=size, channels=channels, resize=resize, group=group,
        strict=strict, rate=rate, clip_seconds=clip_seconds, trim_db=trim_db,
    )  # fmt: skip
    return assemble(
        collection,
        test_share=test_share,
        pool_only=pool_only,
        keep_order=source == "digits",
        drop_leaks=drop_leaks,
        transductive=transductive,
        balanced=balanced,
    )


def collect(
    source: str | os.PathLike[str],
    *,
    pool: str | os.PathLike[str] | None = None,
    size: Size = None,
    channels: int | None = None,
    resize: str = "stretch",
    group: str | None = None,
    strict: bool = False,
    lenient: bool = False,
    rate: int | None = None,
    clip_seconds: float | None = None,
    trim_db: float | None = None,
    sound: LogMel | None = None,
    is_source: bool = False,
) -> Collection:
    """Reads all that a source holds, before anything is held out.

    Args:
        source: As in `load_data`, like the next six.
        pool: Folder of unlabeled images.
        size: To resize to.
        channels: To bring the images to.
        resize: What becomes of the aspect.
        group: What belongs together.
        strict: Whether what cannot be used is refused.
        lenient: Whether images of several sizes are brought to the commonest without asking, and
            classes may be missing or small: for a check, which is to see them.
        rate: As in `load_data`, like the next two.
        clip_seconds: What is kept of a clip.
        trim_db: What is silence.
        sound: How clips become images, instead of these three; images do not mind.
        is_source: Whether size, channels and resize are those of a target, whose source this is.

    Raises:
        InputError: If the source cannot be used.
    """
    require_choice(resize, RESIZE_MODES, what="way to resize")
    if channels not in (None, 1, 3):
        raise InputError(f"channels is {channels!r}; expected 1 for gray or 3 for RGB.")
    check_clip_options(rate=rate, seconds=clip_seconds, trim_db=trim_db)
    reading = Reading(
        parse_size(size), channels, resize, strict, group, rate, clip_seconds, trim_db, sound,
        is_source,
    )  # fmt: skip
    if not isinstance(source, (str, os.PathLike)):
        raise InputError(
            f'source has type {type(source).__name__}; expected "digits" or a path. For arrays in '
            "memory call tfzero.from_arrays, for a tf.data.Dataset tfzero.from_dataset."
        )
    text = os.fspath(source)
    try:
        unlabeled = None if pool is None else _list_pool(Path(pool).expanduser())
        if source == "digits" and isinstance(source, str):
            found = _load_digits(reading)
        elif text.startswith(PREFIX):
            found = load_tfds(text, reading=reading)
        else:
            return _load_path(text, reading, unlabeled, lenient)
        return _add_pool(found, unlabeled, reading)
    except PermissionError as error:
        where = error.filename or text
        raise InputError(
            f"No permission to read {where}; expected a readable file or folder. "
            "Grant yourself read access (chmod), or copy the data."
        ) from error


def _load_digits(reading: Reading) -> Collection:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pixels = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    images = fit_images(pixels, reading, name="digits")
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
            *note_fit(reading),
        ),
        resize=reading.resize,
    )


def _load_path(source: str, reading: Reading, pool: FileList | None, lenient: bool) -> Collection:
    if not source:
        raise InputError('source is empty; expected "digits" or a path.')
    path = Path(source).expanduser()
    if not _exists(path):
        raise _missing(source, path)
    suffix = path.suffix.lower()
    if path.is_dir():
        files = find_idx(path)
        if files:
            return _add_pool(load_idx(files, source=source, reading=reading), pool, reading)
        load, place = load_folder, path
        if (path / TABLE_NAME).is_file():
            load, place = load_table, path / TABLE_NAME
        return load(place, source=source, reading=reading, pool=pool, lenient=lenient)
    if suffix == ".csv":
        return load_table(path, source=source, reading=reading, pool=pool, lenient=lenient)
    if suffix == ".npz":
        return _add_pool(load_npz(path, source=source, reading=reading), pool, reading)
    archives = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
    remedy = " Unpack it first." if suffix in archives else ""
    raise InputError(
        f"{source} is a file; expected a folder of images or WAV files, an .npz file or a .csv "
        f"file.{remedy}"
    )


def _list_pool(folder: Path) -> FileList:
    if not _exists(folder):
        raise _missing(str(folder), folder)
    if not folder.is_dir():
        raise InputError(f"--pool is {folder}, a file; expected a folder of images.")
    return list_tree(folder)


def _add_pool(collection: Collection, files: FileList | None, reading: Reading) -> Collection:
    """Adds unlabeled files to images that are arrays already."""
    refuse_clip_options(reading, where=collection.source)
    if reading.group is not None:
        raise InputError(
            f"--group needs names of files or a labels.csv, but {collection.source} has arrays; "
            "in Python give groups to tfzero.from_arrays."
        )
    if files is None:
        return collection
    height, width, channels = collection.train.images.shape[1:]
    found = read_files([files], reading, where=files.root, shape=(height, width, channels))
    pool = found.parts["pool"]
    if collection.pool is not None:
        raise InputError(
            f"{collection.source} has unlabeled images of its own; leave --pool out, or the array "
            "called pool."
        )
    return replace(
        collection,
        pool=pool,
        set_aside=(*collection.set_aside, *found.set_aside),
        notes=(*collection.notes, *found.notes),
    )


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
