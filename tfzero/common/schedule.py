"""The learning rate over a fit, for pretraining and for transfer."""

from __future__ import annotations

import math

import keras

_WARMUP_SHARE = 0.1


class WarmupCosine(keras.callbacks.Callback):
    """Learning rate rising linearly over the first tenth of the steps, then falling to 0.

    A staircase: steps that run in one call of the graph share the rate of their middle. It
    follows the optimizer's own count, and so is right after a resume.

    Args:
        peak: The highest learning rate.
        steps: Updates in all.

    Reference:
        Loshchilov and Hutter 2017, arXiv:1608.03983, eq. 5, one cycle.
    """

    def __init__(self, peak: float, steps: int):
        super().__init__()
        self.peak = peak
        self.steps = steps

    def on_train_batch_begin(self, batch, logs=None):
        """Sets the learning rate for the steps that run next."""
        done = int(self.model.optimizer.iterations.numpy())
        middle = done + (self.model.steps_per_execution - 1) / 2
        self.model.optimizer.learning_rate = self.rate(middle)

    def rate(self, done: float) -> float:
        """Returns the learning rate after `done` updates."""
        warmup = max(1, round(_WARMUP_SHARE * self.steps))
        if done < warmup:
            return self.peak * (done + 1) / warmup
        progress = min(1.0, (done - warmup) / max(1, self.steps - warmup))
        return self.peak * 0.5 * (1 + math.cos(math.pi * progress))


class SharedWarmupCosine(WarmupCosine):
    """The same share of the highest rate for every optimizer of a model.

    The model's `follow_rate(share)` sets the rates of optimizers other than `optimizer`.
    """

    def on_train_batch_begin(self, batch, logs=None):
        """Sets the learning rates for the steps that run next."""
        super().on_train_batch_begin(batch, logs)
        self.model.follow_rate(float(self.model.optimizer.learning_rate) / self.peak)
