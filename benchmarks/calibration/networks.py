"""Populations of small real networks, trained hundreds at a time by batched products."""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

from benchmarks.calibration.images import Bank
from benchmarks.calibration.population import Population

# By (pretext task or None for scratch, whether the encoder is trained on): the baseline first.
ARMS = (
    (None, True),
    ("denoise", True),
    ("rotate", True),
    ("denoise", False),
    ("rotate", False),
)
BATCH = 32
# Adam's, of whole networks and of heads alone.
RATE, RATE_OF_HEAD = 2e-3, 2e-2


@dataclasses.dataclass(frozen=True)
class Shape:
    """An architecture, for n networks side by side.

    Attributes:
        side: Pixels of a side.
        convolutions: Filters of 3x3 convolutions with stride 2; may be empty.
        dense: Units of dense layers.
    """

    side: int
    convolutions: tuple[int, ...] = ()
    dense: tuple[int, ...] = (64, 32)

    def draw(self, n: int, outputs: int, seed: int) -> list[np.ndarray]:
        """Returns He-initialized weights of n encoders and a dense head."""
        generator = np.random.default_rng(seed)
        sizes, side, channels = [], self.side, 1
        for filters in self.convolutions:
            sizes.append((9 * channels, filters))
            side, channels = -(-side // 2), filters
        width = side * side * channels
        for units in (*self.dense, outputs):
            sizes.append((width, units))
            width = units
        weights = []
        for place, (fan_in, fan_out) in enumerate(sizes):
            scale = (2 / fan_in) ** 0.5 if place + 1 < len(sizes) else (1 / fan_in) ** 0.5
            kernel = generator.normal(0, scale, (n, fan_in, fan_out)).astype(np.float32)
            weights += [kernel, np.zeros((n, 1, fan_out), np.float32)]
        return weights

    def encode(self, weights: list, images: tf.Tensor) -> tf.Tensor:
        """Returns features `(n, B, D)` of images `(n, B, S, S)`."""
        values = images[..., None]  # (n, B, S, S, 1)
        for place in range(len(self.convolutions)):
            kernel, bias = weights[2 * place : 2 * place + 2]
            values = _convolve(values, kernel, bias)
        shape = tf.shape(values)
        size = int(np.prod(values.shape[2:]))
        values = tf.reshape(values, (shape[0], shape[1], size))
        for place in range(len(self.convolutions), len(self.convolutions) + len(self.dense)):
            kernel, bias = weights[2 * place : 2 * place + 2]
            values = tf.nn.relu(values @ kernel + bias)
        return values


def _convolve(values: tf.Tensor, kernel, bias) -> tf.Tensor:
    """Returns a 3x3 convolution with stride 2 and a rectifier, by one batched product."""
    side = values.shape[2]
    out = -(-side // 2)
    padded = tf.pad(values, [[0, 0], [0, 0], [1, 1], [1, 1], [0, 0]])
    patches = tf.concat(
        [
            padded[:, :, row : row + 2 * out - 1 : 2, column : column + 2 * out - 1 : 2]
            for row in range(3)
            for column in range(3)
        ],
        axis=-1,
    )  # (n, B, out, out, 9 C)
    shape = tf.shape(patches)
    flat = tf.reshape(patches, (shape[0], shape[1] * out * out, patches.shape[-1]))
    flat = tf.nn.relu(flat @ kernel + bias)
    return tf.reshape(flat, (shape[0], shape[1], out, out, kernel.shape[-1]))


class Trainer:
    """Adam on n networks at once; one compiled step per kind of loss."""

    def __init__(self, shape: Shape, weights: list[tf.Variable], *, fixed: int = 0):
        """Trains all weights but the first `fixed`."""
        self.shape, self.weights = shape, weights
        self.trained = weights[fixed:]
        self.rate = RATE_OF_HEAD if fixed else RATE
        self.slots = [
            (tf.Variable(tf.zeros_like(w)), tf.Variable(tf.zeros_like(w))) for w in self.trained
        ]
        self.step = tf.Variable(0.0)

    @tf.function
    def classify(self, images, labels):
        """One update by cross-entropy; images `(n, B, S, S)`, labels int `(n, B)`."""
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, self.outputs(images))
            loss = tf.reduce_sum(tf.reduce_mean(losses, axis=1))
        self._update(tape.gradient(loss, self.trained))

    @tf.function
    def restore(self, noisy, images):
        """One update by squared error."""
        with tf.GradientTape() as tape:
            flat = tf.reshape(images, (tf.shape(images)[0], tf.shape(images)[1], -1))
            errors = (self.outputs(noisy) - flat) ** 2
            loss = tf.reduce_sum(tf.reduce_mean(tf.reduce_sum(errors, axis=2), axis=1))
        self._update(tape.gradient(loss, self.trained))

    def restart(self, values: list) -> None:
        """Sets all weights, and forgets what was learned; a new trainer would compile again."""
        for weight, value in zip(self.weights, values, strict=True):
            weight.assign(value)
        for slot in (self.step, *(slot for pair in self.slots for slot in pair)):
            slot.assign(tf.zeros_like(slot))

    def outputs(self, images):
        """Returns `(n, B, outputs)`."""
        kernel, bias = self.weights[-2:]
        return self.shape.encode(self.weights, images) @ kernel + bias

    @tf.function
    def answers(self, images):
        """Returns int `(n, B)` for images `(B, S, S)` that all networks see."""
        n = self.weights[0].shape[0]
        return tf.argmax(self.outputs(tf.repeat(images[None], n, axis=0)), axis=-1)

    def _update(self, gradients) -> None:
        self.step.assign_add(1.0)
        correct = self.rate * tf.sqrt(1 - 0.999**self.step) / (1 - 0.9**self.step)
        for weight, gradient, (first, second) in zip(
            self.trained, gradients, self.slots, strict=True
        ):
            first.assign(0.9 * first + 0.1 * gradient)
            second.assign(0.999 * second + 0.001 * gradient**2)
            weight.assign_sub(correct * first / (tf.sqrt(second) + 1e-7))


def pretrain(bank: Bank, shape: Shape, task: str, n: int, *, steps: int) -> list[np.ndarray]:
    """Returns the weights of n encoders, pretrained on the pool."""
    generator = np.random.default_rng([5, len(task)])
    outputs = {"denoise": shape.side**2, "rotate": 4}[task]
    weights = [tf.Variable(weight) for weight in shape.draw(n, outputs, seed=6 + len(task))]
    trainer = Trainer(shape, weights)
    for _ in range(steps):
        images = bank.pool[generator.integers(len(bank.pool), size=(n, BATCH))]
        if task == "denoise":
            noise = generator.normal(0, 0.3, images.shape).astype(np.float32)
            trainer.restore(tf.constant(images + noise), tf.constant(images))
        else:
            turns = generator.integers(4, size=(n, BATCH))
            turned = np.stack([np.rot90(images, turn, axes=(2, 3)) for turn in range(4)])
            chosen = np.take_along_axis(turned, turns[None, :, :, None, None], axis=0)[0]
            trainer.classify(tf.constant(chosen), tf.constant(turns))
    return [weight.numpy() for weight in trainer.weights[:-2]]


def fit_networks(
    bank: Bank,
    counts: tuple[int, ...],
    shape: Shape,
    *,
    encoders: int,
    fits: int,
    steps: int = 300,
    pretraining_steps: int = 800,
    log=lambda text: None,
) -> Population:
    """Returns a population: `fits` label subsets for each encoder of each task."""
    pretrained = {
        task: pretrain(bank, shape, task, encoders, steps=pretraining_steps)
        for task in dict.fromkeys(task for task, _ in ARMS)
        if task
    }
    log("pretrained")
    trainers = {
        tuned: _make_trainer(shape, bank.num_classes, tuned, encoders) for tuned in (True, False)
    }
    size = len(bank.test_labels)
    right = np.empty((len(ARMS), len(counts), encoders, fits, size), bool)
    for fit in range(fits):
        subsets = np.stack(
            [bank.nested_labels(max(counts), [1, e * fits + fit]) for e in range(encoders)]
        )
        for place, (task, tuned) in enumerate(ARMS):
            for column, count in enumerate(counts):
                trainer = trainers[tuned]
                start = shape.draw(encoders, bank.num_classes, seed=100 + fit)
                if task:
                    start[:-2] = pretrained[task]
                trainer.restart(start)
                # All arms of a replicate see the same batches.
                generator = np.random.default_rng([7, fit, count])
                for _ in range(steps):
                    chosen = generator.integers(count, size=(encoders, BATCH))
                    chosen = np.take_along_axis(subsets, chosen, axis=1)
                    trainer.classify(
                        tf.constant(bank.images[chosen]), tf.constant(bank.labels[chosen])
                    )
                answers = _answer(trainer, bank.test_images)
                right[place, column, :, fit] = answers == bank.test_labels
        log(f"fit {fit + 1} of {fits}")
    right = right.reshape(len(ARMS), len(counts), encoders * fits, size)
    return Population(right, bank.test_labels, counts, np.repeat(np.arange(encoders), fits))


def _make_trainer(shape: Shape, classes: int, tuned: bool, n: int) -> Trainer:
    weights = [tf.Variable(weight) for weight in shape.draw(n, classes, seed=0)]
    return Trainer(shape, weights, fixed=0 if tuned else len(weights) - 2)


def _answer(trainer: Trainer, images: np.ndarray) -> np.ndarray:
    parts = [
        trainer.answers(tf.constant(images[start : start + 500])).numpy()
        for start in range(0, len(images), 500)
    ]
    return np.concatenate(parts, axis=1)
