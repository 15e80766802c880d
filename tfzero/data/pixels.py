"""Files to arrays: many are decoded at once, and kept on disk where memory is short."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from tfzero.common.checks import InputError
from tfzero.data.collection import FileList, Part, SetAside
from tfzero.data.memory import gather_rows
from tfzero.data.names import Names
from tfzero.data.threads import FILES_AT_ONCE, map_threads

# Pixels that a thread takes at once: of large images fewer than of small ones.
_BYTES_AT_ONCE = 2**20


def decode_parts(
    lists: Sequence[FileList],
    readable: Sequence[np.ndarray],
    shape: tuple[int, int, int],
    decode_file: Callable[[str, int], np.ndarray],
) -> tuple[dict[str, Part], list[SetAside]]:
    """Decodes the readable files; those that break only now are set aside too.

    Args:
        lists: The files of each part.
        readable: Of each part bool `(N,)`: which files to decode.
        shape: (height, width, channels) of every image.
        decode_file: Makes the image of a path and a page; several threads call it.

    Returns:
        The parts by name, and what was set aside.
    """
    parts, aside = {}, []
    for files, usable in zip(lists, readable, strict=True):
        parts[files.part], broken = _decode_part(files, usable, shape, decode_file)
        aside += broken
    return parts, aside


def _decode_part(
    files: FileList,
    readable: np.ndarray,
    shape: tuple[int, int, int],
    decode_file: Callable[[str, int], np.ndarray],
) -> tuple[Part, list[SetAside]]:
    reasons, lost = [], []
    rows = np.flatnonzero(readable).astype(np.uint32)
    # Large images are their own chunk; of small ones many make one.
    step = int(np.clip(_BYTES_AT_ONCE // max(1, np.prod(shape)), 1, FILES_AT_ONCE))

    def decode(block: np.ndarray) -> tuple[np.ndarray, list[tuple[int, SetAside]]]:
        pixels, bad = np.empty((len(block), *shape), np.uint8), []
        for place, row in enumerate(block.tolist()):
            try:
                path = os.path.join(files.root, files.paths[row])
                page = 0 if files.pages is None else int(files.pages[row])
                pixels[place - len(bad)] = decode_file(path, page)
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
        names=Names(files.names(), kept),
        labels=None if files.labels is None else np.array(files.labels, np.int64)[kept],
        groups=None if files.groups is None else np.array(files.groups, dtype=object)[kept],
    )
    return part, reasons
