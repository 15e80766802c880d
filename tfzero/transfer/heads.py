"""Classical classifiers as Keras models of images: what scikit-learn fitted, as layers."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from sklearn.pipeline import Pipeline

from tfzero.networks.blocks import join_blocks
from tfzero.networks.precision import PRECISION
from tfzero.networks.scaling import scale_images
from tfzero.transfer.classifier import Classifier

# The logit of a class that had no label: no image reaches it.
_NEVER = -1e4


@keras.saving.register_keras_serializable("tfzero")
class KernelMachines(keras.layers.Layer):
    """RBF support vector machines, one for each pair of classes, that vote.

    As `tfzero.transfer.estimators.PairwiseMachines` decides, from features that are not scaled yet
    to float32 probabilities `(B, K)`.

    Args:
        num_classes: K.
        seen: The classes that had labels, in order.
        counts: Support vectors of each of these.
        gamma: Of `exp(-gamma |x - y|^2)`.
    """

    def __init__(self, num_classes: int, seen, counts, gamma: float, **kwargs):
        super().__init__(trainable=False, **{"dtype": PRECISION, **kwargs})
        self.num_classes = num_classes
        self.seen, self.counts = [int(k) for k in seen], [int(n) for n in counts]
        self.gamma = gamma

    def build(self, input_shape):
        """Makes room for what was fitted."""
        width, total, seen = input_shape[-1], sum(self.counts), len(self.seen)

        def make(name, *shape):
            return self.add_weight(name=name, shape=shape, trainable=False, initializer="ones")

        self.mean, self.scale = make("mean", width), make("scale", width)
        self.vectors = make("vectors", total, width)
        self.coefficients = make("coefficients", seen - 1, total)
        self.offsets = make("offsets", seen * (seen - 1) // 2)
        self.temperature = make("temperature")

    def call(self, features):
        """Returns probabilities `(B, K)` of features `(B, D)`."""
        scaled = (features - self.mean) / self.scale
        products = tf.matmul(scaled, self.vectors, transpose_b=True)  # (B, S)
        lengths = tf.reduce_sum(tf.square(scaled), axis=1, keepdims=True)
        squares = lengths - 2 * products + tf.reduce_sum(tf.square(self.vectors), axis=1)
        near = tf.exp(-self.gamma * tf.maximum(squares, 0.0))
        logits = self._count_votes(self._decide(near)) / self.temperature
        places = tf.one_hot(self.seen, self.num_classes)  # (seen, K)
        missing = 1 - tf.reduce_sum(places, axis=0)
        return tf.nn.softmax(tf.matmul(logits, places) + _NEVER * missing)

    def _decide(self, near):
        """Returns the values of all pairs, `(B, seen, seen)`: positive for the first."""
        seen = len(self.seen)
        if seen == 2:  # scikit-learn turns the sign where there is one pair alone
            values = -(tf.matmul(near, self.coefficients, transpose_b=True) + self.offsets)[:, 0]
            zero = tf.zeros_like(values)
            return tf.stack([tf.stack([zero, values], 1), tf.stack([-values, zero], 1)], 1)
        stops = np.cumsum(self.counts)
        rows = []
        for k, (stop, count) in enumerate(zip(stops, self.counts, strict=True)):
            own = slice(stop - count, stop)
            against = tf.matmul(near[:, own], self.coefficients[:, own], transpose_b=True)
            gap = tf.zeros_like(against[:, :1])
            rows.append(tf.concat([against[:, :k], gap, against[:, k:]], axis=1))
        shares = tf.stack(rows, axis=1)  # (B, seen, seen): of k's vectors, against each other
        first, second = np.triu_indices(seen, 1)
        offsets = tf.scatter_nd(np.stack([first, second], 1), self.offsets, (seen, seen))
        upper = np.triu(np.ones((seen, seen), np.float32), 1)
        values = (shares + tf.transpose(shares, (0, 2, 1))) * upper + offsets
        return values - tf.transpose(values, (0, 2, 1))

    def _count_votes(self, values):
        """Returns each class's votes, and less than half a vote for by how much it won."""
        seen = len(self.seen)
        if seen == 2:
            return tf.reduce_sum(values, axis=2) / 2
        upper = np.triu(np.ones((seen, seen), bool), 1)
        won = tf.where(upper, values >= 0, values > 0)  # a draw is the first one's
        votes = tf.reduce_sum(tf.cast(won, tf.float32), axis=2)
        sums = tf.reduce_sum(values, axis=2)
        return votes + sums / (3 * (tf.abs(sums) + 1))

    def divide_logits(self, temperature: float) -> None:
        """Divides the logits, which are votes, by a temperature."""
        self.temperature.assign(self.temperature * temperature)

    def get_config(self) -> dict:
        """Returns the constructor's arguments."""
        own = ("num_classes", "seen", "counts", "gamma")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}

    @classmethod
    def from_config(cls, config):
        """Rebuilds the layer; `trainable` is not an argument."""
        return cls(**{key: value for key, value in config.items() if key != "trainable"})


