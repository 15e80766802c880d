"""tfzero: is unsupervised pretraining worth it on your images?

Importing this package is quick: TensorFlow, Keras and NumPy load when a name is first used. The
stub beside this file lists the names and where they are.
"""

import lazy_loader

from tfzero.common.surroundings import choose_backend
from tfzero.common.version import __version__ as __version__

choose_backend()

__getattr__, _list_names, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __dir__() -> list[str]:
    return [*_list_names(), "__version__"]
