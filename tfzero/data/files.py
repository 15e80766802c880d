"""Files of images or sound to parts: read, brought to one form, set aside where broken."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfzero.common.checks import InputError
from tfzero.common.pixels import Extents
from tfzero.data.clips import holds_clips
from tfzero.data.collection import FileList, Images, judge_values, note_values, refuse_set_aside
from tfzero.data.decode import decode_image
from tfzero.data.headers import Headers, choose_size, count_sizes, note_headers
from tfzero.data.options import LoadOptions
from tfzero.data.pixels import decode_parts
from tfzero.data.sound import read_clips


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
    if holds_clips(lists, where=where):
        if options.pixel_range is not None:
            raise InputError(
                f"{where} has clips of sound, but `pixel_range` is for images. Leave it out."
            )
        return read_clips(lists, options, where=where, shape=shape)
    options.require_no_clip_options(where=where)
    headers = [Headers(files, ranged=options.pixel_range is not None) for files in lists]
    broken = [aside for found in headers for aside in found.set_aside]
    usable = {found.part: found.sizes.total() for found in headers}
    refuse_set_aside(broken, usable, where=where, strict=options.strict)
    sizes = count_sizes(headers)
    size = options.image_size or choose_size(
        headers, where=where, shape=shape, lenient=options.lenient
    )
    gray = all(found.kinds["gray"] == found.sizes.total() for found in headers)
    channels = shape[2] if shape else options.channels or (1 if gray else 3)
    notes = note_headers(headers, channels, size, options)

    seen = Extents()

    def decode(path: str) -> np.ndarray:
        return decode_image(
            path,
            channels=channels,
            size=size,
            resize=options.resize,
            pixel_range=options.values,
            seen=seen,
        )

    readable = [found.readable for found in headers]
    parts, more = decode_parts(lists, readable, (*size, channels), decode)
    usable = {name: len(part.images) for name, part in parts.items()}
    refuse_set_aside([*broken, *more], usable, where=where, strict=options.strict)
    extents = judge_values(seen, options.values, where=where, lenient=options.lenient)
    notes += note_values(extents, options.values)
    return Images(parts, (*broken, *more), tuple(notes), sizes, extents=extents)
