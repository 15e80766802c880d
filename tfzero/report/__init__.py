"""Report: one self-contained page and its figures, drawn from a run folder's files alone.

Nothing here imports TensorFlow, and matplotlib is imported when a figure is drawn. Each figure of
the page is a function that returns a matplotlib figure, for notebooks; `tfzero.report.figures`
documents them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfzero.report.figures import (
        accuracy_against_seconds,
        attention,
        calibration,
        class_counts,
        confusion,
        feature_map,
        image_grid,
        label_efficiency,
        neighbours,
        reconstructions,
        robustness,
        training_curves,
    )
    from tfzero.report.page import write_report

__all__ = [
    "accuracy_against_seconds",
    "attention",
    "calibration",
    "class_counts",
    "confusion",
    "feature_map",
    "image_grid",
    "label_efficiency",
    "neighbours",
    "reconstructions",
    "robustness",
    "training_curves",
    "write_report",
]


def __getattr__(name: str) -> Any:
    """Imports a public name's module when the name is first asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "page" if name == "write_report" else "figures"
    return getattr(importlib.import_module(f"{__name__}.{module}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
