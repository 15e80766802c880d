"""Consistency: a network should predict the same for a weak and a strong view of an image."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from tfzero.networks.augmentation import augment_images
from tfzero.networks.precision import PRECISION
from tfzero.networks.views import find_views, random_views
from tfzero.transfer.objective import Network

# What keeps a division by a share of 0 finite.
_LEAST_SHARE = 1e-6


@keras.saving.register_keras_serializable("tfzero")
class Consistency(keras.layers.Layer):
    """Cross-entropy between predictions for a weak view and for a strong view of an image.

    The average of the network's weights over time predicts class probabilities q of the weak view,
    which is augmented as labelled images are. They are aligned with the classes' shares p. They
    count if the highest reaches a threshold t:

        q <- normalize(q * p / m),  m: average of q over time
        loss = mean_B 1(max q >= t) * cross-entropy(q, network(strong view)),
        t: average over time of the mean of max q

    The strong view is augmented as in contrastive learning. Both averages start at 1/K.

    Departures from FixMatch: targets are distributions, not single classes. The threshold follows
    the network instead of staying at 0.95. FreeMatch computes it before alignment, and per class.

    Args:
        num_classes: Number of classes K.
        kind: Kind of data, which decides both views, as in `Classifier` and `SimCLR`.
        class_shares: K floats that sum to 1: each class's share p of the unlabeled images. None
            means equal shares.
        augment: Whether images are augmented. Without, both views are the image itself.
        memory: Decay per step of the averages m and t.
        seed: Random seed of the views.

    Reference:
        Sohn et al. 2020, arXiv:2001.07685, eq. 4 (FixMatch). The threshold: Wang et al. 2023,
        arXiv:2205.07246, eq. 5 (FreeMatch). The alignment: Berthelot et al. 2020,
        arXiv:1911.09785, section 3.1.
    """

    def __init__(
        self,
        num_classes: int,
        *,
        kind: str,
        class_shares: Sequence[float] | None = None,
        augment: bool = True,
        memory: float = 0.99,
        seed: int = 0,
    ):
        super().__init__(dtype=PRECISION)
        self.num_classes = num_classes
        self.kind = kind
        self.class_shares = None if class_shares is None else [float(s) for s in class_shares]
        self.augment = augment
        self.memory = memory
        self.seed = seed
        # A variable, not a constant of the graph: one compiled step serves every seed.
        self.noise_seed = self._add_state("noise_seed", (), seed, dtype="int32")
        self.threshold = self._add_state("threshold", (), 1 / num_classes)
        self.mean_guess = self._add_state("mean_guess", (num_classes,), 1 / num_classes)
        # The optimizer whose updates count; set by who trains.
        self.optimizer: keras.optimizers.Optimizer | None = None
        self.built = True

    def _add_state(self, name, shape, value, dtype="float32"):
        initializer = keras.initializers.Constant(value)
        return self.add_weight(
            name=name, shape=shape, dtype=dtype, initializer=initializer, trainable=False
        )

    def around(self, encoder: keras.Model) -> Consistency:
        """Returns itself: it asks the network, and has no encoder of its own."""
        del encoder
        return self

    @property
    def own_variables(self) -> list:
        """None: all that learns is the network's."""
        return []

    @property
    def opponent_variables(self) -> list:
        """None."""
        return []

    def read_unlabeled(self, images, network: Network) -> tuple[tf.Tensor, None]:
        """Returns the loss of scaled images `(B, H, W, C)`."""
        weak, strong = self._draw_views(images) if self.augment else (images, images)
        targets, believed = self.judge(network.guess(weak))
        each = tf.nn.softmax_cross_entropy_with_logits(
            labels=targets, logits=network.read_logits(strong)
        )
        return tf.reduce_mean(believed * each), None

    def _draw_views(self, images):
        """Returns a weak and a strong view of each image."""
        assert self.optimizer is not None
        step = tf.cast(tf.convert_to_tensor(self.optimizer.iterations), tf.int32)
        place = tf.stack([tf.convert_to_tensor(self.noise_seed), step])
        weak_seed, strong_seed = tf.unstack(tf.random.split(place, 2))
        weak = augment_images(images, kind=self.kind, seed=weak_seed)
        return weak, random_views(images, find_views(self.kind), seed=strong_seed)

    def judge(self, guesses) -> tuple[tf.Tensor, tf.Tensor]:
        """Aligns guesses `(B, K)` with the classes' shares; moves both averages.

        Returns:
            The aligned guesses `(B, K)`, and which are believed, `(B,)`: 1 or 0.
        """
        mean = self._move(self.mean_guess, tf.reduce_mean(guesses, axis=0))
        equal = [1 / self.num_classes] * self.num_classes
        shares = tf.constant(self.class_shares or equal, tf.float32)
        aligned = guesses * shares / tf.maximum(mean, _LEAST_SHARE)
        aligned /= tf.reduce_sum(aligned, axis=1, keepdims=True)
        sureness = tf.reduce_max(aligned, axis=1)
        threshold = self._move(self.threshold, tf.reduce_mean(sureness))
        return aligned, tf.cast(sureness >= threshold, tf.float32)

    def _move(self, average, value):
        """Moves an average towards a value; returns it."""
        moved = self.memory * tf.convert_to_tensor(average) + (1 - self.memory) * value
        average.assign(moved)
        return moved

    @property
    def opponent_rate(self) -> float:
        """0: there is no opponent."""
        return 0.0

    def prepare(self, images, *, read=None) -> None:
        """Does nothing: images are looked at when they come."""

    def release(self) -> None:
        """Does nothing."""

    def get_config(self) -> dict:
        """Returns the constructor's arguments."""
        return {
            "num_classes": self.num_classes,
            "kind": self.kind,
            "class_shares": self.class_shares,
            "augment": self.augment,
            "memory": self.memory,
            "seed": self.seed,
        }
