"""What a pretrained method makes, kept beside its encoder."""

from __future__ import annotations

import numpy as np

_NUM_SAMPLES = 64
_NUM_RECONSTRUCTIONS = 16
_NUM_ROWS, _NUM_STEPS = 6, 9
_SEED = 0


def draw_pictures(model, pool: np.ndarray) -> dict[str, np.ndarray]:
    """Returns what a method can show, by name.

    Args:
        model: The method.
        pool: uint8 `(P, H, W, C)`, what it was trained on.

    Returns:
        uint8 arrays: `samples` `(64, H, W, C)`; `originals` and their `reconstructions`
        `(16, H, W, C)`; `traversals` and `interpolations`, each one picture of 6 rows of 9.
    """
    from tfzero.pretrain.pictures import draw_interpolations, draw_traversals

    pictures = {}
    if model.can("generate"):
        pictures["samples"] = _to_uint8(model.generate(_NUM_SAMPLES, seed=_SEED))
    if model.can("reconstruct"):
        originals = np.asarray(pool[:: max(1, len(pool) // _NUM_RECONSTRUCTIONS)])
        pictures["originals"] = originals[:_NUM_RECONSTRUCTIONS]
        pictures["reconstructions"] = _to_uint8(model.reconstruct(pictures["originals"]))
    if model.can("decode"):
        image = np.asarray(pool[0]) if model.can("posterior") else None
        shape = {"count": _NUM_ROWS, "steps": _NUM_STEPS, "seed": _SEED}
        pictures["traversals"] = draw_traversals(model, image=image, **shape)
        pictures["interpolations"] = draw_interpolations(model, **shape)
    return pictures


def _to_uint8(images) -> np.ndarray:
    return np.rint(np.asarray(images) * 255).astype(np.uint8)
