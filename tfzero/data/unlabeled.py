"""Unlabeled files beside images that came as arrays."""

from __future__ import annotations

from dataclasses import replace

from tfzero.common.checks import InputError
from tfzero.common.pixels import merge_extents
from tfzero.data.collection import Collection, FileList
from tfzero.data.files import read_files
from tfzero.data.options import LoadOptions


def add_unlabeled(
    collection: Collection, files: FileList | None, options: LoadOptions
) -> Collection:
    """Returns images that are arrays already, with unlabeled files beside them.

    Args:
        collection: The images.
        files: The unlabeled files, or None.
        options: How files are read.

    Raises:
        InputError: If an option is for files alone, the collection has unlabeled images of its
            own, or a file cannot become an image of the same form.
    """
    options.require_no_clip_options(where=collection.source)
    if options.group is not None:
        raise InputError(
            f"`group` needs file names or a labels.csv, but {collection.source} has arrays. "
            "In Python, give groups to tfzero.from_arrays."
        )
    if files is None:
        if options.pages != "first":
            raise InputError(
                f"{collection.source} has arrays, which have no pages; leave `pages` out."
            )
        return collection
    height, width, channels = collection.train.images.shape[1:]
    found = read_files([files], options, where=files.root, shape=(height, width, channels))
    pool = found.parts["pool"]
    if collection.pool is not None:
        raise InputError(
            f"{collection.source} has its own unlabeled images; leave out `pool`, or the "
            "array called pool."
        )
    return replace(
        collection,
        pool=pool,
        set_aside=(*collection.set_aside, *found.set_aside),
        notes=(*collection.notes, *found.notes),
        passed_over=(*collection.passed_over, *found.passed_over),
        extents=merge_extents(collection.extents, found.extents),
    )
