"""Pretraining that is under way, kept now and then: a kill loses a minute of it, not hours."""

from __future__ import annotations

import pathlib
import shutil
import time
from typing import Any, NamedTuple

import keras

from tfzero.common.files import is_whole_archive, read_json, write_json, write_keras

# Short jobs are never kept: saving takes a good part of a second.
_EVERY_SECONDS = 60.0


class Unfinished(NamedTuple):
    """A pretraining that was interrupted.

    Attributes:
        method: With the state of its optimizers.
        epochs: How many are done.
        history: Its losses by epoch; NaN where one was not finite.
        seconds: Wall-clock seconds spent on these epochs.
        cpu_seconds: Processor seconds.
    """

    method: Any
    epochs: int
    history: dict[str, list[float]]
    seconds: float
    cpu_seconds: float


class KeepUnfinished(keras.callbacks.Callback):
    """Saves the method at the end of an epoch, unless it did so less than a minute ago.

    ```
    KEY-000007.json   what the first 7 epochs gave and cost
    KEY-000007.keras  the method after them, whole or absent; written last
    ```

    Args:
        folder: Where.
        key: The pretraining's.
        earlier: What this run goes on from.
    """

    def __init__(self, folder: pathlib.Path, key: str, earlier: Unfinished | None = None):
        super().__init__()
        self.folder, self.key = folder, key
        self.history = {} if earlier is None else {k: list(v) for k, v in earlier.history.items()}
        self._seconds = 0.0 if earlier is None else earlier.seconds
        self._cpu_seconds = 0.0 if earlier is None else earlier.cpu_seconds
        self._began = self._kept = time.monotonic()
        self._began_cpu = time.process_time()

    def on_epoch_end(self, epoch, logs=None):
        """Notes the epoch's losses, and saves when it is time."""
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))
        now = time.monotonic()
        if now - self._kept < _EVERY_SECONDS:
            return
        path = self.folder / f"{self.key}-{epoch + 1:06}.keras"
        write_json(
            path.with_suffix(".json"),
            {
                "epochs": epoch + 1,
                # Through their text, as JSON knows no number that is not finite.
                "history": {name: list(map(repr, values)) for name, values in self.history.items()},
                "seconds": self._seconds + now - self._began,
                "cpu_seconds": self._cpu_seconds + time.process_time() - self._began_cpu,
            },
        )
        write_keras(path, self.model.save)
        forget_unfinished(self.folder, self.key, but=path.stem)
        self._kept = time.monotonic()


def open_unfinished(folder: pathlib.Path, key: str) -> Unfinished | None:
    """Returns the furthest that a pretraining came, or None if nothing of it is kept.

    The method's classes must be registered.
    """
    for path in sorted(folder.glob(f"{key}-*.keras"), reverse=True):
        said = read_json(path.with_suffix(".json"))
        if said is None or not is_whole_archive(path):
            continue
        history = {name: list(map(float, values)) for name, values in said["history"].items()}
        method = keras.models.load_model(path)
        return Unfinished(method, said["epochs"], history, said["seconds"], said["cpu_seconds"])
    return None


def forget_unfinished(folder: pathlib.Path, key: str, *, but: str = "") -> None:
    """Removes what is kept of a pretraining, except the files of this stem."""
    for path in folder.glob(f"{key}-*"):
        if path.stem != but:
            path.unlink(missing_ok=True)
    for path in folder.glob(f".{key}-*"):  # what a kill left of a file that was being written
        shutil.rmtree(path, ignore_errors=True)
