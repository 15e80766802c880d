"""Accuracy and time of public features by the side that images are enlarged to.

    python benchmarks/public_sides.py CIFAR10 --sides 96,128,192
    python benchmarks/public_sides.py FASHION --sides 96,128 --kind clothes
    python benchmarks/public_sides.py CIFAR10 --sides 128 --strategies lpft,spread_finetune

A pool, and images to score on, are cut from the training images; no test image is used. For each
side, number of labels and strategy it prints the mean accuracy in percent and its standard
deviation over draws of balanced labels. Strategies that read frozen features share them; strategies
that train the network have the limits that a study gives it. Processor milliseconds per image are
of reading, on one thread.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from typing import Any, NamedTuple

import numpy as np


class Cut(NamedTuple):
    """Images of one part, their classes, and their features where these are read."""

    images: np.ndarray
    labels: np.ndarray


def main() -> None:
    """Prints a line per side, strategy and number of labels."""
    arguments = parse_arguments()
    import tensorflow as tf

    import tfzero
    from tfzero.networks.public import open_public
    from tfzero.study.work.counted import probe_speed

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    print(f"{probe_speed():.0f} GFLOP/s per core")
    data = tfzero.load_data(arguments.data)
    order = np.random.default_rng(0).permutation(len(data.train_images))
    pool, scored = (
        Cut(data.train_images[np.sort(rows)], data.train_labels[np.sort(rows)])
        for rows in np.split(order[: arguments.pool + arguments.scored], [arguments.pool])
    )
    for side in arguments.sides:
        encoder = open_public(f"{arguments.source},size={side}", data.image_shape).encoder
        score_side(side, encoder, pool, scored, arguments)


def parse_arguments() -> argparse.Namespace:
    """Returns the command line's options."""

    def numbers(text):
        return [int(number) for number in text.split(",")]

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="As tfzero compare takes it.")
    parser.add_argument("--source", default="lite0", help="A public network.")
    parser.add_argument("--sides", type=numbers, default=[96, 128, 192])
    parser.add_argument("--labels", type=numbers, default=[100, 1000])
    parser.add_argument(
        "--strategies", type=lambda text: text.split(","), default=["svm", "label_spreading"]
    )
    parser.add_argument("--draws", type=int, default=4)
    parser.add_argument("--pool", type=int, default=8_000, help="Images of the pool.")
    parser.add_argument("--scored", type=int, default=4_000, help="Images to score on.")
    parser.add_argument("--kind", default="photos", help="The kind of data.")
    return parser.parse_args()


def score_side(side: int, encoder, pool: Cut, scored: Cut, arguments) -> None:
    """Reads the features at one side and scores each strategy on them."""
    from tfzero.transfer.features import read_blocks

    start = time.process_time()
    features, columns = read_blocks(encoder, pool.images)
    spent = 1000 * (time.process_time() - start) / len(pool.images)
    print(f"{side} pixels: {spent:.1f} ms per image", flush=True)
    answered, _ = read_blocks(encoder, scored.images)
    for strategy in arguments.strategies:
        for count in arguments.labels:
            found = []
            start = time.process_time()
            for draw in range(arguments.draws):
                rows = draw_rows(pool.labels, count, seed=draw)
                fit = Fit(strategy, encoder, columns, rows, arguments.kind, draw)
                right = fit.predict(pool, features, scored, answered).argmax(axis=1)
                found.append(100 * (right == scored.labels).mean())
            seconds = (time.process_time() - start) / arguments.draws
            print(
                f"{side} pixels, {strategy}, {count} labels: {np.mean(found):.1f} ± "
                f"{np.std(found, ddof=1):.1f} ({seconds:.0f} CPU s each)",
                flush=True,
            )


def draw_rows(labels: np.ndarray, count: int, *, seed: int) -> np.ndarray:
    """Returns as many images of each class."""
    generator = np.random.default_rng(seed)
    classes = np.unique(labels)
    each = count // len(classes)
    drawn = [generator.choice(np.flatnonzero(labels == k), each, replace=False) for k in classes]
    return np.concatenate(drawn)


class Fit(NamedTuple):
    """One fit: its strategy, its labels and what it starts from."""

    strategy: str
    encoder: Any
    columns: dict
    rows: np.ndarray
    kind: str
    seed: int

    def predict(self, pool: Cut, features, scored: Cut, answered) -> np.ndarray:
        """Returns the probabilities of the images that score."""
        from tfzero.transfer import STRATEGIES
        from tfzero.transfer.graph import build_graph, link
        from tfzero.transfer.strategies.base import Need, Task

        strategy = STRATEGIES[self.strategy]
        graph: Any = None
        if Need.GRAPH in strategy.reads:
            graph = build_graph(features, blocks=tuple(self.columns.values()))
        inputs, asked = {
            Need.IMAGES: lambda: (pool.images[self.rows], scored.images),
            Need.BLOCKS: lambda: (features[self.rows], answered),
            Need.FEATURES: lambda: (self._own(features)[self.rows], self._own(answered)),
            Need.LINKS: lambda: (link(graph, features[self.rows]), link(graph, answered)),
        }[strategy.form]()
        task = Task(
            inputs=inputs,
            labels=pool.labels[self.rows],
            num_classes=int(pool.labels.max()) + 1,
            budget=self._budget(),
            seed=self.seed,
            encoder=self.encoder,
            columns=self.columns,
            pool=pool.images,
            graph=graph,
        )
        return strategy.fit(task).predict(asked)

    def _own(self, features: np.ndarray) -> np.ndarray:
        return features[:, slice(*list(self.columns.values())[-1])]

    def _budget(self):
        from tfzero.networks.operations import count_operations
        from tfzero.study.inits.given import Public
        from tfzero.transfer.budget import default_budget

        usual = default_budget(len(self.rows))
        operations = count_operations(self.encoder)
        changes = Public().transfer_changes(usual.steps, 0, operations)
        return dataclasses.replace(usual, kind=self.kind, **changes)


if __name__ == "__main__":
    main()
