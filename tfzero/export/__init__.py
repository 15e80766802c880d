"""Hands the winning model over: a SavedModel that a server takes as it is.

Importing this package does not import TensorFlow; using one of its names does. The stub beside this
file lists them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
