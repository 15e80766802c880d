"""Networks and what turns pixels into their input: no losses, no labels.

The names are loaded when they are first used: the shapes alone need no TensorFlow.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfzero.networks.augmentation import augment_images
    from tfzero.networks.copies import copy_network, redraw_network
    from tfzero.networks.decoder import build_decoder
    from tfzero.networks.encoder import build_encoder
    from tfzero.networks.scaling import scale_images

_PLACES = {
    "augment_images": "augmentation",
    "build_decoder": "decoder",
    "build_encoder": "encoder",
    "copy_network": "copies",
    "redraw_network": "copies",
    "scale_images": "scaling",
}

__all__ = [
    "augment_images",
    "build_decoder",
    "build_encoder",
    "copy_network",
    "redraw_network",
    "scale_images",
]


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(importlib.import_module(f"tfzero.networks.{_PLACES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
