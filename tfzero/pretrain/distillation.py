"""Distillation: a small encoder learns what a large one sees."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from tfzero.common.checks import InputError, require_choice
from tfzero.common.seeds import derive_seed
from tfzero.data.kinds import default_kind
from tfzero.networks.augmentation import AUGMENTATIONS
from tfzero.networks.copies import copy_network
from tfzero.networks.precision import PRECISION, call_network
from tfzero.networks.reading import read_network
from tfzero.networks.views import random_views
from tfzero.pretrain import losses
from tfzero.pretrain.base import Pretrainer, Reading
from tfzero.pretrain.targets import (
    MOST_BYTES,
    TargetTable,
    measure_features,
    standardize_features,
)

LOSSES = ("squared", "cosine")
# Features that hardly vary say nothing, and are not enlarged beyond this part of a typical one's.
_LEAST_DEVIATION = 1e-2


@keras.saving.register_keras_serializable("tfzero")
class Distillation(Pretrainer):
    """Predicts a frozen teacher's features of an image from a random view of it.

    The teacher is a network that is already trained, usually a large one with public weights. It
    sees the image itself. The encoder sees an augmented view, and one dense layer, which is
    discarded afterwards, predicts the teacher's features from the encoder's. So the encoder learns
    what the teacher sees, at its own size and speed.

    The features are standardized: each has mean 0 and variance 1 over the images, or a few features
    with large values would decide everything. The teacher is never trained.

    `prepare(images)` reads the teacher once for all images, before `fit`. Without it, each
    training step reads the teacher again for its batch. A large teacher then costs several times as
    much as the training itself. Both give the same targets, up to half precision.

    Args:
        encoder: Keras model from float32 images in 0..1 to features `(B, D)`.
        teacher: Keras model from float32 images in 0..1, of the encoder's image shape, to features
            `(B, T)`. Its weights are not changed; it is copied if any of them is trainable.
        kind: Kind of data, which decides the augmentation: "digits", "clothes", "photos",
            "microscopy" or "spectrograms". None takes "photos" for three channels, otherwise
            "digits".
        loss: "squared" for the mean squared error of the standardized features, or "cosine" for
            1 minus the cosine between prediction and features.
        seed: Random seed of the dense layer's weights and of the views.

    Raises:
        InputError: If the teacher takes or returns other shapes, or if there is no such kind or
            loss.

    References:
        Hinton et al. 2015, arXiv:1503.02531 (a small network learns from a large one).
        Romero et al. 2015, arXiv:1412.6550, eq. 3 (by regression of its features).
    """

    networks = ("encoder", "teacher")

    def __init__(
        self,
        encoder: keras.Model,
        *,
        teacher: keras.Model,
        kind: str | None = None,
        loss: str = "squared",
        seed: int = 0,
    ):
        super().__init__(encoder, loss_names=("loss", "similarity"), seed=seed)
        _require_teacher(teacher, encoder)
        self.kind = kind
        self.loss_name = require_choice(loss, LOSSES, what="loss")
        kind = kind or default_kind(encoder.input_shape[-1])
        self.views = AUGMENTATIONS[require_choice(kind, AUGMENTATIONS, what="kind of data")]
        self.teacher = _freeze(teacher)
        width = int(self.teacher.output_shape[-1])  # type: ignore[index]
        self.head = keras.layers.Dense(
            width,
            kernel_initializer=keras.initializers.LecunNormal(derive_seed(seed, "head")),
            name="head",
            dtype=PRECISION,
        )
        self.head.build(encoder.output_shape)
        self.count = self._add_statistic("count", ())
        self.mean = self._add_statistic("mean", (width,))
        self.variance = self._add_statistic("variance", (width,))
        self.table = TargetTable(width)
        self.built = True

    def _add_statistic(self, name, shape):
        return self.add_weight(name=name, shape=shape, initializer="zeros", trainable=False)

    def prepare(self, images: np.ndarray, *, read: Reading | None = None) -> None:
        """Reads the teacher once for all images that will be trained on.

        The first images that it reads decide mean and variance of its features. The features stay
        in memory at half precision: 2.6 KB per image if there are 1,280. If they need more than 4
        GiB, they are not kept, and each training step reads the teacher again.

        Args:
            images: `(N, H, W, C)`, uint8 in 0..255 or floats in 0..1.
            read: Returns a network's features of images, float32 `(N, T)`, where they may be
                known already. None reads the teacher.
        """
        features = (read or read_network)(self.teacher, images)
        if not float(self.count.numpy()):
            self.count.assign(len(features))
            mean, variance = measure_features(features)
            self.mean.assign(mean)
            self.variance.assign(variance)
        if 2 * features.size <= MOST_BYTES:
            mean, scale = (part.numpy() for part in self._standardization())
            self.table.fill(images, standardize_features(features, mean, scale))

    def release(self) -> None:
        """Forgets the teacher's features that `prepare` read."""
        self.table.clear()

    def train_step(self, data):
        """Brings the encoder's prediction of a batch nearer to the teacher's features."""
        images = self.take_images(data)
        targets = self.find_targets(images, training=True)
        with tf.GradientTape() as tape:
            terms = self.loss_terms(images, targets, training=True)
            scaled = self.optimizer.scale_loss(terms["loss"])
        variables = self.trainable_variables
        self.optimizer.apply(tape.gradient(scaled, variables), variables)
        return self.track(images, **terms)

    def test_step(self, data):
        """Returns the losses of a batch of images."""
        images = self.take_images(data, training=False)
        targets = self.find_targets(images, training=False)
        return self.track(images, **self.loss_terms(images, targets, training=False))

    def find_targets(self, images, *, training):
        """Returns the standardized features `(B, T)` of scaled images: kept ones, else read now.

        In training, images that `prepare` has not read count for mean and variance.
        """
        rows, known = self.table.find(images)
        unknown = tf.cast(tf.logical_not(known), tf.float32)[:, None]  # (B, 1)

        def read():
            features = call_network(self.teacher, images)
            if training:
                self._count(features, unknown)
            mean, scale = self._standardization()
            return tf.where(known[:, None], rows, (features - mean) * scale)

        return tf.cond(tf.reduce_all(known), lambda: rows, read)

    def _count(self, features, weights):
        """Adds a batch to mean and variance; Chan et al. 1979, STAN-CS-79-773, eq. 2.1."""
        count, mean, variance = map(tf.convert_to_tensor, (self.count, self.mean, self.variance))
        added = tf.reduce_sum(weights)
        own_mean = tf.reduce_sum(weights * features, axis=0) / added
        squares = tf.reduce_sum(weights * (features - own_mean) ** 2, axis=0)
        total, change = count + added, own_mean - mean
        squares += count * (variance + change**2 * added / total)
        self.count.assign(total)
        self.mean.assign(mean + change * added / total)
        self.variance.assign(squares / total)

    def _standardization(self):
        """Returns what is taken from each feature and by what it is then multiplied, `(T,)`."""
        deviation = tf.sqrt(tf.convert_to_tensor(self.variance))
        least = _LEAST_DEVIATION * tf.reduce_mean(deviation)
        scale = tf.math.divide_no_nan(1.0, tf.maximum(deviation, least))
        return tf.convert_to_tensor(self.mean), scale

    def loss_terms(self, images, targets, *, training):
        """Returns loss and cosine similarity of scaled images `(B, H, W, C)`, each `()`.

        Args:
            images: The scaled images, before augmentation.
            targets: The teacher's standardized features `(B, T)`.
            training: Whether the step updates.
        """
        seed = self.step_seed(training=training)
        views = self.draw_views(images, seed=seed)[1]
        predicted = self.head(self.encoder(views, training=training))  # (B, T)
        similarity = losses.cosine_similarity(predicted, targets)
        if self.loss_name == "cosine":
            return {"loss": 1 - similarity, "similarity": similarity}
        return {"loss": losses.feature_error(targets, predicted), "similarity": similarity}

    def read_unlabeled(self, images, network):
        """Returns the loss; see `Pretrainer.read_unlabeled`."""
        del network
        targets = self.find_targets(images, training=True)
        return self.loss_terms(images, targets, training=True)["loss"], None

    def draw_views(self, images, *, seed):
        """Returns images and augmented ones, each `(B, H, W, C)`; see `Pretrainer.draw_views`."""
        return images, random_views(images, self.views, seed=seed)

    def get_config(self) -> dict:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "kind": self.kind, "loss": self.loss_name}


def _freeze(teacher: keras.Model) -> keras.Model:
    """Returns the teacher with no trainable weight: a copy, so that the original can be trained."""
    if not teacher.trainable_weights:
        return teacher
    copy = copy_network(teacher)
    copy.trainable = False
    return copy


def _require_teacher(teacher, encoder: keras.Model) -> None:
    takes, gives = (getattr(teacher, name, None) for name in ("input_shape", "output_shape"))
    is_flat = isinstance(gives, tuple) and len(gives) == 2 and None not in gives[1:]
    if takes != encoder.input_shape or not is_flat:
        raise InputError(
            f"teacher has input shape {takes} and output shape {gives}; expected "
            f"{encoder.input_shape}, as the encoder, and (None, T). Resize inside of the teacher, "
            "and end it with pooling or Flatten."
        )
