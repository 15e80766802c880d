"""The classifier: an encoder and one dense layer, the same in every arm."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from tfzero.common.checks import require_choice
from tfzero.common.compiled import predict_compiled
from tfzero.common.images import require_images
from tfzero.common.loss_scaling import scale_losses
from tfzero.common.seeds import derive_seed
from tfzero.data.kinds import KINDS, default_kind
from tfzero.networks.augmentation import augment_images
from tfzero.networks.copies import copy_network
from tfzero.networks.precision import PRECISION, require_precision
from tfzero.networks.scaling import guard_batch, guard_images, scale_images
from tfzero.transfer.contract import Fitted


@keras.saving.register_keras_serializable("tfzero")
class Classifier(keras.Model):
    """Encoder with a linear softmax head, as an ordinary Keras model for `fit`.

    `call(images)` takes images `(B, H, W, C)`, uint8 in 0..255, floats in 0..1 or bool. It returns
    class probabilities, float32 `(B, K)`.

    Args:
        encoder: Keras model from float32 images in 0..1 to features `(B, D)`. It is copied, and the
            original is not changed.
        num_classes: Number of classes K.
        augment: Whether training augments the images (`tfzero.networks.augment_images`). The random
            numbers depend only on (seed, optimizer step).
        kind: Kind of data, which decides the augmentation: "digits", "clothes", "photos",
            "microscopy" or "spectrograms". None takes "photos" for three channels, otherwise
            "digits".
        seed: Random seed of the head's weights and of the augmentation.
    """

    def __init__(
        self,
        encoder: keras.Model,
        num_classes: int,
        *,
        augment: bool = False,
        kind: str | None = None,
        seed: int = 0,
    ):
        precision = require_precision(encoder)
        super().__init__(dtype=PRECISION)
        self.precision = precision
        self.encoder = copy_network(encoder)
        self.num_classes = num_classes
        self.augment = augment
        self.kind = None if kind is None else require_choice(kind, KINDS, what="kind of data")
        self.seed = seed
        self.noise_seed = self.add_weight(
            name="noise_seed",
            shape=(),
            dtype="int32",
            initializer=keras.initializers.Constant(seed),
            trainable=False,
        )
        self.head = keras.layers.Dense(
            num_classes,
            activation="softmax",
            kernel_initializer=keras.initializers.GlorotUniform(derive_seed(seed, "head")),
            name="head",
            dtype=PRECISION,
        )
        self.head.build(self.encoder.output_shape)
        self.built = True

    @property
    def input_shape(self):
        """Shape `(None, H, W, C)` of the encoder's input."""
        return self.encoder.input_shape

    def call(self, images, training=False):
        """Returns class probabilities `(B, K)` of images `(B, H, W, C)`."""
        if tf.executing_eagerly():  # else the steps below do, so that no export has the checks
            images = guard_images(images)
        images = scale_images(images)
        if training:
            optimizer = getattr(self, "optimizer", None)
            step = 0 if optimizer is None else tf.convert_to_tensor(optimizer.iterations)
            images = self.augment_batch(images, step=step)
        return self.head(self.encoder(images, training=training))

    def augment_batch(self, images, *, step):
        """Returns scaled images `(B, H, W, C)` as training sees them in a step, int `()`."""
        if not self.augment:
            return images
        kind = self.kind or default_kind(self.input_shape[-1])
        seed = tf.stack([tf.convert_to_tensor(self.noise_seed), tf.cast(step, tf.int32)])
        return augment_images(images, kind=kind, seed=seed)

    def classify(self, features):
        """Returns logits `(B, K)`, without their softmax, of features `(B, D)`."""
        kernel, bias = map(tf.convert_to_tensor, (self.head.kernel, self.head.bias))
        return tf.matmul(tf.cast(features, PRECISION), kernel) + bias

    def compile(self, optimizer="rmsprop", *args, **kwargs):
        """Configures training as `keras.Model.compile` does; in float16 the loss is scaled.

        Keras would scale it too, but not count all steps.
        """
        super().compile(scale_losses(optimizer, self.precision), *args, **kwargs)

    def compile_from_config(self, config):
        """Compiles as saved."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.optimizer is not None:
            self.optimizer.build(self.trainable_variables)

    def train_step(self, data):
        """Updates the weights once, as Keras does; refuses images on another scale."""
        return super().train_step(guard_batch(self, data, training=True))

    def test_step(self, data):
        """Evaluates a batch, as Keras does; refuses images on another scale."""
        return super().test_step(guard_batch(self, data))

    def predict_step(self, data):
        """Predicts a batch, as Keras does; refuses images on another scale."""
        return super().predict_step(guard_batch(self, data))

    def divide_logits(self, temperature: float) -> None:
        """Divides the weights of the head by a temperature, and so the logits.

        The most probable class of an image stays the same.
        """
        self.head.set_weights([weight / temperature for weight in self.head.get_weights()])

    def get_config(self) -> dict:
        """Returns the constructor's arguments."""
        return {
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "num_classes": self.num_classes,
            "augment": self.augment,
            "kind": self.kind,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Rebuilds the classifier; weights are loaded separately."""
        encoder = keras.saving.deserialize_keras_object(config["encoder"], custom_objects)
        return cls(**{**config, "encoder": encoder})


class FittedNetwork(Fitted):
    """A fitted `Classifier`."""

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Returns float32 class probabilities `(N, K)` of images `(N, H, W, C)`, each once."""
        return predict_compiled(self.model, require_images(inputs))
