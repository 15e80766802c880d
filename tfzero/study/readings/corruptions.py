"""Test images made worse, to see how fast a network's accuracy falls."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

# Each at three strengths, after Hendrycks and Dietterich 2019, arXiv:1903.12261, appendix B; sizes
# are shares of the image's shorter side, so that they mean the same at 8 pixels and at 224.
_NOISE = (0.04, 0.08, 0.16)  # standard deviation, of the range of a pixel
_BLUR = (0.04, 0.07, 0.12)  # standard deviation, of the side
_SHIFT = (0.05, 0.1, 0.2)  # of the side, down and right; the edge is repeated
_CONTRAST = (0.6, 0.35, 0.2)  # what is left of each pixel's distance from the image's mean


def _add_noise(images, strength, seed):
    noise = np.random.default_rng(seed).normal(0, 255 * strength, images.shape)
    return images + noise


def _blur(images, strength, seed):
    from scipy.ndimage import gaussian_filter

    width = strength * min(images.shape[1:3])
    return gaussian_filter(images, (0, width, width, 0), mode="nearest")


def _shift(images, strength, seed):
    from scipy.ndimage import shift

    far = strength * min(images.shape[1:3])  # between pixels linearly: a small image has few
    return shift(images, (0, far, far, 0), order=1, mode="nearest")


def _flatten(images, strength, seed):
    mean = images.mean(axis=(1, 2, 3), keepdims=True)
    return mean + strength * (images - mean)


CORRUPTIONS: dict[str, tuple[Callable, tuple[float, ...]]] = {
    "noise": (_add_noise, _NOISE),
    "blur": (_blur, _BLUR),
    "shift": (_shift, _SHIFT),
    "contrast": (_flatten, _CONTRAST),
}


def corrupt(images: np.ndarray, name: str, level: int, *, seed: int = 0) -> np.ndarray:
    """Returns images made worse in one way.

    Args:
        images: uint8 `(N, H, W, C)`.
        name: A key of `CORRUPTIONS`.
        level: 1 to 3, from mild to strong.
        seed: Draws the noise.

    Returns:
        uint8 of the same shape.
    """
    change, strengths = CORRUPTIONS[name]
    changed = change(images.astype(np.float32), strengths[level - 1], seed)
    return np.rint(np.clip(changed, 0, 255)).astype(np.uint8)
