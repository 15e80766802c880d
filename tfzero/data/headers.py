"""What many files say about their images before any pixel is decoded, summed up as it is read."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tfzero.common.checks import InputError
from tfzero.data.collection import FileList, SetAside
from tfzero.data.decode import Header, read_header
from tfzero.data.names import display_name
from tfzero.data.options import SMALLEST, LoadOptions
from tfzero.data.passed_over import FRAMES, PassedOver
from tfzero.data.square import Survey, note_choice
from tfzero.data.threads import FILES_AT_ONCE, map_threads


class Headers:
    """The headers of one part's files, of which only sums are kept.

    Attributes:
        part: Name of the part.
        readable: bool `(N,)`: whether each file's header can be read.
        set_aside: The others.
        sizes: How often each (height, width) occurs.
        examples: A file of each size.
        kinds: How many images are "gray", "transparent" or "deep".
        channels: How many images have so many channels.
        channel_examples: A file of each number of channels.
        images: uint32 `(N,)`: how many images each file holds, of those that are read.
        passed_over: Counts pages and frames that are not read.
    """

    def __init__(self, files: FileList, pages: str = "first", *, ranged: bool = False):
        self.part = files.part
        self.readable = np.zeros(len(files.paths), bool)
        self.set_aside: list[SetAside] = []
        self.sizes: Counter[tuple[int, int]] = Counter()
        self.examples: dict[tuple[int, int], str] = {}
        self.kinds: Counter[str] = Counter()
        self.channels: Counter[int] = Counter()
        self.channel_examples: dict[int, str] = {}
        self.images = np.ones(len(files.paths), np.uint32)
        self.passed_over = PassedOver()
        row = 0
        read = _read_block(files.root, pages, ranged)
        for block in map_threads(read, files.cut(FILES_AT_ONCE)):
            for found in block:
                if isinstance(found, str):
                    self.set_aside.append(files.set_aside(row, found))
                else:
                    self._add(files, row, found)
                row += 1

    def _add(self, files: FileList, row: int, header: Header) -> None:
        self.readable[row] = True
        size = header.height, header.width
        self.sizes[size] += header.images
        if size not in self.examples:
            self.examples[size] = display_name(files.paths[row])
        for kind in ("gray", "transparent", "deep"):
            self.kinds[kind] += getattr(header, kind) * header.images
        self.channels[header.channels] += header.images
        self.channel_examples.setdefault(header.channels, display_name(files.paths[row]))
        self.images[row] = header.images
        if header.frames > header.images:
            self.passed_over.add(FRAMES, files.paths[row], header.frames - header.images)


def _read_block(root: str, pages: str, ranged: bool):
    # Not by pathlib, which keeps each part of each path for as long as any is around.
    def read(paths: list[str]) -> list[Header | str]:
        found: list[Header | str] = []
        for path in paths:
            try:
                found.append(read_header(os.path.join(root, path), pages=pages, ranged=ranged))
            except InputError as error:
                found.append(str(error))
        return found

    return read


def count_sizes(parts: Sequence[Headers]) -> Counter[tuple[int, int]]:
    """Returns how often each (height, width) occurs in all parts, small ones first."""
    total = sum((headers.sizes for headers in parts), Counter())
    return Counter(dict(sorted(total.items())))


class Form(NamedTuple):
    """The size that all images get, how they get it, and what is said of that."""

    size: tuple[int, int]
    resize: str
    notes: list[str]


def choose_form(
    parts: Sequence[Headers],
    survey: Survey,
    options: LoadOptions,
    *,
    shape: tuple[int, int, int] | None,
) -> Form:
    """Returns the form that is asked for, that all images have, or that a rule chooses.

    Args:
        parts: Headers of all files.
        survey: What they say together.
        options: How the files are read.
        shape: (height, width, channels) of images that they have to match, or None.

    Raises:
        InputError: If the images cannot have that form.
    """
    if options.image_size is None and shape is None and len(survey.sizes) > 1:
        choice = options.size_rule(survey)
        resize = choice.resize or options.resize or "pad"
        return Form(choice.size, resize, [note_choice(survey, choice, resize=resize)])
    size = options.image_size or _take_size(
        parts, where=survey.where, shape=shape, lenient=options.lenient
    )
    resize = options.resize_mode
    return Form(size, resize, _note_resized(parts, size, resize=resize))


def _take_size(
    parts: Sequence[Headers], *, where: str, shape: tuple[int, int, int] | None, lenient: bool
) -> tuple[int, int]:
    """Returns the one size that all images have, enlarged to at least 8x8.

    Args:
        parts: Headers of all files; without a shape to match they have one size.
        where: What the error messages call the source.
        shape: (height, width, channels) of images that they have to match, or None.
        lenient: Whether a small size is let through.

    Raises:
        InputError: If the size is another than that to match, or small.
    """
    (common, _), *others = count_sizes(parts).most_common()
    if shape is not None and (others or common != shape[:2]):
        raise InputError(
            f"The images of {where} are {common[0]}x{common[1]} pixels and more sizes; the "
            f"labelled images are {shape[0]}x{shape[1]}. Use `size` to resize all to one "
            "size."
        )
    if min(common) < SMALLEST and not lenient:
        raise InputError(
            f"The images of {where} are {common[0]}x{common[1]} pixels; expected at least "
            "8x8. Use `size` to enlarge them."
        )
    return max(common[0], SMALLEST), max(common[1], SMALLEST)


def _note_resized(parts: Sequence[Headers], size: tuple[int, int], *, resize: str) -> list[str]:
    """Returns how many images were brought to a size that was asked for, in a sentence."""
    sizes = count_sizes(parts)
    total, count = sizes.total(), sizes.total() - sizes[size]
    how = {"stretch": "", "pad": ", with black margins", "crop": ", and cropped to the middle"}[
        resize
    ]
    return [f"{count} of {total} images were resized to {size[0]}x{size[1]}{how}."] * (count > 0)


def choose_channels(
    parts: Sequence[Headers], asked: int | None, *, where: str, shape: tuple[int, int, int] | None
) -> int:
    """Returns the number of channels that all images get; gray and colours are made alike.

    Args:
        parts: Headers of all files.
        asked: 1, 3 or None for what the images are.
        where: What the error messages call the source.
        shape: (height, width, channels) of images that they have to match, or None.

    Raises:
        InputError: If images have other numbers of channels than gray and colours, and differ.
    """
    counts = sum((headers.channels for headers in parts), Counter())
    examples = {
        number: name for found in reversed(parts) for number, name in found.channel_examples.items()
    }
    wanted = shape[2] if shape else asked
    plain = set(counts) <= {1, 3} and wanted in (None, 1, 3)
    if plain:
        return wanted or (1 if set(counts) == {1} else 3)
    other, number = next((n for n in counts if n not in (1, 3)), 0), next(iter(counts))
    if len(counts) == 1 and wanted in (None, number):
        return number
    if len(counts) > 1:
        first = next(n for n in counts if n != other)
        raise InputError(
            f"The images of {where} have different numbers of channels, for example "
            f"{examples[other]} ({other}) and {examples[first]} ({first}); expected the same "
            "number. Convert them, or remove the others."
        )
    raise InputError(
        f"The images of {where} have {number} channels, for example {examples[number]}; "
        f"expected {wanted}. Only gray (1) and RGB (3) can be converted to each other."
    )


def note_headers(parts: Sequence[Headers], channels: int, options: LoadOptions) -> list[str]:
    """Returns what bringing the images' pixels to one form does to them, in sentences."""
    kinds = sum((headers.kinds for headers in parts), Counter())
    total = count_sizes(parts).total()
    sentences = [
        (
            kinds["gray"] if channels == 3 and options.channels is None else 0,
            "images are gray and were loaded as RGB like the others.",
        ),
        (
            total - kinds["gray"] if channels == 1 else 0,
            "images have colors and were loaded as gray.",
        ),
        (kinds["transparent"], "images have transparency and were placed on white."),
        (
            kinds["deep"] if options.pixel_range is None else 0,
            "images have 16 bits and were scaled to 8.",
        ),
    ]
    return [f"{count} of {total} {words}" for count, words in sentences if count]
