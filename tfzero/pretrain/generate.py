"""Images that a pretrained method makes: for pictures, and for networks to be trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from tfzero.common.seeds import derive_seed

if TYPE_CHECKING:
    from tfzero.pretrain.base import Pretrainer

_AT_ONCE = 500
_LARGEST_POOL = 20_000


def generate_images(model: Pretrainer, count: int, *, seed: int = 0) -> np.ndarray:
    """Generates any number of images, in batches that fit into memory.

    Args:
        model: A method that can generate.
        count: How many images.
        seed: Decides them; the first 500 are those of `model.generate`.

    Returns:
        float32 `(count, H, W, C)` in 0..1.
    """
    batches = _generate_batches(
        model, count, lambda start: derive_seed(seed, "generate", start) if start else seed
    )
    return np.concatenate(list(batches))


def generate_pool(model: Pretrainer, size: int, *, seed: int) -> np.ndarray:
    """Generates images to train on without labels, in place of a pool or beside it.

    Args:
        model: A method that can generate.
        size: The size of the pool; of more than 20,000 images no more are made.
        seed: Decides them.

    Returns:
        uint8 `(N, H, W, C)`.
    """
    return np.concatenate(list(generate_parts(model, size, seed=seed)[1]))


def generate_parts(model: Pretrainer, size: int, *, seed: int) -> tuple[int, Iterator[np.ndarray]]:
    """Returns how many images `generate_pool` makes, and yields them in parts.

    Args:
        model: As in `generate_pool`.
        size: As in `generate_pool`.
        seed: As in `generate_pool`.
    """
    count = min(size, _LARGEST_POOL)
    batches = _generate_batches(model, count, lambda start: derive_seed(seed, "generated", start))
    return count, (np.rint(batch * 255).astype(np.uint8) for batch in batches)


def _generate_batches(
    model: Pretrainer, count: int, seed_at: Callable[[int], int]
) -> Iterator[np.ndarray]:
    """Yields batches, each by the seed of the place at which it starts."""
    for start in range(0, count, _AT_ONCE):
        batch = model.generate(min(_AT_ONCE, count - start), seed=seed_at(start))
        yield np.asarray(batch)
