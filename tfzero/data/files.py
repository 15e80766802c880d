"""Files of images or sound to parts: read, brought to one form, set aside where broken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tfzero.common.checks import InputError
from tfzero.common.pixels import Extents
from tfzero.data.clips import holds_clips
from tfzero.data.collection import FileList, Images, judge_values, note_values, refuse_set_aside
from tfzero.data.decode import decode_image
from tfzero.data.headers import (
    Headers,
    choose_channels,
    choose_form,
    count_sizes,
    note_headers,
)
from tfzero.data.identity import read_each_once
from tfzero.data.names import Paths
from tfzero.data.options import LoadOptions
from tfzero.data.passed_over import PassedOver
from tfzero.data.pixels import decode_parts
from tfzero.data.sound import read_clips
from tfzero.data.square import Survey


def read_files(
    lists: Sequence[FileList],
    options: LoadOptions,
    *,
    where: str,
    shape: tuple[int, int, int] | None = None,
) -> Images:
    """Reads the images or clips of all parts, so that all get one size and the same channels.

    Args:
        lists: The files.
        options: How they are read.
        where: What the error messages call the source.
        shape: (height, width, channels) of images that they have to match, or None.

    Raises:
        InputError: If no file can be read, sizes or rates differ and none is asked for, or
            `strict` is asked for and a file cannot be used.
    """
    keep_labelled = options.pool_only or options.transductive
    lists = read_each_once(lists, keep_labelled=keep_labelled)
    passed_over = PassedOver().update(*(files.passed_over for files in lists))
    if holds_clips(lists, where=where):
        if options.pixel_range is not None:
            raise InputError(
                f"{where} has clips of sound, but `pixel_range` is for images. Leave it out."
            )
        found = read_clips(lists, options, where=where, shape=shape)
        return replace(found, passed_over=tuple(passed_over.kinds()))
    options.require_no_clip_options(where=where)
    ranged = options.pixel_range is not None
    headers = [Headers(files, options.pages, ranged=ranged) for files in lists]
    passed_over.update(*(found.passed_over for found in headers))
    broken = [aside for found in headers for aside in found.set_aside]
    usable = {found.part: found.sizes.total() for found in headers}
    refuse_set_aside(broken, usable, where=where, strict=options.strict)
    sizes = count_sizes(headers)
    channels = choose_channels(headers, options.channels, where=where, shape=shape)
    num_classes = len({label for files in lists for label in files.labels or ()})
    survey = Survey(where, sizes, usable, num_classes, channels)
    form = choose_form(headers, survey, options, shape=shape)
    size, resize = form.size, form.resize
    notes = [*form.notes, *note_headers(headers, channels, options)]

    seen = Extents()

    def decode(path: str, page: int) -> np.ndarray:
        return decode_image(
            path,
            channels=channels,
            size=size,
            resize=resize,
            pages=options.pages,
            page=page,
            pixel_range=options.values,
            seen=seen,
        )

    readable = [found.readable for found in headers]
    if options.pages == "each":
        lists, readable, more_notes = _expand(lists, headers)
        notes += more_notes
    parts, more = decode_parts(lists, readable, (*size, channels), decode)
    usable = {name: len(part.images) for name, part in parts.items()}
    refuse_set_aside([*broken, *more], usable, where=where, strict=options.strict)
    extents = judge_values(seen, options.values, where=where, lenient=options.lenient)
    notes += note_values(extents, options.values)
    kinds = tuple(passed_over.kinds())
    found = Images(parts, (*broken, *more), tuple(notes), sizes, passed_over=kinds)
    return replace(found, extents=extents, resize=resize)


def _expand(
    lists: Sequence[FileList], headers: Sequence[Headers]
) -> tuple[list[FileList], list[np.ndarray], list[str]]:
    """Returns lists in which each page has a row, what of them is readable, and a note.

    Labelled pages of one file are one group, where no other groups are told.
    """
    several = sum(int((found.images > 1).sum()) for found in headers)
    if not several:
        return list(lists), [found.readable for found in headers], []
    pages = sum(int(found.images[found.images > 1].sum()) for found in headers)
    expanded, readable = [], []
    for files, found in zip(lists, headers, strict=True):
        rows = np.repeat(np.arange(len(files.paths)), found.images)
        starts = np.repeat(np.cumsum(found.images) - found.images, found.images)
        groups, labels = files.groups, files.labels
        if groups is None and labels is not None:
            groups = files.paths
        expanded.append(
            replace(
                files,
                paths=Paths(files.paths[row] for row in rows.tolist()),
                labels=None if labels is None else [labels[row] for row in rows.tolist()],
                groups=None if groups is None else [groups[row] for row in rows.tolist()],
                pages=(np.arange(len(rows)) - starts).astype(np.uint32),
            )
        )
        readable.append(found.readable[rows])
    note = (
        f"{several} files have several pages or frames, which became {pages} images. Images "
        "of one file stay together if a test part is held out."
    )
    return expanded, readable, [note]
