"""Kinds of data: what may change in an image without changing what it shows."""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    """What every part of the library has to know of a kind of data.

    How far images of a kind may be changed is in `tfzero.networks.views` and
    `tfzero.networks.augmentation`.

    Attributes:
        summary: What may change, for a list of the kinds.
        has_orientation: Whether it means something which side of an image is up. Where it does
            not, a method that learns the orientation of images learns nothing.
    """

    summary: str
    has_orientation: bool = True


KINDS = {
    "digits": Kind("never mirrored"),
    "clothes": Kind("may be mirrored"),
    "photos": Kind("may be mirrored, with changed colours"),
    "microscopy": Kind("may be mirrored and turned by right angles", has_orientation=False),
    "spectrograms": Kind("may shift in time and lose bands"),
}


def default_kind(num_channels: int) -> str:
    """Returns the kind that harms least: photos in colour, and what is never mirrored in gray."""
    return "photos" if num_channels == 3 else "digits"
