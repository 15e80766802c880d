"""Networks and what turns pixels into their input: no losses, no labels."""

from tfzero.networks.augmentation import augment_images
from tfzero.networks.copies import copy_network, redraw_network
from tfzero.networks.decoder import build_decoder
from tfzero.networks.encoder import build_encoder
from tfzero.networks.scaling import scale_images

__all__ = [
    "augment_images",
    "build_decoder",
    "build_encoder",
    "copy_network",
    "redraw_network",
    "scale_images",
]
