"""The init without a network."""

from __future__ import annotations

from tfzero.study.inits.base import Init
from tfzero.study.inits.context import Context


class Pixels(Init):
    """The pixels themselves as features."""

    word = "pixels"
    description = "raw pixels"
    is_pretrained = False
    has_network = False
    reads_pixels = True
    is_fixed = True
    shows_networks = False

    def describe(self) -> str:
        """Returns that nothing is computed."""
        return "raw pixels"

    def describe_features(self) -> str:
        """Returns the pixels: they are the features."""
        return self.describe()

    def encoder(self, context: Context, replicate: int) -> None:
        """Returns None: there is no encoder."""
