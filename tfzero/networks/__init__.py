"""Networks and what turns pixels into their input: no losses, no labels.

The names are loaded when they are first used: the shapes alone need no TensorFlow. The stub beside
this file lists them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
