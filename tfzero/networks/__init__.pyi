"""The public names of this package, each imported when it is first used."""

from .augmentation import augment_images as augment_images
from .copies import copy_network as copy_network
from .copies import redraw_network as redraw_network
from .decoder import build_decoder as build_decoder
from .encoder import build_encoder as build_encoder
from .scaling import scale_images as scale_images
