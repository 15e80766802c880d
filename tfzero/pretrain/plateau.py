"""Pretraining that ends by itself: when its loss hardly falls any more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np

from tfzero.common.checks import InputError

# The loss is flat once a quarter of the epochs brings less than this share of all progress.
_FLAT_SHARE = 0.03
# Epochs whose quarters can be compared.
_LEAST_EPOCHS = 4
# The rate falls to 0 over this share of the epochs before. Hägele et al. 2024, arXiv:2405.18392,
# section 3.1, find a tenth to a fifth of all steps enough.
_COOLDOWN_SHARE = 0.25
# The rate rises over so many updates, or over the first epoch if it has fewer.
_WARMUP_STEPS = 200


def is_flat(losses: Sequence[float]) -> bool:
    """Returns whether the mean loss of the last quarter of epochs is hardly below the one before.

    Args:
        losses: Mean loss of each epoch so far.

    Returns:
        Whether the difference is under 3 % of the difference between the first epoch and now.
    """
    if len(losses) < _LEAST_EPOCHS:
        return False
    quarter = len(losses) // 4
    before = float(np.mean(losses[-2 * quarter : -quarter]))
    last = float(np.mean(losses[-quarter:]))
    return before - last < _FLAT_SHARE * max(0.0, losses[0] - last)


class End(NamedTuple):
    """Where a pretraining ends.

    Attributes:
        flat: Epochs until the loss was flat, or there was no more time.
        epochs: Epochs in all: more, where the learning rate then falls to 0.
    """

    flat: int
    epochs: int


def find_end(losses: Sequence[float], *, most: int, cools: bool) -> End | None:
    """Returns where a pretraining ends; None if that is not decided yet.

    Args:
        losses: Mean loss of each epoch so far.
        most: Most epochs.
        cools: Whether the learning rate falls to 0 over the last fifth of them.
    """
    latest = max(1, round(most / (1 + _COOLDOWN_SHARE))) if cools else most
    for flat in range(1, len(losses) + 1):
        if flat >= latest or is_flat(losses[:flat]):
            cooldown = max(1, round(_COOLDOWN_SHARE * flat)) if cools else 0
            return End(flat, min(most, flat + cooldown))
    return None


class UntilFlat(keras.callbacks.Callback):
    """Ends a training when its loss is flat.

    Where the rate falls, it rises over the first 200 updates, or over the first epoch if that is
    shorter. It stays until the loss is flat. Then it falls to 0 in a straight line, over a
    quarter of the epochs before. All follows from the losses and the optimizer's own count, so a
    resumed training ends as one that was never stopped.

    Args:
        peak: Highest learning rate.
        steps_per_epoch: Number of updates per epoch.
        most: Most epochs.
        cools: Whether the rate falls.
        losses: Mean loss of each epoch that is done.

    Reference:
        Hägele et al. 2024, arXiv:2405.18392, eq. 1 (a constant rate with a cooldown).
    """

    def __init__(
        self,
        *,
        peak: float,
        steps_per_epoch: int,
        most: int,
        cools: bool,
        losses: Sequence[float] = (),
    ):
        super().__init__()
        self.peak, self.steps_per_epoch = peak, steps_per_epoch
        self.most, self.cools = most, cools
        self.losses = list(losses)
        self.end = find_end(self.losses, most=most, cools=cools)

    def on_train_batch_begin(self, batch, logs=None):
        """Sets the learning rate for the steps that run next."""
        if not self.cools:
            return
        done = int(self.model.optimizer.iterations.numpy())
        share = self.share(done + (self.model.steps_per_execution - 1) / 2)
        self.model.optimizer.learning_rate = self.peak * share
        self.model.follow_rate(share)

    def on_epoch_end(self, epoch, logs=None):
        """Decides whether this is the end, or where it is."""
        self.losses.append(float((logs or {})["loss"]))
        if self.end is None:
            self.end = find_end(self.losses, most=self.most, cools=self.cools)
        if self.end is not None and epoch + 1 >= self.end.epochs:
            self.model.stop_training = True

    def share(self, done: float) -> float:
        """Returns the learning rate after `done` updates, as a share of the highest."""
        warmup = min(_WARMUP_STEPS, self.steps_per_epoch)
        if done < warmup:
            return (done + 1) / warmup
        if self.end is None:
            return 1.0
        flat, last = (epochs * self.steps_per_epoch for epochs in self.end)
        return min(1.0, max(0.0, (last - done) / max(1, last - flat)))


def require_one_loss(name: str, method: keras.Model) -> None:
    """Raises unless one loss tells how far a method has come.

    Args:
        name: Of the method.
        method: A method.

    Raises:
        InputError: If there is no such loss.
    """
    if "loss" not in method.trackers:
        raise InputError(
            f'`epochs=auto` ends when the loss is flat, but method "{name}" has no such loss. '
            "Its networks work against each other. Give a number."
        )
