"""The contract of a method: unlabeled images in, a pretrained encoder out."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Self

import keras
import numpy as np
import tensorflow as tf

from tfzero.common.adam import FusedAdam
from tfzero.common.loss_scaling import scale_losses
from tfzero.networks.precision import PRECISION, call_network, require_precision
from tfzero.networks.scaling import guard_batch, guard_images, refusing, scale_images
from tfzero.pretrain.keras_arguments import check_call
from tfzero.pretrain.requirements import require_shapes

# Returns a network's float32 features `(N, D)` of images `(N, H, W, C)`.
Reading = Callable[[keras.Model, np.ndarray], np.ndarray]


class Pretrainer(keras.Model, abc.ABC):
    """A Keras model that learns an encoder from images alone.

    A method derives from this class once and is final: it gives `train_step` and `test_step`,
    and everything after it sees only `encoder`. Train it with Keras's own `fit(images)`, where
    `images` are uint8 in 0..255 or floats in 0..1, `(B, H, W, C)`. `call(images)` returns
    features `(B, D)`.

    What only some methods can do is declared here too, so that nothing outside asks for a
    method's name: a method that makes images overrides `decode` and `generate`, and so on.
    `can("generate")` tells.

    Attributes:
        networks: The names of those arguments of its constructor that are Keras models.
        precision: What the encoder computes in, one of `tfzero.common.surroundings.PRECISIONS`. A
            decoder has the same. Features, heads and losses are float32, and float16 needs the
            loss scaled: `self.optimizer.scale_loss(loss)` is what a `train_step` differentiates.

    Args:
        encoder: Keras model from float32 images in 0..1 to features `(B, D)`; trained in place.
            It knows H, W, C and D.
        loss_names: What `track` will report, each averaged over the images of an epoch.
        seed: Starts the method's own noise. Weights are drawn where they are built.

    Raises:
        InputError: If the encoder has other shapes, or does not know them.
    """

    networks: tuple[str, ...] = ("encoder",)

    def __init__(self, encoder: keras.Model, *, loss_names: tuple[str, ...], seed: int):
        require_shapes(encoder)
        precision = require_precision(encoder)
        super().__init__(dtype=PRECISION)
        self.precision = precision
        self.encoder = encoder
        self.seed = seed
        # A variable, not a constant of the graph: one compiled step serves every seed.
        self.noise_seed = self.add_weight(
            name="noise_seed",
            shape=(),
            dtype="int32",
            initializer=keras.initializers.Constant(seed),
            trainable=False,
        )
        self.trackers = {name: keras.metrics.Mean(name=name) for name in loss_names}

    @abc.abstractmethod
    def train_step(self, data):
        """Updates the weights once on a batch of images; returns the losses by name."""

    @abc.abstractmethod
    def test_step(self, data):
        """Returns the losses of a batch of images by name, without updating anything."""

    def call(self, images, training=False):
        """Returns the encoder's features `(B, D)` of images `(B, H, W, C)`."""
        if tf.executing_eagerly():
            images = guard_images(images)
        return self.encode(scale_images(images), training=training)

    def encode(self, images, *, training=False):
        """Returns the encoder's features, float32 `(B, D)`, of scaled images."""
        return call_network(self.encoder, images, training=training)

    def compile(self, optimizer="rmsprop", *args, **kwargs):
        """Configures training as `keras.Model.compile` does; in float16 the loss is scaled.

        Keras would scale it too, but not count all steps.
        """
        super().compile(scale_losses(optimizer, self.precision), *args, **kwargs)

    def compile_from_config(self, config):
        """Compiles as saved."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.optimizer is not None and self.built:
            self.optimizer.build(self.trainable_variables)

    # Keras would pass over some arguments of these silently.
    def fit(self, *args, **kwargs):
        """Trains on images as `keras.Model.fit` does; refuses labels and weights."""
        check_call(self, "fit", args, kwargs)
        return super().fit(*args, **kwargs)

    def evaluate(self, *args, **kwargs):
        """Returns the losses as `keras.Model.evaluate` does; refuses labels and weights."""
        # Keras's `fit` evaluates by arguments that it keeps for itself.
        if "_use_cached_eval_dataset" not in kwargs:
            check_call(self, "evaluate", args, kwargs)
        return super().evaluate(*args, **kwargs)

    @property
    def has_further_optimizers(self) -> bool:
        """Whether a part is trained by another optimizer than that given to `compile`."""
        return type(self).follow_rate is not Pretrainer.follow_rate

    def predict_step(self, data):
        """Returns the features of a batch, as Keras does; refuses images that mean another."""
        return super().predict_step(guard_batch(self, data))

    def prepare(self, images: np.ndarray, *, read: Reading | None = None) -> None:
        """Takes from all images what is needed of them once, before training; most need nothing.

        Training without it does the same, more slowly. What it keeps is in no file: whoever goes
        on from a file calls it again.

        Args:
            images: `(N, H, W, C)`, uint8 in 0..255 or floats in 0..1.
            read: Reads another network than the encoder; None reads it anew.
        """

    def release(self) -> None:
        """Forgets what `prepare` took, and gives its memory back."""

    def make_optimizer(self, learning_rate: float) -> keras.optimizers.Optimizer:
        """Returns the optimizer that `tfzero.pretrain.run.pretrain` compiles the method with."""
        return FusedAdam(learning_rate)

    def follow_rate(self, share: float) -> None:
        """Sets the learning rates of a method's further optimizers, of which most have none.

        Args:
            share: Of their highest rates: what `optimizer` now has of its own.
        """

    def parts(self) -> dict[str, keras.Model]:
        """Returns by name the networks that can be exported alone.

        Each takes float32 images in 0..1 and returns one tensor or several by name, or takes
        latents and returns images in 0..1.
        """
        return {"encoder": self.encoder}

    # Z, how many latents `decode` takes; methods that have latents set it.
    latent_dim: int = 0

    def can(self, ability: str) -> bool:
        """Returns whether this method overrides one of the optional methods below.

        Args:
            ability: "decode", "generate", "reconstruct", "posterior", "discriminate",
                "draw_views" or "read_unlabeled".
        """
        return getattr(type(self), ability) is not getattr(Pretrainer, ability)

    def decode(self, latents) -> tf.Tensor:
        """Optional. Returns float32 images `(B, H, W, C)` in 0..1 of latents `(B, Z)`.

        The prior of the latents is N(0, 1).
        """
        raise self._lacks("decode")

    def generate(self, count: int, *, seed: int = 0) -> tf.Tensor:
        """Optional. Returns float32 images `(count, H, W, C)` in 0..1, drawn by `seed`."""
        raise self._lacks("generate")

    def draw_fakes(self, count: int, *, seed: int = 0) -> tf.Tensor:
        """Returns what `generate` does, as the method's discriminator meets it in training.

        A method whose `generate` is of an average over time overrides it.
        """
        return self.generate(count, seed=seed)

    def reconstruct(self, images) -> tf.Tensor:
        """Optional. Returns float32 `(B, H, W, C)` in 0..1: what the method keeps of images."""
        raise self._lacks("reconstruct")

    def posterior(self, images, *, training) -> tuple[tf.Tensor, tf.Tensor]:
        """Optional. Returns mean and log variance `(B, Z)` of the latents of scaled images."""
        raise self._lacks("posterior")

    def discriminate(self, images) -> tf.Tensor:
        """Optional. Returns logits `(B,)` of images being real, as a discriminator sees them."""
        raise self._lacks("discriminate")

    def draw_views(self, images, *, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Optional. Returns two versions of each image that should still tell which image it is.

        Args:
            images: float32 `(B, H, W, C)` in 0..1.
            seed: int32 `(2,)`, decides both.

        Returns:
            Twice float32 `(B, H, W, C)`, in the order of the images.
        """
        raise self._lacks("draw_views")

    @property
    def own_variables(self) -> list:
        """Trainable variables, beside the encoder's, of the loss of `read_unlabeled`."""
        theirs = {id(variable) for variable in self.encoder.trainable_variables}
        return [each for each in self.trainable_variables if id(each) not in theirs]

    @property
    def opponent_variables(self) -> list:
        """Trainable variables that minimize a loss of their own, against the encoder's."""
        return []

    @property
    def opponent_rate(self) -> float:
        """Highest learning rate of these variables."""
        raise self._lacks("opponent_rate")

    def read_unlabeled(self, images, network) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Optional. Returns the losses of a batch, for training beside a classifier.

        For the strategy "joint". A loss should be of the order of 1, like a cross-entropy.

        Args:
            images: float32 `(B, H, W, C)` in 0..1.
            network: The classifier: `network.classify(features)` gives its logits `(B, K)`.

        Returns:
            Two losses, each `()`. The first is minimized together with the classifier's
            cross-entropy, with respect to the encoder, the classifier's head and
            `own_variables`. The second is minimized by `opponent_variables`; None if there are
            none.
        """
        raise self._lacks("read_unlabeled")

    def around(self, encoder: keras.Model) -> Self:
        """Returns a copy of the method, with its weights, that trains another encoder.

        Args:
            encoder: Of the same shapes; not copied.
        """
        models = {name: getattr(self, name) for name in self.networks if name != "encoder"}
        config = {**self.get_config(), **models, "encoder": encoder}
        copy = type(self)(**config)
        theirs = {id(weight) for weight in self.encoder.weights}
        ours = {id(weight) for weight in encoder.weights}
        pairs = zip(
            (weight for weight in self.weights if id(weight) not in theirs),
            (weight for weight in copy.weights if id(weight) not in ours),
            strict=True,
        )
        for weight, own in pairs:
            own.assign(weight)
        return copy

    def _lacks(self, ability: str) -> NotImplementedError:
        return NotImplementedError(
            f"{type(self).__name__} has no `{ability}`; check can({ability!r}) first."
        )

    def take_images(self, data, *, training: bool = True) -> tf.Tensor:
        """Returns the batch as float32 `(B, H, W, C)` in 0..1.

        Args:
            data: What a step of Keras gets.
            training: Whether the step updates.

        Raises:
            InputError: If shape or type are others.
            ValueError: If labels or sample weights came with it.
            tf.errors.InvalidArgumentError: If floats are clearly outside 0..1, or NaN. Graphs
                compiled by XLA don't notice.
        """
        images, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
        with refusing(self):
            if labels is not None or weights is not None:
                raise ValueError(
                    f"{type(self).__name__} learns from images alone, but labels arrived. "
                    "Pass only the images: fit(images)."
                )
            return scale_images(guard_images(images, training=training))

    def step_seed(self, *, stream: int = 0, training: bool = True) -> tf.Tensor:
        """Returns a seed `(2,)` that depends on (seed, step, stream), in evaluations on one more.

        Keras does not save the state of its own random generators: with them, a resumed run
        would draw other noise than an uninterrupted one.

        Args:
            stream: One of a step's several uses of noise.
            training: Whether the step updates. In an evaluation no step is counted, and the seed
                depends on how many images were evaluated before, too: else every batch would get
                the same noise.
        """
        step = tf.cast(tf.convert_to_tensor(self.optimizer.iterations), tf.int32)
        base = tf.convert_to_tensor(self.noise_seed)
        seed = tf.stack([base, step * 8 + stream])  # methods have fewer than 8 streams
        if training:
            return seed
        # Keras resets all trackers when an evaluation begins; which of them it uses is its own.
        counts = [tf.convert_to_tensor(tracker.count) for tracker in self.trackers.values()]
        seen = tf.cast(tf.reduce_max([0.0, *counts]), tf.int32)
        return tf.convert_to_tensor(tf.random.fold_in(seed, seen))  # type: ignore[arg-type]

    def track(self, images: tf.Tensor, **losses) -> dict[str, tf.Tensor]:
        """Averages losses over the images of an epoch; returns them for the progress bar.

        Args:
            images: The batch `(B, ...)`, of whose images each counts as much as any other's.
            **losses: By name, each `()`, the batch's mean.
        """
        count = tf.cast(tf.shape(images)[0], tf.float32)
        for name, value in losses.items():
            self.trackers[name].update_state(value, sample_weight=count)
        return {name: self.trackers[name].result() for name in losses}

    def get_config(self) -> dict:
        """Returns the constructor's arguments that every method has, and other networks."""
        models = {name: getattr(self, name) for name in self.networks}
        saved = {name: keras.saving.serialize_keras_object(model) for name, model in models.items()}
        return {**saved, "seed": self.seed}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Rebuilds the method; weights are loaded separately."""
        models = {
            name: keras.saving.deserialize_keras_object(config[name], custom_objects)
            for name in cls.networks
        }
        return cls(**{**config, **models})
