"""Reuse of compiled Keras models, because tracing one costs more than training it briefly."""

from __future__ import annotations

import collections
import contextlib
import json
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfzero.common.precision import find_precision
from tfzero.common.surroundings import own_settings

# More than a study's kinds of model (methods and classifiers); each holds its weights and graph.
_MAX_MODELS = 12
_models: collections.OrderedDict[str, keras.Model] = collections.OrderedDict()
_num_built = 0
# Small passes are cheap; a batch this large keeps the cost in the convolutions.
_PREDICT_BATCH = 500
# Bytes that a layer's values may take for a batch; networks of large images get smaller ones.
_PREDICT_BYTES = 2**28


def predict_compiled(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Returns `model(images, training=False)` for any number of images, each exactly once.

    Unlike `model.predict` it traces one graph a structure, not one a model and batch shape.

    Args:
        model: Built, with one input and one output.
        images: `(N, ...)`.

    Returns:
        The outputs, `(N, ...)`.
    """
    with borrow_compiled(model) as twin:
        # One graph a type and size: a signature would silently cast floats in 0..1 to uint8.
        forwards = vars(twin).setdefault("traced_forwards", {})
        signature = tf.TensorSpec((None, *images.shape[1:]), images.dtype)
        if signature not in forwards:
            _count()
            forwards[signature] = tf.function(
                lambda batch: twin(batch, training=False), input_signature=[signature]
            )
        size = _predict_batch(twin)
        starts = range(0, len(images), size)
        parts = [forwards[signature](images[s : s + size]).numpy() for s in starts]
    return np.concatenate(parts)


def _predict_batch(model: keras.Model) -> int:
    """Returns how many images at once a model's largest layer has memory for."""
    return max(1, min(_PREDICT_BATCH, _PREDICT_BYTES // (4 * _largest_layer(model))))


def _largest_layer(model: keras.Model) -> int:
    """Returns the values that the largest layer gives of an image, as far as that is known."""
    largest = 1
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            largest = max(largest, _largest_layer(layer))
        shape = getattr(getattr(layer, "output", None), "shape", None) if layer.built else None
        if isinstance(shape, tuple) and all(isinstance(side, int) for side in shape[1:]):
            largest = max(largest, int(np.prod(shape[1:])))
    return largest


@contextlib.contextmanager
def borrow_compiled(model: keras.Model, *, batch_size: int | None = None) -> Iterator[keras.Model]:
    """Lends a model of the same structure whose graphs this process may have traced before.

    The lent model starts with the whole state of `model`, weights and optimizers, and when the
    block ends, also by an exception, `model` takes the state back: the outcome is as if `model`
    itself had been used. Keep no reference to the lent model.

    Args:
        model: Built, compiled or not; rebuildable from its configuration.
        batch_size: Of what `fit` will read. A graph that met two sizes is traced for any size,
            and rounds otherwise: each has models of its own.

    Yields:
        The model to call `fit` or `predict` on.
    """
    key = _structure(model, batch_size)
    twin = _models.pop(key, None)
    if twin is None:
        with own_settings(find_precision(model)):
            twin = type(model).from_config(model.get_config())
        if model.compiled:
            _count()
            twin.compile_from_config(model.get_compile_config())
    # Taken out while lent: a nested loan of the same structure gets a model of its own.
    _copy_state(model, twin)
    try:
        yield twin
    finally:
        _copy_state(twin, model)
        twin.stop_training = False
        _models[key] = twin
        while len(_models) > _MAX_MODELS:
            _models.popitem(last=False)


def count_built() -> int:
    """Returns how many graphs this process has built until now, of training and of predicting."""
    return _num_built


def _count() -> None:
    global _num_built
    _num_built += 1


def forget_models() -> None:
    """Drops the models kept for reuse, and with them their memory."""
    _models.clear()


def _structure(model, batch_size: int | None) -> str:
    """Returns what decides the graph: class, configuration but for seeds, and size of batches."""
    # Optimizers number their names, and keep the learning rate as a variable.
    compiled = model.get_compile_config() if model.compiled else None
    compiled = _without(compiled, "name", "learning_rate")
    frozen = [weight.trainable for weight in model.weights]
    # Seeds decide initial values and the values of noise variables, both part of the state.
    parts = [
        type(model).__qualname__,
        _without(model.get_config(), "seed"),
        compiled,
        frozen,
        batch_size,
        find_precision(model),  # a person's own class may not have it in its configuration
    ]
    return json.dumps(parts, sort_keys=True, default=str)


def _without(config: Any, *names: str) -> Any:
    if isinstance(config, dict):
        # A learning rate that is a dictionary is a schedule, which is part of the graph.
        return {
            key: _without(value, *names)
            for key, value in config.items()
            if key not in names or isinstance(value, dict)
        }
    if isinstance(config, list | tuple):
        return [_without(value, *names) for value in config]
    return config


def _copy_state(source, target) -> None:
    for ours, theirs in zip(_optimizers(source), _optimizers(target), strict=True):
        for optimizer in (ours, theirs):
            if not optimizer.built:
                optimizer.build(
                    source.trainable_variables if optimizer is ours else target.trainable_variables
                )
        _assign(ours.variables, theirs.variables)
    _assign(source.variables, target.variables)


def _optimizers(model) -> list[keras.optimizers.Optimizer]:
    members = {id(v): v for v in vars(model).values() if isinstance(v, keras.optimizers.Optimizer)}
    return list(members.values())


def _assign(source, target) -> None:
    for value, variable in zip(source, target, strict=True):
        variable.assign(value)


def largest_divisor(steps: int, *, most: int) -> int:
    """Returns the largest number up to `most` that divides `steps`.

    For `steps_per_execution`: on an endless stream Keras 3.15 runs whole calls only, so that 21
    steps at 20 a call become 40.
    """
    return next(size for size in range(min(most, steps), 0, -1) if steps % size == 0)
