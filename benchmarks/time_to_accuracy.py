"""CPU minutes of pretraining until a probe on 1,000 labels passes a bar.

    python benchmarks/time_to_accuracy.py FASHION --method rotation --passes 6 --bar 84.5

The first 50,000 training images are the pool, and the labels come from these. The probe is scored
on the other training images; no test image is read. It is fitted after each pass, by several draws
of labels, and its own time does not count. One thread.
"""

from __future__ import annotations

import argparse
import time

import keras
import numpy as np

from tfzero.common.seeds import derive_seed
from tfzero.common.surroundings import own_process, own_settings
from tfzero.data import load_data, nested_subsets
from tfzero.networks.encoder import build_encoder
from tfzero.pretrain import METHODS, build_method
from tfzero.pretrain.run import pretrain
from tfzero.study.work.counted import probe_speed
from tfzero.study.work.process import prepare_process
from tfzero.transfer import fit_classifier

_POOL = 50_000


class ProbeEachPass(keras.callbacks.Callback):
    """Prints the CPU minutes of training so far, and the accuracy of a probe."""

    def __init__(self, images, labels, arguments):
        super().__init__()
        self.images, self.labels, self.arguments = images, labels, arguments
        self.seconds = 0.0

    def on_epoch_begin(self, epoch, logs=None):
        """Starts the clock."""
        self.began = time.process_time()

    def on_epoch_end(self, epoch, logs=None):
        """Stops the clock and probes."""
        self.seconds += time.process_time() - self.began
        scores = [self._score(draw) for draw in range(self.arguments.draws)]
        mean, spread = 100 * np.mean(scores), 100 * np.std(scores, ddof=1)
        passed = " passed" if mean >= self.arguments.bar else ""
        minutes = f"{self.seconds / 60:5.2f} CPU minutes"
        print(f"pass {epoch + 1:2}: {minutes}, {mean:.1f} ± {spread:.1f} %{passed}", flush=True)

    def _score(self, draw: int) -> float:
        pool, labels, count = self.images[:_POOL], self.labels[:_POOL], self.arguments.labels
        seed = derive_seed(draw, "labels")
        rows = nested_subsets(pool, labels, [count], seed=seed)[count]
        fitted = fit_classifier(
            "probe", encoder=self.model.encoder, images=pool[rows], labels=labels[rows], seed=draw
        )
        told = fitted.predict(self.images[_POOL:]).argmax(axis=1)
        return float((told == self.labels[_POOL:]).mean())


def main() -> None:
    """Prints a line per pass."""
    arguments = parse_arguments()
    own_process()
    prepare_process()
    data = load_data(arguments.data)
    images, labels = data.train_images, data.train_labels
    order = np.random.default_rng(0).permutation(len(images))
    images, labels = images[order], labels[order]
    budget = METHODS[arguments.method].budget(_POOL, epochs=arguments.passes)
    print(f"{probe_speed():.0f} GFLOP/s per core; {budget}", flush=True)
    with own_settings():
        encoder = build_encoder(images.shape[1:], seed=arguments.seed)
        method = build_method(arguments.method, encoder, kind=arguments.kind, seed=arguments.seed)
        callbacks = [ProbeEachPass(images, labels, arguments)]
        pretrain(method, images[:_POOL], budget=budget, callbacks=callbacks)


def parse_arguments() -> argparse.Namespace:
    """Returns the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--method", default="rotation")
    parser.add_argument("--kind", default="clothes", help="The kind of data.")
    parser.add_argument("--passes", type=int, default=6)
    parser.add_argument("--labels", type=int, default=1000)
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--bar", type=float, default=84.5)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
