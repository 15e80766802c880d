"""Figures of a study. Each function returns a matplotlib `Figure` that no global state knows of.

In a notebook, `%matplotlib inline` shows a returned figure; anywhere, `figure.savefig(...)`
writes it. Accuracies are in percent, times in seconds, images uint8 `(N, H, W, C)`.
"""

from tfzero.report.figures.arms import accuracy_against_seconds, label_efficiency
from tfzero.report.figures.classes import class_counts
from tfzero.report.figures.damage import robustness
from tfzero.report.figures.images import image_grid, reconstructions
from tfzero.report.figures.maps import feature_map, neighbours
from tfzero.report.figures.mistakes import attention, calibration, confusion
from tfzero.report.figures.training import training_curves

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
