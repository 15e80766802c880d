"""Files of images or sound to parts: read, brought to one form, set aside where broken."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from tfzero.common.checks import InputError
from tfzero.data.collection import FileList, Part, Reading, SetAside
from tfzero.data.decode import decode_image, map_threads
from tfzero.data.headers import FILES_AT_ONCE, Headers, count_sizes, note_headers
from tfzero.data.logmel import LogMel
from tfzero.data.memory import gather_rows
from tfzero.data.names import Names
from tfzero.data.resize import SMALLEST
from tfzero.data.sound import (
    ClipHeaders,
    clip_decoder,
    holds_clips,
    note_clips,
    plan_clips,
    refuse_clip_options,
)

# Pixels that a thread takes at once: of large images fewer than of small ones.
_BYTES_AT_ONCE = 2**20


class Images:
    """What `read_files` made of files.

    Attributes:
        parts: Images by the part's name.
        set_aside: Files that could not be used.
        notes: What was done, in sentences.
        sizes: How often each (height, width) occurs among readable files; empty for clips.
        sound: How clips of sound became images; None for images.
    """

    def __init__(self, parts, set_aside, notes, sizes, sound=None):
        self.parts: dict[str, Part] = parts
        self.set_aside: tuple[SetAside, ...] = set_aside
        self.notes: tuple[str, ...] = notes
        self.sizes: Counter = sizes
        self.sound: LogMel | None = sound


def read_files(
    lists: Sequence[FileList],
    reading: Reading,
    *,
    where: str,
    shape: tuple[int, int, int] | None = None,
    lenient: bool = False,
) -> Images:
    """Reads the images or clips of all parts, so that all get one size and the same channels.

    Args:
        lists: The files.
        reading: How.
        where: What the error messages call the source.
        shape: (height, width, channels) of images that they have to match, or None.
        lenient: Whether images of several sizes are brought to the commonest without asking.

    Raises:
        InputError: If no file can be read, sizes or rates differ and none is asked for, or
            `strict` is asked for and a file cannot be used.
    """
    if holds_clips(lists, where=where):
        return _read_clips(lists, reading, where=where, shape=shape)
    refuse_clip_options(reading, where=where)
    headers = {files.part: Headers(files) for files in lists}
    broken = [aside for found in headers.values() for aside in found.set_aside]
    sizes = count_sizes(list(headers.values()))
    readable = {part: found.sizes.total() for part, found in headers.items()}
    _refuse_broken(broken, reading, where=where, good=readable)
    size = reading.size
    if size is None:
        size = _common_size(headers, sizes, where, shape=shape, lenient=lenient)
    gray = all(found.kinds["gray"] == found.sizes.total() for found in headers.values())
    channels = shape[2] if shape else reading.channels or (1 if gray else 3)

    def decode(path: str) -> np.ndarray:
        return decode_image(path, channels=channels, size=size, resize=reading.resize)

    parts = {}
    for files in lists:
        parts[files.part], reasons = _decode_part(
            files, headers[files.part].readable, (*size, channels), decode
        )
        broken += reasons
    _refuse_broken(broken, reading, where=where, good=_count(parts))
    notes = note_headers(list(headers.values()), channels, size, reading)
    return Images(parts, tuple(broken), tuple(notes), sizes)


def _read_clips(lists, reading: Reading, *, where: str, shape) -> Images:
    """Does what `read_files` does, of clips of sound."""
    if shape is not None:
        raise InputError(f"{where} holds clips of sound, the labelled images are none; give both "
                         "as clips.")  # fmt: skip
    headers = [(files, ClipHeaders(files)) for files in lists]
    broken = [aside for _, found in headers for aside in found.set_aside]
    readable = {files.part: found.rates.total() for files, found in headers}
    _refuse_broken(broken, reading, where=where, good=readable)
    settings = reading.sound or plan_clips(headers, reading, where=where)
    decode, parts = clip_decoder(settings), {}
    for files, found in headers:
        parts[files.part], reasons = _decode_part(
            files, found.readable, settings.image_shape, decode
        )
        broken += reasons
    _refuse_broken(broken, reading, where=where, good=_count(parts))
    notes = note_clips([found for _, found in headers], settings)
    return Images(parts, tuple(broken), tuple(notes), Counter(), settings)


def _count(parts: Mapping[str, Part]) -> dict[str, int]:
    return {name: len(part.images) for name, part in parts.items()}


def _refuse_broken(
    broken: Sequence[SetAside], reading: Reading, *, where: str, good: Mapping[str, int]
) -> None:
    """Refuses files that cannot be used where asked, or where nothing is left to learn from.

    Args:
        broken: Those files.
        reading: Whether to refuse any.
        where: What the error messages call the source.
        good: How many files of each part can be used.
    """
    learnt = [each for each in broken if each.part == "train"]
    if not reading.strict and not good.get("train", 1) and learnt:
        broken = learnt
    elif not broken or not (reading.strict or not any(good.values())):
        return
    more = f" So are {len(broken) - 1} files more." if len(broken) > 1 else ""
    remedy = " --strict refuses them; without it they are set aside." if reading.strict else ""
    raise InputError(f"{where} has a file that cannot be used: {broken[0].reason}{more}{remedy}")


def _decode_part(
    files: FileList,
    readable: np.ndarray,
    shape: tuple[int, int, int],
    decode_file: Callable[[str], np.ndarray],
) -> tuple[Part, list[SetAside]]:
    """Decodes what is readable; what breaks only now is set aside too."""
    reasons, lost = [], []
    rows = np.flatnonzero(readable).astype(np.uint32)
    # Large images are their own chunk; of small ones many make one.
    step = int(np.clip(_BYTES_AT_ONCE // max(1, np.prod(shape)), 1, FILES_AT_ONCE))

    def decode(block: np.ndarray) -> tuple[np.ndarray, list[tuple[int, SetAside]]]:
        pixels, bad = np.empty((len(block), *shape), np.uint8), []
        for place, row in enumerate(block.tolist()):
            try:
                path = os.path.join(files.root, files.paths[row])
                pixels[place - len(bad)] = decode_file(path)
            except InputError as error:
                bad.append((row, files.set_aside(row, str(error))))
        return pixels[: len(block) - len(bad)], bad

    def chunks() -> Iterator[np.ndarray]:
        for pixels, bad in map_threads(
            decode, (rows[at : at + step] for at in range(0, len(rows), step))
        ):
            lost.extend(row for row, _ in bad)
            reasons.extend(reason for _, reason in bad)
            yield pixels

    images = gather_rows(chunks(), most=len(rows), shape=shape)
    kept = rows[~np.isin(rows, lost)] if lost else rows
    part = Part(
        images=images,
        names=Names(files.paths, kept),
        labels=None if files.labels is None else np.array(files.labels, np.int64)[kept],
        groups=None if files.groups is None else np.array(files.groups, dtype=object)[kept],
    )
    return part, reasons


def _common_size(headers, sizes, where, *, shape, lenient) -> tuple[int, int]:
    (common, times), *others = sizes.most_common()
    if shape is not None and (others or common != shape[:2]):
        raise InputError(
            f"The images of {where} are {common[0]}x{common[1]} pixels and more sizes; the "
            f"labelled images are {shape[0]}x{shape[1]}. Pass --size N to bring all to one size."
        )
    if others and not lenient:
        first, second = (
            next(
                f"{found.examples[size]} ({size[0]}x{size[1]})"
                for found in headers.values()
                if size in found.examples
            )
            for size in (common, others[0][0])
        )
        raise InputError(
            f"The images of {where} have {1 + len(others)} different sizes, height x width, for "
            f"example {first} and {second}; expected one. The commonest is {common[0]}x{common[1]} "
            f"({times} of {sum(sizes.values())} images). Pass --size N to resize all, for example "
            f"--size {max(common)}."
        )
    if min(common) < SMALLEST and not lenient:
        raise InputError(
            f"The images of {where} are {common[0]}x{common[1]} pixels; expected at least 8x8. "
            "Pass --size N to enlarge them."
        )
    return max(common[0], SMALLEST), max(common[1], SMALLEST)
