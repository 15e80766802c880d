"""What Keras's `fit` and `evaluate` take that a method, which learns from images alone, cannot use.

Keras passes over it without a word: weights without labels, and losses and metrics beside a
`train_step` of one's own.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

import keras

from tfzero.common.checks import InputError

# Of arguments that stay at these values nothing is asked.
_UNUSED = {"y": None, "sample_weight": None, "class_weight": None}
_OF_LABELS = ("loss", "loss_weights", "metrics", "weighted_metrics")
# What changes one optimizer, or looks at `loss`.
_ONE_RATE = (keras.callbacks.LearningRateScheduler, keras.callbacks.ReduceLROnPlateau)


def check_call(method: keras.Model, name: str, args: tuple, kwargs: dict[str, Any]) -> None:
    """Refuses what a call of a Keras method of that name would not use.

    Args:
        method: A `Pretrainer`, as it was compiled.
        name: "fit" or "evaluate".
        args: By place, without `self`.
        kwargs: By name.

    Raises:
        InputError: If labels, weights, losses, metrics or a callback cannot be used.
    """
    word = type(method).__name__
    given = inspect.signature(getattr(keras.Model, name)).bind(method, *args, **kwargs).arguments
    for argument in _UNUSED.keys() & given.keys():
        if given[argument] is not None:
            raise InputError(
                f"{word}.{name} got `{argument}`; {word} learns from images alone. "
                f"Pass only the images: {name}(images)."
            )
    _check_validation(word, given.get("validation_data"))
    _check_compiled(method)
    callbacks = given.get("callbacks") or []
    if isinstance(callbacks, keras.callbacks.Callback):
        callbacks = [callbacks]
    _check_callbacks(method, getattr(callbacks, "callbacks", callbacks))


def _check_validation(word: str, data: Any) -> None:
    if isinstance(data, tuple | list) and any(part is not None for part in data[1:]):
        raise InputError(
            f"{word}.fit got `validation_data` of {len(data)} parts; {word} learns from images "
            "alone. Pass only the images: validation_data=images."
        )


def _check_compiled(method: keras.Model) -> None:
    if not method.compiled:
        return  # Keras says so
    config, word = method.get_compile_config() or {}, type(method).__name__
    for argument in _OF_LABELS:
        if config.get(argument) is not None:
            raise InputError(
                f"{word}.compile got `{argument}`, but {word} sets and reports its own "
                "losses. Leave it out: compile(optimizer)."
            )
    scales = isinstance(method.optimizer, keras.optimizers.LossScaleOptimizer)
    if scales and method.precision != "mixed_float16":
        raise InputError(
            f"{word}.compile got a LossScaleOptimizer, but {word} trains in {method.precision}, "
            "which needs no loss scaling. Give the optimizer inside it."
        )


def _check_callbacks(method: Any, callbacks: Iterable[Any]) -> None:
    word = type(method).__name__
    for callback in callbacks:
        kind = type(callback).__name__
        if method.has_further_optimizers and isinstance(callback, _ONE_RATE):
            raise InputError(
                f"{kind} changes the rate of one optimizer, but {word} has more. Write a "
                "callback that sets `model.optimizer.learning_rate` and calls "
                "`model.follow_rate(share)`."
            )
        if method.has_further_optimizers and isinstance(callback, keras.callbacks.SwapEMAWeights):
            raise InputError(
                f"{kind} swaps the weights of one optimizer, but {word} has more. Leave it "
                f"out; `{word}(averaging=...)` averages the weights that make images."
            )
        if "loss" not in method.trackers and isinstance(callback, keras.callbacks.TerminateOnNaN):
            raise InputError(
                f"{kind} watches `loss`, but {word} does not report it; it reports "
                f"{', '.join(method.trackers)}. Use tfzero.Alarms."
            )
