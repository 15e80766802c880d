"""Figures of a study. Each function returns a matplotlib `Figure` that no global state knows of.

In a notebook, `%matplotlib inline` shows a returned figure; anywhere, `figure.savefig(...)`
writes it. Accuracies are in percent, times in seconds, images uint8 `(N, H, W, C)`.
"""

from tfzero.report.sections.curves.figure import training_curves
from tfzero.report.sections.data.figure import class_counts
from tfzero.report.sections.encoders.figures import (
    feature_map,
    image_grid,
    neighbours,
    reconstructions,
)
from tfzero.report.sections.mistakes.figures import attention, calibration, confusion, robustness
from tfzero.report.sections.time.figure import accuracy_against_seconds
from tfzero.report.sections.verdict.figure import label_efficiency

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
]