@keras.saving.register_keras_serializable("tfzero")
class HeadedNetwork(keras.Model):
    """An encoder and a head that was fitted to its features; never trained.

    `call(images)` takes uint8 in 0..255 or floats in 0..1, `(B, H, W, C)`, and returns class
    probabilities, float32 `(B, K)`.

    Args:
        encoder: Keras model from float32 images in 0..1 to features `(B, D)`; not copied.
        head: Layer from features to probabilities, with `divide_logits`.
    """

    def __init__(self, encoder: keras.Model, head: keras.layers.Layer):
        super().__init__(dtype=PRECISION)
        self.encoder, self.head = encoder, head
        if not head.built:
            head.build(encoder.output_shape)
        self.built = True

    @property
    def input_shape(self):
        """`(None, H, W, C)`, the encoder's."""
        return self.encoder.input_shape

    def call(self, images, training=False):
        """Returns class probabilities `(B, K)` of images `(B, H, W, C)`."""
        del training
        return self.head(self.encoder(scale_images(images), training=False))

    def divide_logits(self, temperature: float) -> None:
        """Divides the logits by a temperature."""
        self.head.divide_logits(temperature)

    def get_config(self) -> dict:
        """Returns the constructor's arguments."""
        parts = {"encoder": self.encoder, "head": self.head}
        return {key: keras.saving.serialize_keras_object(part) for key, part in parts.items()}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Rebuilds the network; weights are loaded separately."""
        return cls(
            **{
                key: keras.saving.deserialize_keras_object(part, custom_objects)
                for key, part in config.items()
            }
        )


def read_chosen(
    encoder: keras.Model | None, image_shape: tuple[int, int, int], blocks: list[str]
) -> keras.Model:
    """Returns the network from images to the features that a classifier reads.

    Args:
        encoder: As in `tfzero.transfer.features.read_blocks`; None reads the pixels.
        image_shape: `(H, W, C)`.
        blocks: The names of the blocks that were chosen.
    """
    if encoder is None:
        inputs = keras.Input(image_shape, name="image")
        return keras.Model(
            inputs, keras.layers.Flatten(name="pixels", dtype=PRECISION)(inputs), name="pixels"
        )
    return join_blocks(encoder, only=blocks)[0]


def build_linear(reader: keras.Model, pipeline: Pipeline, num_classes: int) -> Classifier:
    """Returns the network of features and a linear classifier that scikit-learn fitted to them."""
    front, classifier = pipeline[:-1], pipeline[-1]
    seen = classifier.classes_
    kernel = np.zeros((reader.output_shape[-1], num_classes), np.float64)
    bias = np.full(num_classes, _NEVER, np.float64)
    if len(seen) == 1:  # it always answers the only class that it has seen
        bias[seen] = 0.0
    else:
        weights, offsets = classifier.coef_, classifier.intercept_
        if len(seen) == 2:  # scikit-learn keeps one row for two classes
            weights, offsets = np.concatenate([0 * weights, weights]), [0.0, *offsets]
        kernel[:, seen] = _unrotate(front, weights).T / front[0].scale_[:, None]
        bias[seen] = np.array(offsets) - front[0].mean_ @ kernel[:, seen]
    model = Classifier(reader, num_classes)
    model.head.set_weights([kernel.astype(np.float32), bias.astype(np.float32)])
    return model


def build_machines(reader: keras.Model, pipeline: Pipeline, num_classes: int) -> keras.Model:
    """Returns the network of features and `PairwiseMachines` that were fitted to them."""
    front, classifier = pipeline[:-1], pipeline[-1]
    if len(classifier.classes_) == 1:
        return build_linear(reader, pipeline, num_classes)
    machine = classifier.machine_
    head = KernelMachines(
        num_classes, classifier.classes_, machine.n_support_, float(machine.gamma), name="head"
    )
    model = HeadedNetwork(reader, head)
    vectors = _unrotate(front, machine.support_vectors_)
    fitted: list[Any] = [front[0].mean_, front[0].scale_, vectors]
    head.set_weights([*fitted, machine.dual_coef_, machine.intercept_, np.float32(1)])
    return model


def _unrotate(front: Pipeline, rows: np.ndarray) -> np.ndarray:
    """Returns rows `(N, D)` of scaled features that stand rotated into the labels' span.

    The last column, of what is not in the span, is 0 in all that was fitted.
    """
    span = front.named_steps.get("span")
    return rows if span is None or span.basis_ is None else rows[:, :-1] @ span.basis_.T
