"""Where images come from: sources, decoding, splits and storage.

Nothing in here imports TensorFlow before it is needed.
"""

from tfzero.data.arrays import from_arrays
from tfzero.data.dataset import ImageData
from tfzero.data.load import load_data
from tfzero.data.splits import hold_out, nested_subsets
from tfzero.data.store import open_arrays, save_arrays
from tfzero.data.tensors import from_dataset

__all__ = [
    "ImageData",
    "from_arrays",
    "from_dataset",
    "hold_out",
    "load_data",
    "nested_subsets",
    "open_arrays",
    "save_arrays",
]
