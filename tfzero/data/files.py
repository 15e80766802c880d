"""Image files to parts: read, brought to one form, and set aside where they are broken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfzero._checks import InputError
from tfzero.data.collection import FileList, Part, Reading, SetAside
from tfzero.data.decode import decode_image, map_threads, read_header
from tfzero.data.memory import gather_rows
from tfzero.data.names import Names, display_name
from tfzero.data.resize import SMALLEST

_HEADER = np.dtype(
    [("height", "i4"), ("width", "i4"), ("gray", "?"), ("transparent", "?"), ("deep", "?")]
)
# Files that a thread takes at once: fewer would be all overhead, for small images; of large ones
# as many as make up some pixels.
_FILES_AT_ONCE, _BYTES_AT_ONCE = 64, 2**20


class Images:
    """What `read_files` made of files.

    Attributes:
        parts: Images by the part's name.
        set_aside: Files that could not be used.
        notes: What was done, in sentences.
        sizes: How often each (height, width) occurs among readable files.
    """

    def __init__(self, parts, set_aside, notes, sizes):
        self.parts: dict[str, Part] = parts
        self.set_aside: tuple[SetAside, ...] = set_aside
        self.notes: tuple[str, ...] = notes
        self.sizes: Counter = sizes


def read_files(
    lists: Sequence[FileList],
    reading: Reading,
    *,
    where: str,
    shape: tuple[int, int, int] | None = None,
    lenient: bool = False,
) -> Images:
    """Reads the images of all parts, so that all get one size and the same channels.

    Args:
        lists: The files.
        reading: How.
        where: What the error messages call the source.
        shape: (height, width, channels) of images that they have to match, or None.
        lenient: Whether images of several sizes are brought to the commonest without asking.

    Raises:
        InputError: If no file can be read, sizes differ and none is asked for, or `strict` is
            asked for and a file cannot be used.
    """
    headers, broken = {}, []
    for files in lists:
        headers[files.part], reasons = _read_headers(files)
        broken += reasons
    sizes = _count_sizes(headers.values())
    _refuse_broken(broken, reading, where=where, any_good=bool(sizes))
    size = reading.size
    if size is None:
        size = _common_size(lists, headers, sizes, where, shape=shape, lenient=lenient)
    gray = all(table["gray"][table["height"] > 0].all() for table in headers.values())
    channels = shape[2] if shape else reading.channels or (1 if gray else 3)
    notes = _note_headers(headers.values(), channels, size, reading)
    readable = {part: table["height"] > 0 for part, table in headers.items()}
    del headers  # Eleven bytes a file, which the images' names can do with.
    parts = {}
    for files in lists:
        parts[files.part], reasons = _decode_part(
            files, readable[files.part], (*size, channels), reading.resize
        )
        broken += reasons
    _refuse_broken(
        broken, reading, where=where, any_good=any(len(p.images) for p in parts.values())
    )
    return Images(parts, tuple(broken), tuple(notes), sizes)


def _count_sizes(tables: Iterable[np.ndarray]) -> Counter:
    """Returns how often each (height, width) occurs."""
    sizes = Counter()
    for table in tables:
        packed = (table["height"].astype(np.int64) << 32) | table["width"]
        found, times = np.unique(packed[packed > 0], return_counts=True)
        for size, count in zip(found.tolist(), times.tolist(), strict=True):
            sizes[size >> 32, size & (2**32 - 1)] += count
    return sizes


def _refuse_broken(broken, reading: Reading, *, where: str, any_good: bool) -> None:
    if broken and (reading.strict or not any_good):
        more = f" So are {len(broken) - 1} files more." if len(broken) > 1 else ""
        remedy = " --strict refuses them; without it they are set aside." if reading.strict else ""
        raise InputError(
            f"{where} has a file that cannot be used: {broken[0].reason}{more}{remedy}"
        )


def _read_headers(files: FileList) -> tuple[np.ndarray, list[SetAside]]:
    """Returns a row a file, of zeros where a file cannot be read, and why."""
    root = Path(files.root)

    def read(paths: list[str]) -> list[tuple | str]:
        rows: list[tuple | str] = []
        for path in paths:
            try:
                header = read_header(root / path)
                rows.append((header.height, header.width, header.gray, header.transparent,
                             header.deep))  # fmt: skip
            except InputError as error:
                rows.append(str(error))
        return rows

    table, reasons, row = np.zeros(len(files.paths), _HEADER), [], 0
    for block in map_threads(read, _cut(files.paths, _FILES_AT_ONCE)):
        for found in block:
            if isinstance(found, str):
                reasons.append(_set_aside(files, row, found))
            else:
                table[row] = found
            row += 1
    return table, reasons


def _set_aside(files: FileList, row: int, reason: str) -> SetAside:
    return SetAside(files.part, display_name(files.paths[row]), display_name(reason))


def _cut(items: Any, step: int) -> Iterator:
    for start in range(0, len(items), step):
        yield items[start : start + step]


def _decode_part(
    files: FileList, readable: np.ndarray, shape: tuple[int, int, int], resize: str
) -> tuple[Part, list[SetAside]]:
    """Decodes what is readable; what breaks only now is set aside too."""
    root, reasons, lost = Path(files.root), [], []
    rows = np.flatnonzero(readable).astype(np.uint32)
    # Large images are their own chunk; of small ones many make one.
    step = int(np.clip(_BYTES_AT_ONCE // max(1, np.prod(shape)), 1, _FILES_AT_ONCE))

    def decode(block: np.ndarray) -> tuple[np.ndarray, list[tuple[int, SetAside]]]:
        pixels, bad = np.empty((len(block), *shape), np.uint8), []
        for place, row in enumerate(block.tolist()):
            try:
                pixels[place - len(bad)] = decode_image(
                    root / files.paths[row], channels=shape[2], size=shape[:2], resize=resize
                )
            except InputError as error:
                bad.append((row, _set_aside(files, row, str(error))))
        return pixels[: len(block) - len(bad)], bad

    def chunks() -> Iterator[np.ndarray]:
        for pixels, bad in map_threads(decode, _cut(rows, step)):
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


def _common_size(lists, headers, sizes, where, *, shape, lenient) -> tuple[int, int]:
    (common, times), *others = sizes.most_common()
    if shape is not None and (others or common != shape[:2]):
        raise InputError(
            f"The images of {where} are {common[0]}x{common[1]} pixels and more sizes; the "
            f"labelled images are {shape[0]}x{shape[1]}. Pass --size N to bring all to one size."
        )
    if others and not lenient:
        first, second = (_find_size(lists, headers, size) for size in (common, others[0][0]))
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


def _find_size(lists: Sequence[FileList], headers, size: tuple[int, int]) -> str:
    for files in lists:
        table = headers[files.part]
        rows = np.flatnonzero((table["height"] == size[0]) & (table["width"] == size[1]))
        if len(rows):
            return f"{display_name(files.paths[rows[0]])} ({size[0]}x{size[1]})"
    raise AssertionError("sizes were counted from these headers")


def _note_headers(
    tables: Iterable[np.ndarray], channels: int, size: tuple[int, int], reading: Reading
) -> list[str]:
    total = resized = gray = colored = transparent = deep = 0
    for table in tables:
        good = table["height"] > 0
        total += int(good.sum())
        other = (table["height"] != size[0]) | (table["width"] != size[1])
        resized += int((good & other).sum())
        gray += int((good & table["gray"]).sum())
        colored += int((good & ~table["gray"]).sum())
        transparent += int(table["transparent"].sum())
        deep += int(table["deep"].sum())
    goal = f"{size[0]}x{size[1]}"
    how = {"stretch": "", "pad": ", with black margins", "crop": ", their middle cut out"}
    sentences = [
        (resized, f"images were resized to {goal}{how[reading.resize]}."),
        (
            gray if channels == 3 and reading.channels is None else 0,
            "images are gray and were loaded as RGB like the others.",
        ),
        (
            colored if channels == 1 else 0,
            "images have colors and were loaded as gray.",
        ),
        (transparent, "images have transparency and were laid on white."),
        (deep, "images have 16 bits and were scaled to 8."),
    ]
    return [f"{count} of {total} {words}" for count, words in sentences if count]
