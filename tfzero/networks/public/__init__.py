"""Encoders with weights that others trained, with all they need inside.

Images come as to any encoder: float32 in 0..1 at the target's size, gray or RGB. Inside, gray is
repeated to three channels, the image is resized to what the network wants, and pixels are scaled as
its weights expect them.

The names are loaded when they are first used: whether the default's weights are installed can be
known without Keras. The stub beside this file lists them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
