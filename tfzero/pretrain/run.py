"""A pretraining run."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from tfzero.common.compiled import borrow_compiled, largest_divisor
from tfzero.common.schedule import SharedWarmupCosine
from tfzero.common.seeds import derive_seed
from tfzero.data.pipeline import stream_batches
from tfzero.pretrain.base import Pretrainer, Reading
from tfzero.pretrain.budget import PretrainingBudget
from tfzero.pretrain.plateau import UntilFlat


def pretrain(
    method: Pretrainer,
    images: np.ndarray,
    *,
    budget: PretrainingBudget,
    start_epoch: int = 0,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    read: Reading | None = None,
    losses: Sequence[float] = (),
) -> dict[str, list[float]]:
    """Fits `method` on images in the order that its seed decides; compiles it at epoch 0.

    Args:
        method: Built; trained in place.
        images: `(N, H, W, C)`, uint8 in 0..255 or floats in 0..1.
        budget: How long.
        start_epoch: Epochs that are done; the method is then compiled and goes on exactly.
        callbacks: Keras callbacks.
        losses: Mean loss of each epoch that is done, where the budget ends when it is flat.
        read: Reads the frozen network of a method that has one; None reads it here.

    Returns:
        Each loss's average by epoch.
    """
    steps = budget.steps_per_epoch(len(images))
    if start_epoch == 0:
        method.compile(
            optimizer=method.make_optimizer(budget.learning_rate),
            steps_per_execution=steps_per_call(steps, images.shape[1:]),
            # Left open, Keras would have XLA compile it where there is a GPU, and store that.
            jit_compile=False,
        )
    batches = stream_batches(
        images,
        batch_size=budget.batch_size,
        seed=derive_seed(method.seed, "order"),
        start=start_epoch * steps,
    )
    callbacks = [*_schedule(budget, steps, losses), *callbacks]
    with borrow_compiled(method, batch_size=budget.batch_size) as model:
        model.seed = method.seed  # a loan is of any seed, and callbacks save it
        try:
            model.prepare(images, read=read)
            history = model.fit(
                batches,
                steps_per_epoch=steps,
                epochs=budget.epochs,
                initial_epoch=start_epoch,
                callbacks=callbacks,
                shuffle=False,  # the stream is shuffled already
                verbose=0,
            )
        finally:
            model.release()
    return {name: [float(value) for value in values] for name, values in history.history.items()}


def _schedule(
    budget: PretrainingBudget, steps: int, losses: Sequence[float]
) -> list[keras.callbacks.Callback]:
    """Returns what sets the learning rate, and ends training early."""
    if budget.until_flat:
        return [
            UntilFlat(
                peak=budget.learning_rate,
                steps_per_epoch=steps,
                most=budget.epochs,
                cools=budget.decays,
                losses=losses,
            )
        ]
    return (
        [SharedWarmupCosine(budget.learning_rate, budget.epochs * steps)] if budget.decays else []
    )


def steps_per_call(steps: int, image_shape: tuple[int, ...]) -> int:
    """Returns how many updates run in one call of the graph.

    Small images need many, for a call costs as much as an update; large ones do not notice.
    """
    return largest_divisor(steps, most=20 if image_shape[0] * image_shape[1] <= 16 * 16 else 8)
