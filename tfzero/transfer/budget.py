"""What a network strategy may spend."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from tfzero.common.checks import InputError

# What a training can wait for, and whether more of it is better.
METRICS = {"accuracy": True, "loss": False}
# Updates that run in one call of the graph, at most; where a part of the labels is held out, it is
# looked at this often.
STEPS_PER_CALL = 20
# The least updates of a training on labels and unlabeled images.
_JOINT_STEPS = 1000
# Unlabeled images that are looked at: as many updates as there are see few more.
MOST_UNLABELED = 20_000
# Labels that a setting is chosen by, at most: a choice is clear then, and more only take longer.
MOST_LABELS = 2000


@dataclasses.dataclass(frozen=True)
class Budget:
    """Limits for a strategy that trains a network, the same for every arm at one label count.

    Attributes:
        steps: Number of updates of the network.
        batch_size: Number of labelled images per update.
        augment: Whether training augments the images, as in `Classifier`.
        kind: Kind of data, which decides the augmentation; None chooses by the number of channels.
        class_weights: Whether rare classes get the same total weight as frequent ones. A label then
            has the weight N / (K n_k), if its class has n_k of N labels.
        layer_rate: Factor in 0..1 of the learning rate from the head to the encoder's last block,
            and from each block to the one below it.
        until: Score at which training ends before its last step: "accuracy=0.95" or "loss=0.2". It
            is measured on a held-out fifth of the labels.
        patience: Number of checks without improvement after which training ends and returns to its
            best weights. It checks the score of `until`, or the loss without it. It checks every 20
            steps, or at the nearest number of steps that divides `steps`.
        learning_rate: Highest learning rate of a training that changes the encoder; None takes the
            strategy's own.
        frozen_blocks: Number of blocks at the encoder's start that no training changes. The last
            block is always trained.
        unlabeled_steps: Number of updates of a training on labels and unlabeled images, all its
            parts together. Each has twice `batch_size` unlabeled ones. None takes as many as
            `steps`, at least 1,000.
        most_unlabeled: Largest number of unlabeled images that a network predicts and learns from.

    Raises:
        InputError: If a value does not have this form.
    """

    steps: int
    batch_size: int = 32
    augment: bool = True
    kind: str | None = None
    class_weights: bool = False
    layer_rate: float = 1.0
    until: str | None = None
    patience: int | None = None
    learning_rate: float | None = None
    frozen_blocks: int = 0
    unlabeled_steps: int | None = None
    most_unlabeled: int = MOST_UNLABELED

    @property
    def joint_steps(self) -> int:
        """Number of updates on labels and unlabeled images together; see `unlabeled_steps`."""
        return self.unlabeled_steps or max(_JOINT_STEPS, self.steps)

    @property
    def pool_batch(self) -> int:
        """Number of unlabeled images per update of such a training."""
        return 2 * self.batch_size

    def __post_init__(self):
        if not 0 < self.layer_rate <= 1:
            raise InputError(
                f"`layer_rate` is {self.layer_rate:g}; expected a factor above 0 and up to 1."
            )
        if self.learning_rate is not None and not 0 < self.learning_rate < math.inf:
            raise InputError(f"`learning_rate` is {self.learning_rate:g}; expected above 0.")
        least = {"frozen_blocks": 0, "unlabeled_steps": 1, "most_unlabeled": 1}
        for name, smallest in least.items():
            value = getattr(self, name)
            if value is not None and value < smallest:
                raise InputError(f"`{name}` is {value}; expected at least {smallest}.")
        if self.until is not None:
            parse_until(self.until)
        if self.patience is not None and self.patience < 1:
            raise InputError(f"`patience` is {self.patience}; expected at least 1.")


def default_budget(num_labels: int) -> Budget:
    """Returns the budget for a number of labels.

    Measured for training from scratch on parts of the training images: on digits, 200 steps are
    enough below 100 labels and 300 at 200; on Fashion-MNIST with 1,000 labels, 1,000 steps score
    3 points more than 300. So one step a label from 300 on, at batches of 32; beyond 1,000 labels
    ten passes at batches of 64, and no fewer than 1,000 steps.
    """
    if num_labels <= 1000:
        return Budget(steps=200 if num_labels < 100 else round_to_calls(max(300, num_labels)))
    return Budget(steps=round_to_calls(max(1000, 10 * num_labels // 64)), batch_size=64)


# From so many multiply-adds per image on, a network counts as large: ten times the default one.
_LARGE = 100_000_000
# What training a large network may cost: multiply-adds to read an image, times images. About six
# minutes on one core of 53 GFLOP/s in a matrix product of side 1,024.
_MOST_TRAINED, _MOST_JOINT, _MOST_PREDICTED = 2.5e12, 2.1e12, 5e11
_LEAST_STEPS, _LEAST_JOINT, _LEAST_IMAGES = 100, 60, 500
# What an update on labels and unlabeled images costs, in images of a training, for each labelled
# one: itself, two strong views, and two weak views that are only read.
_IMAGES_PER_JOINT = 1 + 2 + 2 / 3
# How weights are trained that others trained on many images: below the last block they stay. On
# part of CIFAR-10's training images (EfficientNet-Lite0 at 128 pixels, 1,000 labels, one run
# each): after 320 steps at 3e-4 79.3 %, at 1e-4 78.3 %, at less than half the time with two of its
# three blocks frozen 78.2 %.
CAREFULLY: dict[str, Any] = {"learning_rate": 3e-4, "frozen_blocks": 2}


def limit_large(steps: int, operations: int) -> dict[str, Any]:
    """Returns the fields of a `Budget` in which the training of a large network differs.

    It is trained `CAREFULLY`, for as many steps as cost about six minutes on a slow core.

    Args:
        steps: The usual number of steps.
        operations: Multiply-adds by which the network reads an image.

    Returns:
        By name of a field; empty for a network that is not large.
    """
    if operations < _LARGE:
        return {}
    batch = Budget.batch_size
    most = round_to_calls(max(_LEAST_STEPS, int(_MOST_TRAINED / operations / batch)))
    joint = int(_MOST_JOINT / operations / (_IMAGES_PER_JOINT * batch))
    return {
        **CAREFULLY,
        "steps": min(steps, most),
        "batch_size": batch,
        "unlabeled_steps": round_to_calls(max(_LEAST_JOINT, joint)),
        "most_unlabeled": max(_LEAST_IMAGES, int(_MOST_PREDICTED / operations)),
    }


def round_to_calls(steps: int) -> int:
    """Returns the updates rounded up to whole calls of `STEPS_PER_CALL`.

    Fewer per call cost up to twice as much each.
    """
    return -(-steps // STEPS_PER_CALL) * STEPS_PER_CALL


def parse_until(text: str) -> tuple[str, float]:
    """Returns metric and value of a text like "accuracy=0.95".

    Raises:
        InputError: If the text is none, or the value can never be reached or is reached at once.
    """
    name, _, number = text.partition("=")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if name not in METRICS or not (0 < value <= 1 if name == "accuracy" else 0 < value < math.inf):
        raise InputError(
            f'`until` is "{text}"; expected accuracy=SHARE with a share up to 1, or '
            "loss=VALUE, such as accuracy=0.95 or loss=0.2."
        )
    return name, value
