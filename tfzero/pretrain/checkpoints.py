"""Checkpoints of a long pretraining: whole or absent, the last ones and the best."""

from __future__ import annotations

import functools
import json
import math
import os
import pathlib
import re
import shutil

import keras
import numpy as np

from tfzero.common.checks import InputError
from tfzero.common.files import write_by_path, write_json, write_keras


class Checkpoints(keras.callbacks.Callback):
    """Saves the whole model, optimizers included, after every epoch.

    ```
    NAME.keras            after the last finished epoch: training goes on from here
    NAME-epoch0007.keras  after an earlier one, the newest `keep - 1` of them
    NAME-best.keras       after the epoch with the best value of `monitor`
    NAME-history.json     the losses by epoch, and the monitor that chose the best
    ```

    Each file is written beside its place and renamed, so that whoever is killed at any moment,
    even by SIGKILL, finds them whole. `NAME.keras` is the last of them to change: an epoch counts
    as finished when it has. What a run killed before that wrote of the epoch is written again.

    Models whose losses or weights are not finite are never saved: training stops, and the files of
    the epoch before stay. A best model that another monitor chose is left alone, too: values of
    two monitors cannot be compared.

    Args:
        path: `NAME.keras`.
        keep: How many epochs' models to keep, the best aside.
        monitor: Name in `logs` that decides which is best; None keeps no best one.
        largest: Whether the largest value is the best, not the smallest.

    Attributes:
        failure: What was not finite, and where the last good model is; "" while all is well.

    Raises:
        InputError: If `path` does not end in .keras, or `keep` is below 1.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        *,
        keep: int = 1,
        monitor: str | None = None,
        largest: bool = False,
    ):
        super().__init__()
        self.path = pathlib.Path(path)
        if self.path.suffix != ".keras":
            raise InputError(f'The checkpoint is "{path}"; expected a file that ends in .keras.')
        if keep < 1:
            raise InputError(f"keep is {keep}; expected a number of epochs from 1.")
        self.keep = keep
        self.monitor = monitor
        self.largest = largest
        self.history = _read_history(self.history_path)
        self.failure = ""

    @property
    def best_path(self) -> pathlib.Path:
        """Where the best model is."""
        return self.path.with_name(f"{self.path.stem}-best.keras")

    @property
    def history_path(self) -> pathlib.Path:
        """Where the losses are: a list of one object an epoch.

        In each, `monitor` names what decided which model is the best, if anything did.
        """
        return self.path.with_name(f"{self.path.stem}-history.json")

    def find_other_monitor(self, epochs: int) -> str | None:
        """Returns what chose the best of the first epochs, if it was another than `monitor`."""
        names = [entry.get("monitor") for entry in self.history if entry["epoch"] <= epochs]
        used = next((name for name in names if name is not None), self.monitor)
        return None if used == self.monitor else used

    def on_epoch_end(self, epoch, logs=None):
        """Saves what an epoch ended with, or stops training where that is not finite."""
        values = {name: float(value) for name, value in (logs or {}).items()}
        if wrong := _find_wrong_loss(values) or find_wrong_weights(self.model):
            self.failure = self._describe_failure(epoch, wrong)
            self.model.stop_training = True
            return
        self._record(epoch, values)
        if self._is_best() and self.find_other_monitor(epoch) is None:
            self._save(self.best_path)
        write_json(self.history_path, self.history)
        if self.keep > 1 and epoch > 0 and self.path.exists():
            write_by_path(self._numbered(epoch), functools.partial(shutil.copy, self.path))
        self._save(self.path)
        self._remove_old(epoch)

    def _record(self, epoch: int, values: dict[str, float]) -> None:
        known: dict[str, object] = {"epoch": epoch + 1, **values}
        if self.monitor is not None:
            known["monitor"] = self.monitor
        # What a killed run recorded of this epoch, or of later ones, is dropped.
        before = [entry for entry in self.history if entry["epoch"] <= epoch]
        self.history = [*before, known]

    def _remove_old(self, epoch: int) -> None:
        pattern = re.compile(re.escape(self.path.stem) + r"-epoch(\d{4,})\.keras")
        for old in list(self.path.parent.iterdir()):
            found = pattern.fullmatch(old.name)
            if found and int(found[1]) <= epoch + 1 - self.keep:
                old.unlink()

    def _describe_failure(self, epoch: int, wrong: str) -> str:
        last = (
            f"{self.path} is the last good model, of epoch {epoch}" if epoch else "none was before"
        )
        return (
            f"In epoch {epoch + 1} {wrong}; expected finite numbers. Training stopped "
            f"without keeping the model of this epoch: {last}. The same settings would fail "
            "again. Choose another `out` with another `seed` or other settings of the "
            "method."
        )

    def _numbered(self, epoch: int) -> pathlib.Path:
        return self.path.with_name(f"{self.path.stem}-epoch{epoch:04d}.keras")

    def _is_best(self) -> bool:
        values = [entry.get(self.monitor) for entry in self.history]
        *before, now = [value for value in values if value is not None] or [None]
        if values[-1] is None or now is None:
            return False
        sign = 1.0 if self.largest else -1.0
        return all(sign * now > sign * earlier for earlier in before)

    def _save(self, path: pathlib.Path) -> None:
        write_keras(path, self.model.save)


def find_wrong_weights(model: keras.Model) -> str:
    """Returns words that name the first weights of a model that are not finite, or ''."""
    for weight in model.weights:
        if not np.isfinite(keras.ops.convert_to_numpy(weight)).all():
            return f"the weights {weight.path} are not finite"
    return ""


def _find_wrong_loss(values: dict[str, float]) -> str:
    wrong = [f"{name} is {value:g}" for name, value in values.items() if not math.isfinite(value)]
    return wrong[0] if wrong else ""


def _read_history(path: pathlib.Path) -> list[dict]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    entries = found if isinstance(found, list) else []
    return [entry for entry in entries if isinstance(entry, dict) and "epoch" in entry]
