"""Features of frozen encoders: computed once per encoder, kept beside the images, read by all."""

from __future__ import annotations

import pathlib
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np

from tfzero.common.files import make_folder, read_json, write_json
from tfzero.data.rows import write_rows
from tfzero.study.records import RunFolder
from tfzero.study.work.clock import share
from tfzero.study.work.locks import hold_lock

Found = TypeVar("Found")
# Images whose features are in memory at once.
_CHUNK = 5000


class Features(NamedTuple):
    """What an encoder makes of a set of images.

    Attributes:
        values: float32 `(N, D)`, a read-only memory map: the encoder's blocks side by side.
        blocks: The columns (start, stop) of each block by name; its own features are last.
        seconds: What computing them took, in whichever process.
    """

    values: np.ndarray
    blocks: dict[str, tuple[int, int]]
    seconds: float

    @classmethod
    def of_pixels(cls, images: np.ndarray) -> Features:
        """Returns the pixels themselves, which nobody needs to store."""
        from tfzero.transfer.features import read_blocks

        start = time.perf_counter()
        values, blocks = read_blocks(None, images)
        return cls(values, blocks, time.perf_counter() - start)

    def own(self) -> np.ndarray:
        """Returns the encoder's own features alone."""
        return self.values[:, slice(*list(self.blocks.values())[-1])]


def open_features(
    run: RunFolder, name: str, load_encoder: Callable[[], Any], images: Callable[[], np.ndarray]
) -> Features:
    """Returns features from the run's cache; computes them where they are not yet.

    Processes that want the same at one time wait for the first.

    Args:
        run: The run folder.
        name: Unique to the encoder and the images.
        load_encoder: Returns the encoder; called only to compute.
        images: Returns the images, likewise.
    """
    return make_once(
        run, name, _read, lambda folder: _compute(folder, name, load_encoder(), images())
    )


def open_pool_features(
    run: RunFolder, key: str, load_encoder: Callable[[], Any], pool: Callable[[], np.ndarray]
) -> Features:
    """Returns what the encoder that came ready makes of the pool: once for all that read it.

    Args:
        run: The run folder.
        key: The encoder's.
        load_encoder: As in `open_features`.
        pool: Returns the unlabeled images.
    """
    return open_features(run, pool_name(key), load_encoder, pool)


def pool_name(key: str) -> str:
    """Returns under which name the features of the pool are kept, by an encoder's key."""
    return f"{key}-pool"


def has_features(run: RunFolder, name: str) -> bool:
    """Returns whether features are in the run's cache."""
    return _read(run.cache / "features", name) is not None


def make_once(
    run: RunFolder,
    name: str,
    read: Callable[[pathlib.Path, str], Found | None],
    make: Callable[[pathlib.Path], object],
) -> Found:
    """Returns what is kept under a name beside the images, made where it is not there yet.

    Args:
        run: The run folder.
        name: Unique to what is kept.
        read: Takes folder and name; returns None where nothing whole is there.
        make: Takes the folder and writes; called by one process at a time.
    """
    folder = run.cache / "features"
    found = read(folder, name)
    if found is not None:
        return found
    make_folder(folder)
    with share(), hold_lock(run.locks / f"features-{name}.json"):
        found = read(folder, name)
        if found is None:
            make(folder)
            found = read(folder, name)
    assert found is not None
    return found


def _read(folder: pathlib.Path, name: str) -> Features | None:
    said = read_json(folder / f"{name}.json")
    if said is None:
        return None
    try:
        blocks = {block: tuple(columns) for block, columns in said["blocks"]}
        values = np.load(folder / f"{name}.npy", mmap_mode="r")
        return Features(values, blocks, said["seconds"])
    except (OSError, ValueError, KeyError):
        return None


def _compute(folder: pathlib.Path, name: str, encoder, images: np.ndarray) -> None:
    """Reads a part of the images at a time: those of a large pool would fill the memory."""
    from tfzero.transfer.features import stream_blocks

    start = time.perf_counter()
    parts, blocks = stream_blocks(encoder, images, size=_CHUNK)
    shape = len(images), list(blocks.values())[-1][1]
    write_rows(folder / f"{name}.npy", parts, shape=shape, kind=np.float32)
    said = {"seconds": time.perf_counter() - start, "blocks": list(blocks.items())}
    write_json(folder / f"{name}.json", said)
