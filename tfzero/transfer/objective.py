"""What a network can learn from unlabeled images while it learns from labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import keras
    import numpy as np
    import tensorflow as tf


class Network(Protocol):
    """What an objective may ask of the network that it trains."""

    def classify(self, features) -> tf.Tensor:
        """Returns logits `(B, K)` of the network's features `(B, D)`."""
        ...

    def read_logits(self, images) -> tf.Tensor:
        """Returns logits `(B, K)` of scaled images `(B, H, W, C)`."""
        ...

    def guess(self, images) -> tf.Tensor:
        """Returns probabilities `(B, K)` of scaled images, by the average of weights over time."""
        ...


class Objective(Protocol):
    """A loss on unlabeled images, to be minimized beside the loss on labels.

    It is a Keras layer or model that can be saved. Every method of `tfzero.pretrain` is one.
    """

    optimizer: Any

    def around(self, encoder: keras.Model) -> Objective:
        """Returns a copy with the same weights that reads images by another encoder."""
        ...

    @property
    def own_variables(self) -> list:
        """Variables that minimize the loss together with the network's, such as a decoder's."""
        ...

    @property
    def opponent_variables(self) -> list:
        """Variables that minimize another loss, such as a generator's; most have none."""
        ...

    def prepare(self, images: np.ndarray) -> None:
        """Takes from all unlabeled images what is needed of them once, before training."""
        ...

    def release(self) -> None:
        """Forgets what `prepare` took."""
        ...

    def make_optimizer(self, learning_rate: float) -> keras.optimizers.Optimizer:
        """Returns the optimizer of the opponent's variables."""
        ...

    def read_unlabeled(self, images, network: Network) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Returns two losses of a batch of scaled images `(B, H, W, C)`, each `()`.

        The first is what the network and the objective's own variables should minimize. The second
        is what the objective's `opponent_variables` should minimize; None where it has none.
        """
        ...

    def end_step(self) -> None:
        """Called after each update."""
        ...
