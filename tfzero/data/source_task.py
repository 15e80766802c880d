"""Another data set that an encoder may learn from first, in the form of the target's images."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from tfzero.common.checks import InputError
from tfzero.common.files import atomic_file, make_folder, write_json
from tfzero.common.pixels import PixelRange, RangeError
from tfzero.data.classes import leave_small_classes_out, note_left
from tfzero.data.collection import Collection, Part, label_part
from tfzero.data.dataset import ImageData, hash_array
from tfzero.data.digests import digest_rows, order_by_content
from tfzero.data.files import read_files
from tfzero.data.idx import find_idx
from tfzero.data.kinds import default_kind
from tfzero.data.memory import join_rows, take_rows
from tfzero.data.names import name_rows, safe_name
from tfzero.data.options import LoadOptions
from tfzero.data.resize import convert_channels, resize_images
from tfzero.data.scan import find_train_alone, holds_images, list_tree
from tfzero.data.sources import read_source
from tfzero.data.store import open_array
from tfzero.data.table import TABLE_NAME

_SUMMARY = "source.json"


@dataclass(frozen=True, eq=False)
class SourceTask:
    """Images to learn from before the target's, and their labels where they have some.

    Attributes:
        name: Safe as a folder name.
        images: uint8 `(P, H, W, C)` in 0..255, of the target's shape; the labelled ones first.
        labels: int64 `(L,)` in 0..K-1, of the first L images; empty without labels.
        class_names: K names, or none.
        source: What the user gave.
        notes: Plain sentences about what was done.
        kind: The kind of data, which decides what training may change in an image.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    source: str
    notes: tuple[str, ...] = ()
    kind: str = "digits"

    @property
    def labelled_images(self) -> np.ndarray:
        """The images that have labels, uint8 `(L, H, W, C)`."""
        return self.images[: len(self.labels)]

    @cached_property
    def fingerprint(self) -> str:
        """Hexadecimal hash of all pixels and labels."""
        parts = [hash_array(self.images), hash_array(self.labels), str(len(self.class_names))]
        joined = b"".join(part if isinstance(part, bytes) else part.encode() for part in parts)
        return hashlib.blake2b(joined, digest_size=16).hexdigest()


def load_source_task(source: str | os.PathLike[str] | ImageData, *, like: ImageData) -> SourceTask:
    """Loads another data set in the shape of the target's images.

    Its test part is not read. Clips of sound become images as the target's do, resampled to the
    same rate and cut to the same length. Images that equal a test image of the target are left
    out, and labelled ones that equal a training image of it: their labels are the target's. Images
    are compared pixel by pixel, at the target's size.

    Args:
        source: As `load_data` takes it; or a folder with `train/` alone; or a folder of images
            without classes; or an `ImageData`.
        like: The target: its size, channels and way to resize are the source's, too.

    Raises:
        InputError: If the source cannot be used.
    """
    if isinstance(source, ImageData):
        collection = _from_data(source, like)
    else:
        collection = leave_small_classes_out(_read_in_range(source, like), strict=False)
    train, pool = collection.train, collection.pool
    labels, class_names = train.labels, collection.class_names
    notes = [*note_left(collection), *collection.notes]
    if labels is None or len(class_names) < 2:
        labels, class_names = np.zeros(0, np.int64), ()
        notes.append("It has no classes, so methods learn from it without labels.")
    elif collection.test is not None:
        notes.append(f"Its {len(collection.test.images):,} test images are not read.")
    images, labels, overlap = _without_leaks(train, labels, like)
    if pool is not None:
        unlabeled, _, more = _without_leaks(pool, np.zeros(0, np.int64), like)
        images, overlap = join_rows(images, unlabeled), overlap + more
    notes += _note_overlap(overlap)
    if not len(images) or (class_names and len(np.unique(labels)) < len(class_names)):
        raise _nothing_own(collection.source, class_names, overlap)
    kind = default_kind(like.image_shape[-1]) if collection.sound is None else "spectrograms"
    return SourceTask(
        collection.name, images, labels, class_names, collection.source, tuple(notes), kind
    )


def _without_leaks(part: Part, labels: np.ndarray, like: ImageData):
    """Returns images and labels in an order that pixels decide, and how many the target has.

    Neither a test image nor, with a label, a training image of the target is kept: by the label
    an arm at few labels would know those that it is not given.
    """
    digests, labelled = digest_rows(part.images), len(labels) > 0
    tested = np.isin(digests, digest_rows(like.test_images))
    trained = np.isin(digests, digest_rows(like.train_images)) & ~tested
    kept = ~(tested | trained) if labelled else ~tested
    order = order_by_content(part.images, labels if labelled else None)
    rows = order[kept[order]]
    overlap = Counter(
        {"test": int(tested.sum()), "labelled" if labelled else "unlabeled": int(trained.sum())}
    )
    return take_rows(part.images, rows), labels[rows] if labelled else labels, overlap


def _note_overlap(overlap: Counter[str]) -> list[str]:
    """Returns what became of images that the target has too, in sentences."""
    test, labelled, unlabeled = (overlap[name] for name in ("test", "labelled", "unlabeled"))
    notes = []
    if test:
        notes.append(f"Left out {test:,} of its images, which equal a test image of the target.")
    if labelled:
        notes.append(
            f"Left out {labelled:,} of its labelled images, which equal a training image of "
            "the target. Their labels would reveal labels that an arm may not know."
        )
    if unlabeled:
        notes.append(
            f"{unlabeled:,} of its unlabeled images equal a training image of the target. "
            "They are kept, because they have no labels."
        )
    return notes


