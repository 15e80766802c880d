"""What `tfzero pretrain` does after every epoch: probe, alarms, board, checkpoints, a line."""

from __future__ import annotations

import pathlib
import time
from typing import Any, NamedTuple

import keras
import numpy as np
from rich.console import Console

from tfzero.common.checks import InputError
from tfzero.common.console import print_plain
from tfzero.common.numbers import write_number
from tfzero.common.seeds import derive_seed
from tfzero.data import nested_subsets
from tfzero.pretrain.alarms import Alarms
from tfzero.pretrain.base import Pretrainer
from tfzero.pretrain.board import make_board
from tfzero.pretrain.budget import PretrainingBudget
from tfzero.pretrain.checkpoints import Checkpoints
from tfzero.pretrain.probe import PROBE_ACCURACY, ProbeCallback
from tfzero.study.work.progress import format_seconds

# Labelled images that a probe reads: a second an epoch on a CPU, and steps of a tenth of a point.
_MOST_PROBED = 3_000


class Watch(NamedTuple):
    """How a pretraining is watched.

    Attributes:
        probe: Training images uint8 `(N, H, W, C)` and their labels `(N,)` for a probe after
            every epoch, or None for none. Up to 3,000 of them are read, and a stratified third of
            those is held out.
        keep: How many epochs' models to keep.
        tensorboard: Folder for TensorBoard, or None.
    """

    probe: tuple[np.ndarray, np.ndarray] | None = None
    keep: int = 1
    tensorboard: pathlib.Path | None = None


def make_watchers(
    watch: Watch,
    model: Pretrainer,
    images: np.ndarray,
    out: pathlib.Path,
    *,
    budget: PretrainingBudget,
    done: int,
    console: Console,
) -> list[Any]:
    """Returns the callbacks, in an order in which each sees what it needs.

    The best model is the one of the highest probe accuracy if there is a probe, else of the
    lowest `loss`, else there is none: the losses of two networks that fight say nothing of it.
    One that was chosen otherwise, in the epochs that are done, is left alone, which is said.

    Args:
        watch: What is asked for.
        model: The method.
        images: The pool.
        out: The .keras file.
        budget: What will be done.
        done: Epochs that are.
        console: Where lines go.

    Raises:
        InputError: If the labels are too few for a probe, or TensorBoard is not installed.
    """

    def say(sentences: str) -> None:
        print_plain(console, sentences, style="bold")

    probe = [] if watch.probe is None else [_make_probe(*watch.probe, seed=model.seed)]
    board = [] if watch.tensorboard is None else make_board(watch.tensorboard, images)
    monitor = PROBE_ACCURACY if probe else "loss" if "loss" in model.trackers else None
    saver = Checkpoints(out, keep=watch.keep, monitor=monitor, largest=bool(probe))
    if other := saver.find_other_monitor(done):
        say(
            f"{saver.best_path} was chosen by {other}, but this run measures "
            f"{monitor or 'nothing'}. The two cannot be compared, so the file stays unchanged."
        )
    line = Line(console, epochs=budget.epochs, done=done, until_flat=budget.until_flat)
    return [*probe, saver, line, Alarms(images, say=say, seed=model.seed), *board]


def _make_probe(images, labels, *, seed: int):
    """Returns a probe on a stratified part of training images, of no image of the test part."""
    count = min(_MOST_PROBED, len(images))
    if count < len(np.unique(labels)):
        raise InputError(
            f"`probe` reads {count:,} images, fewer than there are classes. Leave it out."
        )
    own = derive_seed(seed, "probed")
    chosen = np.sort(nested_subsets(images, labels, [count], seed=own)[count])
    classes, counts = np.unique(labels[chosen], return_counts=True)
    # A class of one image cannot lie on both sides.
    chosen = chosen[np.isin(labels[chosen], classes[counts > 1])]
    return ProbeCallback(images[chosen], labels[chosen], share=1 / 3, seed=seed)


class Line(keras.callbacks.Callback):
    """Prints losses and the time left after every epoch.

    Args:
        console: Where lines go.
        epochs: All that will be done.
        done: Those that are.
        until_flat: Whether training may end before.
    """

    def __init__(self, console: Console, *, epochs: int, done: int, until_flat: bool = False):
        super().__init__()
        self.console, self.until_flat = console, until_flat
        self.epochs, self.done = epochs, done
        self.began = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        """Prints the line."""
        elapsed = time.monotonic() - self.began
        left = elapsed / (epoch + 1 - self.done) * (self.epochs - epoch - 1)
        most = "at most " if self.until_flat else ""
        losses = ", ".join(
            f"{name} {write_number(value, 3)}" for name, value in (logs or {}).items()
        )
        print_plain(
            self.console,
            f"epoch {epoch + 1}/{self.epochs}: {losses}; {most}{format_seconds(left)} left",
        )
