"""tfzero's side of `benchmarks/speed.py`: a process that times one case after another.

It reads a case as JSON per line and prints the milliseconds per step of its calls as JSON. It
trains by the library's own functions, so that the stream of batches and the guards are part of it.
An older checkout of tfzero on the path is timed by the same file.
"""

from __future__ import annotations

import collections
import contextlib
import glob
import json
import sys
import tempfile
import time

import keras
import numpy as np
import tensorflow as tf

from tfzero.common.surroundings import own_settings
from tfzero.networks.encoder import build_encoder
from tfzero.study.work.process import prepare_process

NUM_IMAGES, NUM_CLASSES = 1024, 10
_STEPS = 60


class Clock(keras.callbacks.Callback):
    """Takes the milliseconds per step of each call of the graph, and the seconds of all."""

    def __init__(self):
        super().__init__()
        self.calls = []
        self.seconds = 0.0

    def on_train_batch_begin(self, batch, logs=None):
        """Starts the clock."""
        self.began = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        """Stops the clock."""
        seconds = time.perf_counter() - self.began
        self.seconds += seconds
        self.calls.append(1000 * seconds / self.model.steps_per_execution)


@contextlib.contextmanager
def in_every_fit(clock: Clock):
    """Gives a clock to every `fit` of Keras until the block ends."""
    fit = keras.Model.fit

    def fit_timed(*arguments, callbacks=(), **options):
        return fit(*arguments, callbacks=[*callbacks, clock], **options)

    keras.Model.fit = fit_timed
    try:
        yield
    finally:
        keras.Model.fit = fit


def make_turn(kind: str, shape: tuple[int, int, int], batch: int, augment: bool):
    """Returns the function that trains for some calls and returns their milliseconds per step.

    Args:
        kind: "classifier", or the name of a method.
        shape: `(H, W, C)`.
        batch: Images per step.
        augment: Whether a classifier's images are augmented.
    """
    # What a step costs does not depend on what it sees.
    images = np.random.default_rng(0).integers(0, 256, (NUM_IMAGES, *shape)).astype(np.uint8)
    clock = Clock()
    train = _train_classifier if kind == "classifier" else _train_method

    def take_turn() -> list[float]:
        clock.calls.clear()
        train(kind, images, batch, augment, clock)
        return list(clock.calls)

    return take_turn


def _train_classifier(kind, images, batch, augment, clock):
    from tfzero.transfer import training
    from tfzero.transfer.budget import Budget
    from tfzero.transfer.classifier import Classifier

    labels = np.arange(len(images)) % NUM_CLASSES
    classifier = Classifier(build_encoder(images.shape[1:]), NUM_CLASSES, augment=augment)
    labelled = training.Labelled(images, labels)
    budget = Budget(steps=_STEPS, batch_size=batch)
    with in_every_fit(clock):
        training.train(classifier, labelled, peak=1e-3, budget=budget, seed=0)


def _train_method(kind, images, batch, augment, clock):
    from tfzero.pretrain import METHODS, build_method
    from tfzero.pretrain.budget import PretrainingBudget
    from tfzero.pretrain.run import pretrain

    rate = METHODS[kind].learning_rate
    budget = PretrainingBudget(epochs=2, batch_size=batch, learning_rate=rate)
    method = build_method(kind, build_encoder(images.shape[1:]), kind="clothes", seed=0)
    pretrain(method, images, budget=budget, callbacks=[clock])


def profile(take_turn) -> dict[str, float]:
    """Returns milliseconds per step by kind of operation, of a classifier traced before."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            take_turn()
        space = xplane_pb2.XSpace()
        [path] = glob.glob(f"{folder}/**/*.xplane.pb", recursive=True)
        with open(path, "rb") as file:
            space.ParseFromString(file.read())
    milliseconds: collections.Counter[str] = collections.Counter()
    for plane in space.planes:
        for event in (event for line in plane.lines for event in line.events):
            place, _, kind = plane.event_metadata[event.metadata_id].name.rpartition(":")
            # An operation is "PLACE:KIND". Names with "::" hold operations.
            if place and not place.endswith(":") and kind.isidentifier():
                milliseconds[kind] += event.duration_ps / 1e9
    return {kind: value / _STEPS for kind, value in milliseconds.most_common()}


def main() -> None:
    """Answers until standard input ends."""
    prepare_process()
    turns = {}
    print("ready", flush=True)
    for line in sys.stdin:
        case = json.loads(line)
        wants_profile = case.pop("profile", False)
        key = json.dumps(case)
        with own_settings():
            if key not in turns:
                turns[key] = make_turn(**{**case, "shape": tuple(case["shape"])})
                turns[key]()  # traces
            found = profile(turns[key]) if wants_profile else turns[key]()
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    from tfzero.common.surroundings import own_process

    own_process()
    main()
