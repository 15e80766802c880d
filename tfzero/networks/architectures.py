"""Which encoders can be built by name, with random weights.

Importing this file loads no TensorFlow: the command line reads names here.
"""

from __future__ import annotations

import abc
import dataclasses
import functools
from typing import TYPE_CHECKING

from tfzero.common.checks import InputError, require_choice
from tfzero.networks.public.known import find_application, split_size
from tfzero.networks.shapes import count_encoder

if TYPE_CHECKING:
    import keras

Shape = tuple[int, int, int]

SMALL = "small"
# What the name of a network of `keras.applications` begins with.
KERAS = "keras:"


class Architecture(abc.ABC):
    """An encoder that is known before the images are."""

    is_default = False

    @abc.abstractmethod
    def build(self, image_shape: Shape, *, width: int | None, seed: int) -> keras.Model:
        """Returns the encoder; otherwise as `build_encoder`."""

    @abc.abstractmethod
    def count(self, image_shape: Shape) -> int:
        """Returns the multiply-adds by which the encoder reads an image."""


@dataclasses.dataclass(frozen=True)
class Convolutions(Architecture):
    """Four blocks of convolutions.

    Attributes:
        units: Pairs of convolutions with a shortcut that each block has beside its first.
        width: Filters of block 1; None chooses by the images' size.
        is_default: Whether it is what a study has where none is named.
    """

    units: int = 0
    width: int | None = None
    is_default: bool = False

    def build(self, image_shape: Shape, *, width: int | None, seed: int) -> keras.Model:
        """Returns the encoder; otherwise as `build_encoder`."""
        from tfzero.networks.convolutions import build_convolutions  # Keras is slow to import

        own = self.width if width is None else width
        return build_convolutions(image_shape, width=own, units=self.units, seed=seed)

    def count(self, image_shape: Shape) -> int:
        """Returns the multiply-adds by which the encoder reads an image."""
        return count_encoder(image_shape, width=self.width, units=self.units)


@dataclasses.dataclass(frozen=True)
class Untrained(Architecture):
    """A network of `keras.applications`.

    Attributes:
        name: In `keras.applications`.
        size: Side in pixels to which it resizes images; None keeps their size.
    """

    name: str
    size: int | None = None

    def build(self, image_shape: Shape, *, width: int | None, seed: int) -> keras.Model:
        """Returns the encoder; otherwise as `build_encoder`."""
        from tfzero.networks.public.untrained import build_untrained  # Keras is slow to import

        if width is not None:
            raise InputError(
                f"`width={width}` is for small, base and residual; {self.name} has its own widths. "
                "Leave it out."
            )
        return build_untrained(self.name, image_shape, size=self.size, seed=seed)

    @functools.cache  # noqa: B019  # a few sizes of a few networks, each built for it
    def count(self, image_shape: Shape) -> int:
        """Returns the multiply-adds by which the encoder reads an image."""
        from tfzero.networks.shapes import count_network

        return count_network(self.build(image_shape, width=None, seed=0))


# The widest that stays near the parameters of ResNet-18 (11 million), a multiple of 8.
_BASE_WIDTH = 56
ARCHITECTURES: dict[str, Architecture] = {
    SMALL: Convolutions(is_default=True),
    "base": Convolutions(units=2, width=_BASE_WIDTH),
    "residual": Convolutions(units=1),
}


def names_architecture(text: str) -> bool:
    """Returns whether a text is the name of an architecture."""
    return text in ARCHITECTURES or text.startswith(KERAS)


def find_architecture(name: str) -> Architecture:
    """Returns the architecture of a name.

    Raises:
        InputError: If there is none; the message says the nearest.
    """
    if name.startswith(KERAS):
        named, size = split_size(name)
        application = named.removeprefix(KERAS)
        find_application(application)
        return Untrained(application, size)
    known = [*ARCHITECTURES, f"{KERAS}NAME"]
    return ARCHITECTURES[require_choice(name, known, what="architecture")]
