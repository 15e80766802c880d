"""What a network can learn from unlabeled images while it learns from labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import keras
    import numpy as np
    import tensorflow as tf


# Returns a network's features `(N, T)` of images `(N, H, W, C)`.
Reading = Callable[[Any, Any], Any]


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

    # The optimizer whose updates count; set by who trains.
    optimizer: Any
    # Decides what is drawn, together with the updates.
    noise_seed: Any

    def around(self, encoder: keras.Model) -> Objective:
        """Returns the objective with the same weights, but with another encoder.

        One that has an encoder of its own returns a copy. Another one returns itself.
        """
        ...

    @property
    def own_variables(self) -> list:
        """Variables that minimize the loss together with the network's, such as a decoder's."""
        ...

    @property
    def opponent_variables(self) -> list:
        """Variables that minimize another loss, such as a generator's; most have none."""
        ...

    @property
    def opponent_rate(self) -> float:
        """Highest learning rate of the opponent's variables, where there are some."""
        ...

    def prepare(self, images: np.ndarray, *, read: Reading | None = None) -> None:
        """Takes from all unlabeled images what is needed of them once, before training.

        Args:
            images: `(N, H, W, C)`.
            read: Returns the features `(N, T)` of a frozen network of the objective; None reads
                that network.
        """
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
