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
    """Says during `fit` when pretraining goes wrong, once for each thing that does.

    It looks for a loss or features that are not finite, representation collapse (RankMe), and,
    where the method can be asked (`Pretrainer.can`), for mode collapse, a discriminator that has
    won, a saturated generator, posterior collapse, and augmentation that destroys the signal. A
    number that is low raises its alarm if it was low at the look before and did not grow by a
    tenth since, or if it is low at the end: early in training many are low and rise.

    Training is not changed: no gradient, and no random number that training reads.

    Args:
        images: `(N, H, W, C)`, uint8 in 0..255 or floats in 0..1, some of those trained on; 256
            of them are looked at. Of fewer than 16 only the losses are.
        every: Epochs from one look to the next; the last epoch is always looked at.
        say: Called with each alarm's sentences.
        seed: Draws the images, and what the method generates.

    Attributes:
        raised: The sentences by the name of what went wrong, for example "mode collapse".

    Raises:
        InputError: If images are floats clearly outside 0..1, or `every` is below 1.
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
        """Looks, and raises what did not get better since the last look."""
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
        """Raises what is wrong at the end."""
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
