"""Alarms during pretraining, in plain words: what was seen, against what, and what to change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import keras
import numpy as np

from tfzero.common.checks import InputError
from tfzero.common.images import require_images
from tfzero.pretrain.advice import AGAINST_INFINITY
from tfzero.pretrain.signs import NOT_FINITE, Sign, choose_images, find_signs

# A number that is low but grew by this factor since the last look is on its way.
_RISING = 1.1
_LOSS_NOT_FINITE = "loss not finite"


class Alarms(keras.callbacks.Callback):
    """Reports problems of pretraining during `fit`, each once.

    It checks for losses or features that are not finite, and for representation collapse (RankMe).
    For methods that allow it (`Pretrainer.can`), it also checks for mode collapse, posterior
    collapse, a saturated generator, and a discriminator that has won. It also checks for
    augmentation that destroys the signal. Early in training, many of these numbers are low and
    rise. A low number raises its alarm if it was low at the check before and has not grown by a
    tenth since. It also raises its alarm if it is low at the end.

    It does not change training: it adds no gradient and uses no random number of training.

    Args:
        images: Some of the training images, `(N, H, W, C)`, uint8 in 0..255 or floats in 0..1. It
            uses 256 of them. With fewer than 16, it checks only the losses.
        every: Number of epochs between two checks. The last epoch is always checked.
        say: Function that is called with each alarm's sentences.
        seed: Random seed for the choice of images and for generated images.

    Attributes:
        raised: Sentences by the name of the problem, for example "mode collapse".

    Raises:
        InputError: If float images are clearly outside 0..1, or if `every` is below 1.
    """

    def __init__(
        self,
        images: np.ndarray,
        *,
        every: int = 1,
        say: Callable[[str], object] = print,
        seed: int = 0,
    ):
        super().__init__()
        if every < 1:
            raise InputError(f"every is {every}; expected a number of epochs from 1.")
        self._images = choose_images(images, seed=seed)
        if len(self._images):
            require_images(self._images)  # as training; NaN its loss will tell
        self.every = every
        self.say = say
        self.seed = seed
        self.raised: dict[str, str] = {}

    def on_train_begin(self, logs=None):
        """Starts a `fit`."""
        self._before: dict[str, float] = {}
        self._signs: list[Sign] = []
        self._epoch = self._looked = 0

    def on_epoch_end(self, epoch, logs=None):
        """Checks, and raises what has not improved since the last check."""
        self._epoch = epoch + 1
        for sentences in describe_losses({name: [value] for name, value in (logs or {}).items()}):
            self._raise(_LOSS_NOT_FINITE, sentences)
        if self._epoch % self.every == 0:
            self._look()
            for sign in self._signs:
                before = self._before.get(sign.measure)
                if sign.is_low and before is not None and sign.value <= _RISING * before:
                    self._raise(sign.name, sign.describe())
            self._before = {sign.measure: sign.value for sign in self._signs if sign.is_low}

    def on_train_end(self, logs=None):
        """Raises the problems at the end."""
        if self._looked != self._epoch:
            self._look()
        for sign in self._signs:
            if sign.is_low:
                self._raise(sign.name, sign.describe())

    def _look(self):
        self._signs = find_signs(self.model, self._images, seed=self.seed)
        self._looked = self._epoch

    def _raise(self, name: str, sentences: str) -> None:
        told = name == NOT_FINITE and _LOSS_NOT_FINITE in self.raised
        if name not in self.raised and not told:
            self.raised[name] = f"Epoch {self._epoch}, {sentences}"
            self.say(self.raised[name])


def describe_alarms(
    model: keras.Model, images: np.ndarray, history: Mapping[str, Sequence[float]]
) -> list[str]:
    """Returns the alarms of a method that has been trained, as `Alarms` words them.

    Args:
        model: The method.
        images: `(N, H, W, C)`, the ones it was trained on.
        history: Each loss's average by epoch.
    """
    signs = find_signs(model, choose_images(images))
    found = {sign.name: sign.describe() for sign in reversed(signs) if sign.is_low}
    lost = describe_losses(history)
    if lost:
        found.pop(NOT_FINITE, None)
    return lost + list(found.values())[::-1]


def describe_losses(history: Mapping[str, Sequence[float]]) -> list[str]:
    """Returns what is to be said of losses, if one is not finite in an epoch."""
    for name, values in history.items():
        wrong = np.flatnonzero(~np.isfinite(np.asarray(values, float)))
        if len(wrong):
            where = f" in epoch {wrong[0] + 1} of {len(values)}" if len(values) > 1 else ""
            return [
                f"{_LOSS_NOT_FINITE}: {name} is {values[wrong[0]]}{where} (expected a finite "
                f"number). {AGAINST_INFINITY}"
            ]
    return []
