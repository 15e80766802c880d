"""Images that a pretrained method makes, for networks to be trained on without labels."""

from __future__ import annotations

import numpy as np

from tfzero.common.seeds import derive_seed

_MOST_IMAGES = 20_000
_AT_ONCE = 500


def generate_images(model, num_pool: int, seed: int) -> np.ndarray:
    """Returns images that a pretrained method makes, as many as the pool has up to 20,000.

    Args:
        model: A method that can generate.
        num_pool: The size of the pool.
        seed: Draws them.

    Returns:
        uint8 `(N, H, W, C)`.
    """
    count = min(num_pool, _MOST_IMAGES)
    parts = []
    for start in range(0, count, _AT_ONCE):
        images = model.generate(
            min(_AT_ONCE, count - start), seed=derive_seed(seed, "generated", start)
        )
        parts.append(np.rint(np.asarray(images) * 255).astype(np.uint8))
    return np.concatenate(parts)
