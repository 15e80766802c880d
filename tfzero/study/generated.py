"""Images that a pretrained method makes, for networks to be trained on without labels."""

from __future__ import annotations

import numpy as np

from tfzero._checks import InputError, require_choice
from tfzero._seeds import derive_seed
from tfzero.pretrain import METHODS
from tfzero.study.inits import read_init
from tfzero.transfer import STRATEGIES, UNLABELED_FROM, trains_on_unlabeled

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


def require_generators(arms, unlabeled_from: str) -> None:
    """Raises unless every arm that would train on generated images has a method that makes some.

    Raises:
        InputError: If one has none, if no arm trains on unlabeled images at all, or if there is no
            such source of them.
    """
    require_choice(unlabeled_from, UNLABELED_FROM, what="source of unlabeled images")
    if unlabeled_from == "pool":
        return
    makers = [name for name, method in METHODS.items() if method.generates]
    readers = [arm for arm in arms if trains_on_unlabeled(arm.partition("/")[2])]
    if not readers:
        known = ", ".join(name for name in STRATEGIES if trains_on_unlabeled(name))
        raise InputError(
            f'unlabeled_from is "{unlabeled_from}", but no arm trains a network on unlabeled '
            f"images; expected one with {known}, as in {makers[0]}/selftrain."
        )
    for arm in readers:
        if read_init(arm.partition("/")[0]).learner not in makers:
            raise InputError(
                f'Arm "{arm}" cannot train on generated images, for its init makes none; expected '
                f"{' or '.join(makers)}. Leave it out, or take unlabeled images from the pool."
            )
