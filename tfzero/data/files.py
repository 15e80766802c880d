"""Files of images or sound to parts: read, brought to one form, set aside where broken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tfzero.common.checks import InputError
from tfzero.data.clips import holds_clips
from tfzero.data.collection import FileList, Part, SetAside, refuse_set_aside
from tfzero.data.decode import decode_image
from tfzero.data.headers import Headers, choose_size, count_sizes, note_headers
from tfzero.data.logmel import LogMel
from tfzero.data.options import LoadOptions
from tfzero.data.pixels import decode_parts
from tfzero.data.sound import ClipHeaders, clip_decoder, note_clips, plan_clips


@dataclass(frozen=True, eq=False)
class Images:
    """What `read_files` made of files.

    Attributes:
        parts: Images by the part's name.
        set_aside: Files that could not be used.
        notes: What was done, in sentences.
        sizes: How often each (height, width) occurs among readable files; empty for clips.
        sound: How clips of sound became images; None for images.
    """

    parts: Mapping[str, Part]
    set_aside: tuple[SetAside, ...]
    notes: tuple[str, ...]
    sizes: Mapping[tuple[int, int], int]
    sound: LogMel | None = None


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
        return _read_clips(lists, options, where=where, shape=shape)
    options.require_no_clip_options(where=where)
    headers = [Headers(files) for files in lists]
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

    def decode(path: str) -> np.ndarray:
        return decode_image(path, channels=channels, size=size, resize=options.resize)

    readable = [found.readable for found in headers]
    parts, more = decode_parts(lists, readable, (*size, channels), decode)
    usable = {name: len(part.images) for name, part in parts.items()}
    refuse_set_aside([*broken, *more], usable, where=where, strict=options.strict)
    return Images(parts, (*broken, *more), tuple(notes), sizes)


def _read_clips(
    lists: Sequence[FileList],
    options: LoadOptions,
    *,
    where: str,
    shape: tuple[int, int, int] | None,
) -> Images:
    """Does what `read_files` does, of clips of sound."""
    if shape is not None:
        raise InputError(
            f"{where} holds clips of sound, the labelled images are none; give both as clips."
        )
    headers = [ClipHeaders(files) for files in lists]
    broken = [aside for found in headers for aside in found.set_aside]
    usable = {found.part: found.rates.total() for found in headers}
    refuse_set_aside(broken, usable, where=where, strict=options.strict)
    settings = options.sound or plan_clips(headers, options, where=where)
    notes, decode = note_clips(headers, settings), clip_decoder(settings)
    readable = [found.readable for found in headers]
    parts, more = decode_parts(lists, readable, settings.image_shape, decode)
    usable = {name: len(part.images) for name, part in parts.items()}
    refuse_set_aside([*broken, *more], usable, where=where, strict=options.strict)
    return Images(parts, (*broken, *more), tuple(notes), Counter(), settings)
