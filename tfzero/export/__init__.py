"""Hands the winning model over: a SavedModel that a server takes as it is.

Importing this package does not import TensorFlow; using one of its names does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfzero.export.convert import convert_savedmodel
    from tfzero.export.predict import Prediction, predict_files
    from tfzero.export.savedmodel import export_encoder, export_generator, export_savedmodel
    from tfzero.export.verify import verify_savedmodel

__all__ = [
    "Prediction",
    "convert_savedmodel",
    "export_encoder",
    "export_generator",
    "export_savedmodel",
    "predict_files",
    "verify_savedmodel",
]

_HOME = {
    "Prediction": "tfzero.export.predict",
    "convert_savedmodel": "tfzero.export.convert",
    "export_encoder": "tfzero.export.savedmodel",
    "export_generator": "tfzero.export.savedmodel",
    "export_savedmodel": "tfzero.export.savedmodel",
    "predict_files": "tfzero.export.predict",
    "verify_savedmodel": "tfzero.export.verify",
}


def __getattr__(name: str):
    """Imports the module that defines a public name when it is first used."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