def _nothing_own(source: str, class_names: tuple[str, ...], overlap: Counter[str]) -> InputError:
    parts = [name for name, key in (("test", "test"), ("training", "labelled")) if overlap[key]]
    where = "in some class" if class_names else "at all"
    if not parts:
        return InputError(f"{source} has no images {where}; expected some. Use another `source`.")
    return InputError(
        f"{source} has no new images {where}: the others equal {' or '.join(parts)} images of the "
        "target. A source must not reveal the target's labels. Use another `source`."
    )


def _read_in_range(source: str | os.PathLike[str], like: ImageData) -> Collection:
    """Reads a source by what its own values tell; or if they do not, by the target's range."""
    try:
        return _read(source, like, None)
    except RangeError as error:
        if like.pixel_range is None:
            raise _needs_range(source, error) from error
    try:
        return _read(source, like, like.pixel_range)
    except RangeError as error:
        raise _needs_range(source, error) from error


def _needs_range(source: str | os.PathLike[str], error: RangeError) -> InputError:
    return InputError(
        f"{error} A source needs its own range. In Python, load it first: "
        f"tfzero.load_data({os.fspath(source)!r}, pixel_range=...)."
    )


def _read(
    source: str | os.PathLike[str], like: ImageData, pixel_range: PixelRange | None
) -> Collection:
    height, width, channels = like.image_shape
    if channels not in (1, 3):
        raise InputError(
            f"The target's images have {channels} channels; a source can be converted only "
            "to 1 or 3. Choose that many channels of the target: images[..., :3]."
        )
    path = Path(os.fspath(source)).expanduser()
    is_folder = source != "digits" and path.is_dir()
    train = find_train_alone(path) if is_folder else None
    if train is not None:
        found = replace(_read(train, like, pixel_range), name=safe_name(path.resolve().name))
        note = f"Of {source}, only {train.name}/ is read."
        return replace(found, source=str(source), notes=(note, *found.notes))
    options = LoadOptions(
        size=(height, width),
        channels=channels,
        resize=like.resize,
        pixel_range=pixel_range,
        sound=like.sound,
        is_source=True,
    )
    if is_folder and _has_no_classes(path):
        found = read_files([list_tree(path, part="train")], options, where=str(path))
        collection = Collection(
            name=safe_name(path.resolve().name),
            source=str(source),
            class_names=(),
            train=found.parts["train"],
            notes=found.notes,
            set_aside=found.set_aside,
            sound=found.sound,
            passed_over=found.passed_over,
        )
    else:
        collection = read_source(source, options)
    return _in_channels(collection, channels)


def _in_channels(collection: Collection, channels: int) -> Collection:
    """Returns a source with as many channels as the target: images of sound are gray."""

    def fit(part: Part) -> Part:
        images = convert_channels(part.images, channels, name=f"images of {collection.name}")
        return replace(part, images=images)

    return replace(collection, **{name: fit(part) for name, part in collection.parts().items()})


def _has_no_classes(path: Path) -> bool:
    """Whether a folder has images, but neither class subfolders nor a table of labels.

    A folder alone that holds no files itself is no class: its own folders may be classes.
    """
    if (path / TABLE_NAME).is_file() or find_idx(path):
        return False
    folders = [each for each in path.iterdir() if each.is_dir() and not each.name.startswith(".")]
    if len(folders) == 1 and not holds_images(path):
        return holds_images(folders[0])
    return len(folders) < 2


def _from_data(data: ImageData, like: ImageData) -> Collection:
    height, width, channels = like.image_shape
    ours, theirs = data.sound, like.sound
    if ours is not None and theirs is not None and ours != theirs:
        raise InputError(
            f"The clips of the source {data.name} became images by other settings than the "
            f"target's; expected the same settings. The source: {ours.describe()} The "
            f"target: {theirs.describe()} Give the source's folder instead: it is then read "
            "like the target."
        )

    def fit(images: np.ndarray) -> np.ndarray:
        images = convert_channels(images, channels, name=f"images of {data.name}")
        return resize_images(images, (height, width), resize=like.resize)

    more = data.pool[len(data.train_images) :] if data.pool_has_train else data.pool
    has_pool = data.pool is not data.train_images and len(more) > 0
    return Collection(
        name=data.name,
        source=data.source,
        class_names=data.class_names,
        train=label_part("train", fit(data.train_images), data.train_labels),
        test=label_part("test", data.test_images, data.test_labels),
        pool=Part(fit(more), name_rows("pool", len(more))) if has_pool else None,
        sound=data.sound,
    )


def save_source_task(task: SourceTask, folder: Path) -> None:
    """Writes a source beside the target's images; each file whole or not at all."""
    make_folder(folder)
    if (folder / _SUMMARY).exists():
        return
    for name in ("images", "labels"):
        array = getattr(task, name)
        with atomic_file(folder / f"{name}.npy") as file:
            np.save(file, array)
    summary = {
        "name": task.name,
        "class_names": task.class_names,
        "source": task.source,
        "notes": task.notes,
        "kind": task.kind,
    }
    write_json(folder / _SUMMARY, summary)


def open_source_task(folder: Path) -> SourceTask:
    """Opens what `save_source_task` wrote; the images are a read-only memory map.

    Raises:
        InputError: If a part of it is missing or broken.
    """
    summary = json.loads((folder / _SUMMARY).read_bytes())
    return SourceTask(
        name=summary["name"],
        images=open_array(folder / "images.npy"),
        labels=np.asarray(open_array(folder / "labels.npy")),
        class_names=tuple(summary["class_names"]),
        source=summary["source"],
        notes=tuple(summary["notes"]),
        kind=summary["kind"],
    )
