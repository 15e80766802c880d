"""What a network strategy may spend."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Budget:
    """What a network strategy may spend: the same for every arm at one label count.

    Attributes:
        steps: Updates of the network.
        batch_size: Labelled images an update.
        augment: Whether training changes the images, as `Classifier` says.
        kind: The kind of data, which decides how; None chooses by the number of channels.
        class_weights: Whether a label weighs N / (K n_k), where its class has n_k of N labels, so
            that rare classes count as much as frequent ones.
    """

    steps: int
    batch_size: int = 32
    augment: bool = True
    kind: str | None = None
    class_weights: bool = False


def default_budget(num_labels: int) -> Budget:
    """Returns the budget for a number of labels.

    Measured for training from scratch on parts of the training images: on digits, 200 steps are
    enough below 100 labels and 300 at 200; on Fashion-MNIST with 1,000 labels, 1,000 steps score
    3 points more than 300. So one step a label from 300 on, at batches of 32; beyond 1,000 labels
    ten passes at batches of 64, and no fewer than 1,000 steps.
    """
    if num_labels <= 1000:
        return Budget(steps=200 if num_labels < 100 else max(300, num_labels))
    return Budget(steps=max(1000, 10 * num_labels // 64), batch_size=64)
