"""The public names of this package, each imported when it is first used."""

from .arrays import from_arrays as from_arrays
from .dataset import ImageData as ImageData
from .load import load_data as load_data
from .splits import hold_out as hold_out
from .splits import nested_subsets as nested_subsets
from .store import open_arrays as open_arrays
from .store import save_arrays as save_arrays
from .tensors import from_dataset as from_dataset
