"""From an encoder and a few labels to a classifier; nothing here knows about pretraining.

The names are loaded when they are first used. The stub beside this file lists them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
