"""What a network strategy may spend."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Budget:
    """What a network strategy may spend: the same for every arm at one label count.

    Attributes:
        steps: Updates of the network.
        batch_size: Labelled images an update.
        augment: Whether training images are warped.
    """

    steps: int
    batch_size: int = 32
    augment: bool = True


def default_budget(num_labels: int) -> Budget:
    """Returns the budget for a number of labels.

    200 steps below 100 labels, 300 up to 1,000, at batches of 32: training from scratch gains
    nothing from more on digits. Beyond, ten passes over the labels at batches of 64.
    """
    if num_labels <= 1000:
        return Budget(steps=200 if num_labels < 100 else 300)
    return Budget(steps=max(300, 10 * num_labels // 64), batch_size=64)
