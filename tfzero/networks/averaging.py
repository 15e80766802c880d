"""Averages of weights over time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import tensorflow as tf


def move_averages(pairs: Iterable[tuple[Any, Any]], *, decay: float, step) -> None:
    """Moves averages of weights towards the weights.

    A young average forgets faster: it would else remember weights from before any training.

    Args:
        pairs: Average and weight, variables of one shape.
        decay: Share of an average that a step keeps, in 0..1; at most (1 + step) / (10 + step).
        step: Number of updates so far, int `()`.
    """
    step = tf.cast(tf.convert_to_tensor(step), tf.float32)
    kept = tf.minimum(decay, (1 + step) / (10 + step))
    for average, weight in pairs:
        average.assign_add((1 - kept) * (weight - average))
