"""Contrastive learning from two views of each image."""

from __future__ import annotations

import keras
import tensorflow as tf

from tfzero.common.checks import require_between
from tfzero.common.seeds import derive_seed
from tfzero.data.kinds import default_kind
from tfzero.networks.layers import scaled_leaky_relu
from tfzero.networks.precision import PRECISION
from tfzero.networks.views import find_views, random_views
from tfzero.pretrain import losses
from tfzero.pretrain.base import Pretrainer
from tfzero.pretrain.hashes import hash_pixels
from tfzero.pretrain.requirements import require_count

# What is left out of the softmax lies at -1e9, far below any similarity over this.
_LEAST_TEMPERATURE = 1e-3


@keras.saving.register_keras_serializable("tfzero")
class SimCLR(Pretrainer):
    """Learns which two views came from the same image, among all views of a batch.

    Two random views of each image go through the encoder and a small projection head, which is
    discarded afterwards. Each view's projection should be nearer to its partner's than to any other
    in the batch (NT-Xent). The views are all that the method knows about the data, so `kind`
    matters more than any other argument.

    A batch can hold an image twice, for example if it spans two passes over a small pool. The two
    copies are then not negatives of each other.

    Args:
        encoder: Keras model from float32 images in 0..1 to features `(B, D)`.
        kind: Kind of data, which decides the views: "digits" (crops and small turns, never
            mirrored), "clothes" (crops, mirrored), "photos" (crops, mirrored, changed colours),
            "microscopy" or "spectrograms". Images of "microscopy" are cropped, mirrored and turned
            by right angles, and their colours change slightly. Those of "spectrograms" are shifted,
            made louder or softer, and lose bands. None takes "photos" for three channels, otherwise
            "digits".
        temperature: Divisor of the similarities, at least 0.001. Lower values punish near misses
            harder.
        hidden_dim: Number of units of the projection head's hidden layer.
        projection_dim: Number of units of its output.
        seed: Random seed of the head's weights and of the views.

    Raises:
        InputError: If there is no such kind, or a number is out of its range.

    Reference:
        Chen et al. 2020, arXiv:2002.05709, algorithm 1.
    """

    def __init__(
        self,
        encoder: keras.Model,
        *,
        kind: str | None = None,
        temperature: float = 0.1,
        hidden_dim: int = 256,
        projection_dim: int = 64,
        seed: int = 0,
    ):
        super().__init__(encoder, loss_names=("loss", "accuracy"), seed=seed)
        self.kind = kind
        self.temperature = require_between(
            temperature, _LEAST_TEMPERATURE, None, name="temperature"
        )
        self.hidden_dim = require_count(hidden_dim, name="hidden_dim")
        self.projection_dim = require_count(projection_dim, name="projection_dim")
        self.views = find_views(kind or default_kind(encoder.input_shape[-1]))
        self.hidden = self._dense(hidden_dim, "hidden", activation=scaled_leaky_relu)
        self.hidden.build(encoder.output_shape)
        self.projection = self._dense(projection_dim, "projection")
        self.projection.build((None, hidden_dim))
        self.built = True

    def _dense(self, units, name, activation=None):
        initializer = keras.initializers.LecunNormal(derive_seed(self.seed, name))
        return keras.layers.Dense(
            units,
            activation=activation,
            kernel_initializer=initializer,
            name=name,
            dtype=PRECISION,
        )

    def train_step(self, data):
        """Draws two views of each image of a batch and brings their projections together."""
        images = self.take_images(data)
        with tf.GradientTape() as tape:
            terms = self.loss_terms(images, training=True)
            scaled = self.optimizer.scale_loss(terms["loss"])
        variables = self.trainable_variables
        self.optimizer.apply(tape.gradient(scaled, variables), variables)
        return self.track(images, **terms)

    def test_step(self, data):
        """Returns the losses of a batch of images."""
        images = self.take_images(data, training=False)
        return self.track(images, **self.loss_terms(images, training=False))

    def loss_terms(self, images, *, training):
        """Returns loss and accuracy of scaled images `(B, H, W, C)` by name, each `()`.

        The accuracy is the share of views whose nearest among the others is their partner.
        """
        views = self.draw_views(images, seed=self.step_seed(training=training))
        both = tf.concat(views, axis=0)  # (2B, H, W, C)
        projections = self.projection(self.hidden(self.encoder(both, training=training)))
        logits = losses.view_similarities(
            projections, temperature=self.temperature, equal=find_equal(images)
        )
        return {
            "loss": losses.partner_cross_entropy(logits),
            "accuracy": losses.partner_accuracy(logits),
        }

    def read_unlabeled(self, images, network):
        """Returns the loss; see `Pretrainer.read_unlabeled`."""
        del network
        return self.loss_terms(images, training=True)["loss"], None

    def draw_views(self, images, *, seed):
        """Returns two random views of each scaled image `(B, H, W, C)`, alike in shape."""
        # In one pass: on small images it is the number of operations that takes time.
        both = random_views(tf.concat([images, images], axis=0), self.views, seed=seed)
        first, second = tf.split(both, 2)
        return first, second

    def get_config(self) -> dict:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "kind": self.kind,
            "temperature": self.temperature,
            "hidden_dim": self.hidden_dim,
            "projection_dim": self.projection_dim,
        }


def find_equal(images: tf.Tensor) -> tf.Tensor:
    """Returns which images of a batch are the same in every pixel.

    Compares one number per image, which is cheaper than all pairs of images; see `hash_pixels`.

    Args:
        images: float32 `(B, H, W, C)`.

    Returns:
        bool `(B, B)`, true on the diagonal.
    """
    numbers = hash_pixels(tf.cast(tf.bitcast(images, tf.int32), tf.int64))  # (B,)
    return numbers[:, None] == numbers
