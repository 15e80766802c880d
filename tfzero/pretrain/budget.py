"""What pretraining may spend."""

from __future__ import annotations

import dataclasses
from typing import Literal

_LARGE_POOL = 10_000
LARGE_POOL_BATCH = 128
# In place of a number of epochs: training ends by itself.
AUTO: Literal["auto"] = "auto"


@dataclasses.dataclass(frozen=True)
class PretrainingBudget:
    """What pretraining may spend.

    Attributes:
        epochs: Passes over the pool.
        batch_size: Images an update.
        learning_rate: Of the optimizer given to `compile`, Adam; the highest, where it decays.
        decays: Whether it rises over the first tenth of the updates and then falls to 0.
        until_flat: Whether training ends when its loss is flat, after `epochs` at the latest. The
            rate then follows `tfzero.pretrain.plateau.UntilFlat`.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    decays: bool = False
    until_flat: bool = False

    def steps_per_epoch(self, num_images: int) -> int:
        """Returns the updates that make one pass, the last batch filled up."""
        return max(1, -(-num_images // self.batch_size))


def default_budget(
    num_images: int, *, epochs: int | None = None, large_batch: int = LARGE_POOL_BATCH
) -> PretrainingBudget:
    """Returns the budget for a pool of a size.

    Passes shrink as the pool grows, while the images seen grow about as its square root: 18
    passes over 1,300 images, 3 over 60,000.

    Args:
        num_images: Size of the pool.
        epochs: Passes, if not the default.
        large_batch: Images an update where the pool has at least 10,000; of fewer, 64.
    """
    if epochs is None:
        epochs = max(2, round(18 * (1300 / num_images) ** 0.47))
    batch_size = 64 if num_images < _LARGE_POOL else large_batch
    return PretrainingBudget(epochs, min(batch_size, num_images), learning_rate=1e-3)
