"""Where images come from: sources, decoding, splits and storage.

Nothing in here imports TensorFlow before it is needed. The names are loaded when they are first
used; the stub beside this file lists them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
