"""Where images come from: sources, decoding, splits and storage. No TensorFlow in here."""

from tfzero.data.dataset import ImageData, from_arrays
from tfzero.data.sources import load_data
from tfzero.data.splits import hold_out, nested_subsets
from tfzero.data.store import open_arrays, save_arrays

__all__ = [
    "ImageData",
    "from_arrays",
    "hold_out",
    "load_data",
    "nested_subsets",
    "open_arrays",
    "save_arrays",
]
