"""One temperature that makes a classifier as sure as it is right."""

from __future__ import annotations

import numpy as np

# What a temperature may be.
COLDEST, HOTTEST = 0.2, 20.0
# Standard deviation of the logarithms of temperatures that are expected beforehand.
_SPREAD = 0.5
# The smallest that float32 holds at full precision, about.
_SMALLEST_PROBABILITY = 1e-37


def fit_temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Returns the number by which logits are divided, so that the labels are likeliest.

    A temperature is expected to be between 0.6 and 1.6, until labels say otherwise: where every
    guess is right, none would be too cold.

    Args:
        probabilities: float32 `(N, K)`, of images that the classifier was not trained on.
        labels: int `(N,)` in 0..K-1, theirs.

    Returns:
        A temperature in 0.2..20; above 1 the classifier was surer than it should be.

    Reference:
        Guo et al. 2017, arXiv:1706.04599, section 4.2.
    """
    from scipy.optimize import minimize_scalar

    logits, places = _read_logits(probabilities), np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        scaled -= scaled.max(axis=1, keepdims=True)
        log_sums = np.log(np.exp(scaled).sum(axis=1))
        expected = (log_temperature / _SPREAD) ** 2 / 2
        return float((log_sums - scaled[places, labels]).sum() + expected)

    bounds = (np.log(COLDEST), np.log(HOTTEST))
    found = minimize_scalar(loss, bounds=bounds, method="bounded")
    return float(np.exp(found.x))


def apply_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Returns float32 `(N, K)`: what the same logits give, divided by a temperature.

    Args:
        probabilities: float32 `(N, K)`.
        temperature: Positive.
    """
    scaled = _read_logits(probabilities) / temperature
    exponents = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return (exponents / exponents.sum(axis=1, keepdims=True)).astype(np.float32)


def _read_logits(probabilities: np.ndarray) -> np.ndarray:
    """Returns float64 logits, which are the logarithms of probabilities up to a constant."""
    return np.log(probabilities.astype(np.float64).clip(_SMALLEST_PROBABILITY))
