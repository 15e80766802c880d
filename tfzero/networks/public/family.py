"""What a family of public networks is: how a source names one, and how it is loaded."""

from __future__ import annotations

import abc
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import keras

    from tfzero.networks.public.pixels import Scaling

# What most public weights were trained on, and what most networks give.
IMAGENET = "ImageNet-1k: 1.28 million photos of 1,000 classes"
FEATURES = "the average over its last block"

Weights = str | os.PathLike[str] | None


class Body(NamedTuple):
    """A public network, loaded, without what brings images to it.

    Attributes:
        connect: Takes the symbolic tensor of images `(B, size, size, 3)`, scaled, adds the network
            behind it and returns its features `(B, D)`. A Keras model is one such function. Layers
            `block1`, `block2` and so on can be read alone; see `tfzero.networks.blocks`.
        scaling: How pixels are scaled before it, as `tfzero.networks.public.pixels.PublicPixels`
            takes it.
        features: What its features are, as the end of a sentence.
        notes: Further sentences that a reader of a study must know.
        interpolation: How images are resized for it.
        decides: What decides its features beside its weights and its name; "" if nothing does.
    """

    connect: Callable[[keras.KerasTensor], keras.KerasTensor]
    scaling: Scaling
    features: str
    notes: tuple[str, ...] = ()
    interpolation: str = "bilinear"
    decides: str = ""


class Origin(NamedTuple):
    """Where public weights come from.

    Attributes:
        trained_on: What they were trained on.
        licence: The name of their licence, or where it is to be found.
    """

    trained_on: str
    licence: str


class Family(abc.ABC):
    """Public networks that are named and loaded alike.

    Attributes:
        prefix: What a source begins with, such as "imagenet:"; a family of one network, its name.
        form: How a source is written, for messages: "imagenet:NAME".
    """

    prefix: str
    form: str

    @abc.abstractmethod
    def choose_size(self, name: str, image_shape: tuple[int, int, int], weights: Weights) -> int:
        """Returns the side in pixels to which images are resized, where none is asked for.

        Args:
            name: What follows the prefix.
            image_shape: `(H, W, C)` of the images. Nothing else of the data decides, so that two
                studies of the same images choose alike.
            weights: As in `load`.

        Raises:
            InputError: If there is no such network.
        """

    @abc.abstractmethod
    def load(self, name: str, size: int, weights: Weights) -> Body:
        """Returns the network with its weights.

        Args:
            name: What follows the prefix.
            size: Side in pixels of the images that it gets.
            weights: A user's file or folder of weights; None for where the family has its own.

        Raises:
            InputError: If there is no such network, the side is too small, or its weights cannot
                be found or loaded.
        """

    @abc.abstractmethod
    def title(self, name: str) -> str:
        """Returns what the network is called in a report."""

    @abc.abstractmethod
    def origin(self, name: str, weights: Weights) -> Origin:
        """Returns where the weights come from."""
