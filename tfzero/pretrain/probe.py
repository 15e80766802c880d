"""A probe during pretraining: what the encoder is worth to a classifier, epoch by epoch."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from tfzero.common.checks import InputError, check_labels, require_choice
from tfzero.common.images import check_images
from tfzero.common.seeds import derive_seed
from tfzero.data.splits import hold_out
from tfzero.networks.scaling import scale_images

# Neighbours that vote; few enough for some dozens of images a class.
_NEIGHBORS = 10
# Inverse strength of the linear probe's penalty, on features of unit mean variance.
_PENALTY = 0.1
_BATCH = 500
# What the value is called in `logs`.
PROBE_ACCURACY = "probe_accuracy"


class ProbeCallback(keras.callbacks.Callback):
    """Measures the encoder during `fit`, by a classifier of its frozen features.

    A stratified part of the labelled images is held out. The classifier is fitted on the features
    of the rest and scored on the held-out part. The accuracy, in 0..1, is `probe_accuracy` in
    `logs`, where callbacks *after* this one in the list can read it:

        probe = tfzero.ProbeCallback(images, labels, every=2)
        stop = keras.callbacks.EarlyStopping("probe_accuracy", mode="max", patience=6)
        vae.fit(pool, epochs=50, callbacks=[probe, stop])

    It runs after the first epoch of every `fit`, also if that `fit` continues a run. It then runs
    after each epoch whose number is a multiple of `every`, and after the last requested epoch. If a
    later callback ends the `fit` earlier, that epoch may have no measurement. Between measurements,
    `logs` repeats the last value. A patience therefore still counts epochs, and should be at least
    `every`.

    It does not change training: it adds no gradient and uses no random number of training. But
    stopping by the probe uses its labels. Take them from the training images, never from the test
    images.

    Args:
        images: Labelled images `(N, H, W, C)`, uint8 in 0..255 or floats in 0..1.
        labels: Integers `(N,)` of two or more classes, each at least twice. A few thousand images
            are enough.
        probe: Classifier: "knn" (cosine similarity, 10 neighbours) or "linear" (logistic
            regression).
        every: Number of epochs between two measurements.
        share: Share of the images to hold out, in (0, 1).
        seed: Random seed of the held-out part.

    Attributes:
        values: Accuracy by epoch, counted from 1, for the measured epochs. An encoder whose
            features are not finite gets 0.

    Raises:
        InputError: If images, labels or options cannot be used.
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        *,
        probe: str = "knn",
        every: int = 1,
        share: float = 0.3,
        seed: int = 0,
    ):
        super().__init__()
        self._score = _SCORES[require_choice(probe, _SCORES, what="probe")]
        if every < 1:
            raise InputError(f"every is {every}; expected a number of epochs from 1.")
        images = check_images(images)
        labels = check_labels(labels, count=len(images))
        if len(np.unique(labels)) < 2:
            raise InputError(
                f"labels are all {labels[0]}; expected two or more classes. Give images of "
                "other classes, too."
            )
        kept, held = hold_out(images, labels, share=share, seed=derive_seed(seed, "probe"))
        self._images = images[np.concatenate([kept, held])]
        self._labels, self._held_labels = labels[kept], labels[held]
        self.every = every
        self.values: dict[int, float] = {}
        self._last: float | None = None

    def on_train_begin(self, logs=None):
        """Starts a `fit`: its first epoch is measured."""
        encoder = getattr(self.model, "encoder", None)
        if encoder is None:
            raise InputError(
                f"{type(self.model).__name__} has no `encoder` to probe; expected a method of "
                "tfzero, a Classifier, or a Keras model with that attribute."
            )
        self._last = None
        self._forward = tf.function(
            lambda batch: encoder(scale_images(batch), training=False),
            input_signature=[tf.TensorSpec((None, *self._images.shape[1:]), tf.uint8)],
        )

    def on_epoch_end(self, epoch, logs=None):
        """Writes the accuracy into `logs`."""
        number = epoch + 1
        is_last = number == (self.params or {}).get("epochs") or self.model.stop_training
        if self._last is None or is_last or number % self.every == 0:
            self._last = self.values[number] = self.measure()
        if logs is not None:
            logs[PROBE_ACCURACY] = self._last

    def measure(self) -> float:
        """Returns the probe's accuracy now, in 0..1."""
        starts = range(0, len(self._images), _BATCH)
        parts = [self._forward(self._images[s : s + _BATCH]).numpy() for s in starts]
        features = np.concatenate(parts).reshape(len(self._images), -1).astype(np.float64)
        if not np.isfinite(features).all():
            return 0.0
        count = len(self._labels)
        return self._score(features[:count], self._labels, features[count:], self._held_labels)


def score_nearest(features, labels, held_features, held_labels) -> float:
    """Returns the accuracy of the vote of the nearest neighbours by cosine similarity.

    Args:
        features: float `(N, D)`, centred on their mean before they are compared.
        labels: int `(N,)`.
        held_features: float `(M, D)`.
        held_labels: int `(M,)`.
    """
    from sklearn.neighbors import KNeighborsClassifier

    mean = features.mean(axis=0)
    voters = KNeighborsClassifier(min(_NEIGHBORS, len(features)), metric="cosine")
    return float(voters.fit(features - mean, labels).score(held_features - mean, held_labels))


def score_linear(features, labels, held_features, held_labels) -> float:
    """Returns the accuracy of logistic regression; arguments as in `score_nearest`."""
    from sklearn.linear_model import LogisticRegression

    mean = features.mean(axis=0)
    scale = np.sqrt(np.mean((features - mean) ** 2)) or 1.0
    model = LogisticRegression(C=_PENALTY, max_iter=500)
    model.fit((features - mean) / scale, labels)
    return float(model.score((held_features - mean) / scale, held_labels))


_SCORES: dict[str, Callable[..., float]] = {"knn": score_nearest, "linear": score_linear}
