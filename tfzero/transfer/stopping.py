"""Training that ends before its last step: at a metric's value, or when it no longer improves."""

from __future__ import annotations

import keras
import numpy as np

from tfzero.common.checks import InputError
from tfzero.transfer.budget import METRICS, parse_until
from tfzero.transfer.folds import MIN_LABELS_A_CLASS, make_folds


class StopAt(keras.callbacks.Callback):
    """Ends training after the epoch in which a metric reaches a value.

    To train until a metric no longer improves, use `keras.callbacks.EarlyStopping`.

    Args:
        monitor: Name of the metric in Keras's logs, such as "val_accuracy".
        value: Value that the metric must reach.
        mode: "max" if more is better, "min" if less is better. None takes "min" for names that end
            in "loss" and "max" for all others.

    Raises:
        InputError: If the mode is another, or if there is no such metric at the end of an epoch.
    """

    def __init__(self, monitor: str, value: float, *, mode: str | None = None):
        super().__init__()
        if mode not in (None, "min", "max"):
            raise InputError(f'`mode` is "{mode}"; expected "min", "max" or None.')
        self.monitor = monitor
        self.value = value
        self.reached = False
        self.mode = mode or ("min" if monitor.endswith("loss") else "max")

    def on_train_begin(self, logs=None):
        """Starts a training and forgets earlier ones."""
        self.reached = False

    def on_epoch_end(self, epoch, logs=None):
        """Checks the metric."""
        logs = logs or {}
        if self.monitor not in logs:
            raise InputError(
                f'There is no metric "{self.monitor}" to stop at; this training has '
                f"{', '.join(logs) or 'none'}. For validation metrics, pass validation_data "
                "to fit."
            )
        reached = logs[self.monitor]
        self.reached = reached >= self.value if self.mode == "max" else reached <= self.value
        if self.reached:
            self.model.stop_training = True


def make_stoppers(until: str | None, patience: int | None) -> list[keras.callbacks.Callback]:
    """Returns the callbacks that end a training with validation data.

    Args:
        until: As in `Budget`.
        patience: As in `Budget`.
    """
    stoppers: list[keras.callbacks.Callback] = []
    name = "loss"
    if until is not None:
        name, value = parse_until(until)
        stoppers.append(StopAt(f"val_{name}", value))
    if patience is not None:
        mode = "max" if METRICS[name] else "min"
        stoppers.append(
            keras.callbacks.EarlyStopping(
                f"val_{name}", patience=patience, mode=mode, restore_best_weights=True
            )
        )
    return stoppers


def was_reached(stoppers: list[keras.callbacks.Callback]) -> bool:
    """Returns whether the last training ended by a `StopAt` among these."""
    return any(isinstance(each, StopAt) and each.reached for each in stoppers)


def set_aside(
    labels: np.ndarray, groups: np.ndarray | None, *, num_classes: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns which labels to train on and which, a fifth, to watch the training by.

    Args:
        labels: int `(N,)` in 0..K-1.
        groups: What belongs together and stays on one side; None for every label alone.
        num_classes: K.
        seed: Draws them.

    Raises:
        InputError: If a class has fewer than 5 labels, or all in one group.
    """
    folds = make_folds(labels, groups, num_classes=num_classes, seed=seed)
    if not folds:
        fewest = int(np.bincount(labels, minlength=num_classes).min())
        raise InputError(
            f"`until` and `patience` check a fifth of the labels, but a class has {fewest} "
            f"labels{'' if groups is None else ', or all of them in one group'}; expected at "
            f"least {MIN_LABELS_A_CLASS} labels per class. Label more, or train for the "
            "whole budget."
        )
    return folds[0]
