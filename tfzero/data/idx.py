"""IDX files, the format of MNIST and its family (yann.lecun.com/exdb/mnist)."""

from __future__ import annotations

import gzip
import math
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tfzero.common.checks import InputError
from tfzero.common.pixels import Extents
from tfzero.data.collection import Collection, Part, check_part, number_classes
from tfzero.data.memory import gather_rows, is_large, slices
from tfzero.data.names import safe_name
from tfzero.data.options import LoadOptions
from tfzero.data.resize import fit_images, fit_pieces, note_fit

_NAME = re.compile(r"(train|t10k)-(images|labels)[-.]idx[13]-ubyte(\.gz)?")
_UNSIGNED_BYTE = 0x08  # The only element type of the family.


def find_idx(folder: Path) -> dict[tuple[str, str], Path]:
    """Returns the IDX files of a folder by part ("train", "t10k") and kind ("images", "labels").

    Of a file and its .gz the plain one is taken.
    """
    found = {}
    for path in sorted(folder.iterdir(), reverse=True):
        match = _NAME.fullmatch(path.name)
        if match:
            found[match[1], match[2]] = path
    return found


def load_idx(files: dict[tuple[str, str], Path], source: str, options: LoadOptions) -> Collection:
    """Loads what `find_idx` found.

    Args:
        files: Paths by part and kind.
        source: What the user gave.
        options: Size and channels to bring the images to.

    Raises:
        InputError: If a file is missing, broken, or does not fit the other.
    """
    folder = next(iter(files.values())).parent
    seen = Extents()
    train = _load_part(folder, files, "train", options, seen)
    has_test = any(part == "t10k" for part, _ in files)
    test = _load_part(folder, files, "t10k", options, seen) if has_test else None
    labels = [part.require_labels() for part in (train, test) if part is not None]
    return Collection(
        name=safe_name(folder.resolve().name),
        source=source,
        class_names=tuple(number_classes(np.concatenate(labels))),
        train=train,
        test=test,
        notes=tuple(note_fit(options)),
        resize=options.resize_mode,
    ).with_values(seen, options.values, where=str(folder), lenient=options.lenient)


def read_idx(path: Path) -> np.ndarray:
    """Reads one IDX file of unsigned bytes, compressed by gzip or not.

    Returns:
        uint8 of the shape that the file states.

    Raises:
        InputError: If it is no such file, or shorter or longer than it states.
    """
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    try:
        with gzip.open(path) if packed else path.open("rb") as file:
            magic = file.read(4)
            if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] != _UNSIGNED_BYTE or not magic[3]:
                raise InputError(
                    f"{path} begins with bytes {magic.hex(' ') or '(none)'}; expected 00 00 "
                    "08 and the number of axes, like an IDX file of unsigned bytes. "
                    "Download it again."
                )
            sides = file.read(4 * magic[3])
            shape = tuple(int(side) for side in np.frombuffer(sides[: len(sides) // 4 * 4], ">u4"))
            expected = math.prod(shape)
            if len(shape) == magic[3] > 1 and is_large(expected):
                return gather_rows(_pieces(file, path, shape), most=shape[0], shape=shape[1:])
            content = file.read(expected + 1) if len(shape) == magic[3] else b""
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(
            f"{path} is truncated or damaged ({error}); expected a whole gzip file. "
            "Download it again."
        ) from error
    if len(shape) < magic[3] or len(content) != expected:
        raise _wrong_length(path, shape, longer=len(content) > expected)
    return np.frombuffer(content, np.uint8).reshape(shape)


def _pieces(file, path: Path, shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    """Yields the rows some megabytes at a time, of a file that is too large for memory."""
    row_bytes = math.prod(shape[1:])
    for part in slices(shape[0], row_bytes):
        content = file.read((part.stop - part.start) * row_bytes)
        if len(content) < (part.stop - part.start) * row_bytes:
            raise _wrong_length(path, shape, longer=False)
        yield np.frombuffer(content, np.uint8).reshape(-1, *shape[1:])
    if file.read(1):
        raise _wrong_length(path, shape, longer=True)


def _wrong_length(path: Path, shape: tuple[int, ...], *, longer: bool) -> InputError:
    problem = "longer than" if longer else "truncated: shorter than"
    return InputError(f"{path} is {problem} its header states {shape}. Download it again.")


def _load_part(
    folder: Path,
    files: dict[tuple[str, str], Path],
    part: str,
    options: LoadOptions,
    seen: Extents,
) -> Part:
    arrays = {}
    for kind, axes in (("images", 3), ("labels", 1)):
        path = files.get((part, kind))
        if path is None:
            known = ", ".join(sorted(file.name for file in files.values()))
            raise InputError(
                f"{folder} has no {part}-{kind}-idx{axes}-ubyte[.gz] but {known}; expected "
                "images and labels together. Add the missing file."
            )
        arrays[kind] = read_idx(path)
        if arrays[kind].ndim != axes:
            raise InputError(
                f"{path} has {arrays[kind].ndim} axes; expected {axes}, because it should "
                f"hold {kind}. Check whether images and labels are swapped."
            )
    images, labels = arrays["images"], arrays["labels"]
    if len(images) != len(labels):
        raise InputError(
            f"{folder} has {len(images)} {part} images and {len(labels)} {part} labels; "
            "expected equal numbers. Download the files again."
        )
    name = f"{part} images"
    if isinstance(images, np.memmap) and (options.size or options.channels):
        pieces = (images[rows] for rows in slices(len(images), images[:1].nbytes))
        images = fit_pieces(pieces, options, count=len(images), name=name, seen=seen)
    else:
        images = fit_images(images, options, name=name, seen=seen)
    return check_part(images, labels, name="test" if part == "t10k" else part)
