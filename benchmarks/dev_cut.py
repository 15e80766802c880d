"""Accuracy and CPU minutes of methods and strategies, on a cut of the training images.

    python benchmarks/dev_cut.py FASHION --kind clothes --methods rotation,gan --labels 100,1000
    python benchmarks/dev_cut.py digits --held 400 --methods scratch --labels 20,100 --draws 4

A part of the training images is held back and scored. The rest is the pool, and the labels come
from it. No test image is read: settings are compared here, and only final tables read test images.
Each method pretrains one encoder, and each draw of labels fits all strategies in turn. One thread.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import time
from typing import Any

import numpy as np

from tfzero.common.seeds import derive_seed
from tfzero.common.surroundings import own_process, own_settings
from tfzero.data import load_data, nested_subsets
from tfzero.networks.encoder import build_encoder
from tfzero.networks.kmeans import fit_patches
from tfzero.pretrain import METHODS, build_method
from tfzero.pretrain.run import pretrain
from tfzero.study.work.counted import probe_speed
from tfzero.study.work.process import prepare_process
from tfzero.transfer import STRATEGIES, fit_classifier
from tfzero.transfer.budget import default_budget

SCRATCH = "scratch"


class Cut:
    """The training images of a data set, divided in two.

    Args:
        data: As `load_data` takes it.
        held: How many images are scored.
        kind: The kind of data.
    """

    def __init__(self, data: str, *, held: int, kind: str):
        loaded = load_data(data)
        images, labels = loaded.train_images, loaded.train_labels
        order = np.random.default_rng(0).permutation(len(images))
        learnt, asked = order[:-held], order[-held:]
        self.pool, self.labels = images[learnt], labels[learnt]
        self.asked, self.truth = images[asked], labels[asked]
        self.num_classes, self.kind = loaded.num_classes, kind

    def pretrain(self, name: str, *, passes: int | None, seed: int):
        """Returns a method that has learnt from the pool; None for random weights."""
        if name == SCRATCH:
            return None
        method = build_method(name, self._build(seed), kind=self.kind, seed=seed)
        pretrain(method, self.pool, budget=METHODS[name].budget(len(self.pool), epochs=passes))
        return method

    def fit(self, strategy: str, method: Any, *, count: int, draw: int) -> float:
        """Returns the accuracy in percent of a strategy on a draw of labels."""
        seed = derive_seed(draw, "labels")
        rows = nested_subsets(self.pool, self.labels, [count], seed=seed)[count]
        fitted = fit_classifier(
            strategy,
            encoder=self._build(draw) if method is None else method.encoder,
            objective=method,
            images=self.pool[rows],
            labels=self.labels[rows],
            pool=self.pool,
            spread_encoder=self.patches if method is None else None,
            num_classes=self.num_classes,
            budget=dataclasses.replace(default_budget(count), kind=self.kind),
            seed=draw,
        )
        return 100 * float((fitted.predict(self.asked).argmax(axis=1) == self.truth).mean())

    @functools.cached_property
    def patches(self):
        """K-means patches, which tell what is near for networks that have learnt nothing."""
        return fit_patches(self.pool)

    def _build(self, seed: int):
        return build_encoder(self.pool.shape[1:], seed=seed)


def main() -> None:
    """Prints a line for each method, label count and strategy."""
    arguments = parse_arguments()
    own_process()
    prepare_process()
    print(f"{probe_speed():.0f} GFLOP/s per core", flush=True)
    with own_settings():
        cut = Cut(arguments.data, held=arguments.held, kind=arguments.kind)
        for name in arguments.methods:
            began = time.process_time()
            method = cut.pretrain(name, passes=arguments.passes, seed=arguments.seed)
            if method is not None:
                print(f"{name}: {_minutes(began):.2f} CPU minutes of pretraining", flush=True)
            for count in arguments.labels:
                for line in compare(cut, name, method, count, arguments):
                    print(line, flush=True)


def compare(cut: Cut, name: str, method: Any, count: int, arguments) -> list[str]:
    """Returns a line for each strategy that can start from a method, all of the same draws."""
    strategies = [s for s in arguments.strategies if method or not STRATEGIES[s].needs_objective]
    scores = {strategy: [] for strategy in strategies}
    minutes = {strategy: [] for strategy in strategies}
    for draw in range(arguments.draws):
        for strategy in strategies:
            began = time.process_time()
            scores[strategy].append(cut.fit(strategy, method, count=count, draw=draw))
            minutes[strategy].append(_minutes(began))
    lines = []
    for strategy in strategies:
        spread = f"{np.mean(scores[strategy]):.1f} ± {np.std(scores[strategy], ddof=1):.1f} %"
        cost = f"{np.mean(minutes[strategy]):.2f} CPU minutes"
        lines.append(f"{name}/{strategy}, {count:,} labels: {spread}, {cost}")
    return lines


def _minutes(began: float) -> float:
    return (time.process_time() - began) / 60


def parse_arguments() -> argparse.Namespace:
    """Returns the command line's options."""

    def names(text: str) -> list[str]:
        return text.split(",")

    def counts(text: str) -> list[int]:
        return [int(part) for part in text.split(",")]

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--kind", default="digits", help="The kind of data.")
    parser.add_argument("--held", type=int, default=10_000, help="Images that are scored.")
    parser.add_argument("--methods", type=names, default=[SCRATCH], help="Or scratch.")
    parser.add_argument("--passes", type=int, help="Of pretraining. Default: the method's.")
    parser.add_argument("--strategies", type=names, default=names("lpft,selftrain,joint"))
    parser.add_argument("--labels", type=counts, default=[100])
    parser.add_argument("--draws", type=int, default=3, help="Draws of labels, at least 2.")
    parser.add_argument("--seed", type=int, default=0, help="Of the encoder.")
    return parser.parse_args()


if __name__ == "__main__":
    main()
