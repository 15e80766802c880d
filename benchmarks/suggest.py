"""What suggested labels are worth: the same number of labels, suggested and drawn at random.

    python benchmarks/suggest.py digits --features pixels
    python benchmarks/suggest.py FASHION --features kmeans --kind clothes
    python benchmarks/suggest.py CIFAR --source lite0 --kind photos --cache cache/

Every draw takes four fifths of the pool. From these it draws labels at random, and it suggests as
many as `tfzero suggest` does. Both are scored by label spreading on the same features and, with
--network, by a network that is fine-tuned on the labels. A part of the training images, which no
pool holds, scores; no test image is used.

Prints a line per number of labels and strategy: accuracy in percent at random and suggested, mean
and standard deviation over the draws, and the mean difference, paired by draw, with its 95 %
interval.
"""

from __future__ import annotations

import argparse
import pathlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

# From the images chosen to the accuracy in percent.
Score = Callable[[np.ndarray], float]


class Images(NamedTuple):
    """Images with labels, and with features where these are read."""

    images: np.ndarray
    labels: np.ndarray
    features: np.ndarray

    def take(self, rows: np.ndarray) -> Images:
        """Returns some of them."""
        return Images(*(each[rows] for each in self))


def main() -> None:
    """Scores all draws and prints the table."""
    arguments = parse_arguments()
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(arguments.threads)
    pool, scored, encoder = prepare(arguments)
    num_classes = int(pool.labels.max()) + 1
    print(f"{len(pool.images):,} images in the pool, {len(scored.images):,} to score on")
    for per_class in arguments.per_class:
        found: dict[str, list[tuple[float, float]]] = {}
        for draw in range(arguments.draws):
            for name, pair in run_draw(
                pool, scored, encoder, per_class * num_classes, arguments, draw=draw
            ).items():
                found.setdefault(name, []).append(pair)
        for name, pairs in found.items():
            print(f"{per_class} per class, {name}: {describe(pairs)}", flush=True)


def parse_arguments() -> argparse.Namespace:
    """Returns the command line's options."""

    def numbers(text):
        return [int(number) for number in text.split(",")]

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="As tfzero compare takes it.")
    parser.add_argument("--features", help="pixels or kmeans, as of tfzero suggest.")
    parser.add_argument("--source", help="Public weights, as of tfzero suggest.")
    parser.add_argument("--per-class", type=numbers, default=[1, 2, 5], help="Labels per class.")
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--pool", type=int, default=10_000, help="Images of the pool.")
    parser.add_argument("--scored", type=int, default=5_000, help="Images to score on.")
    parser.add_argument("--no-spreading", action="store_true", help="Score by the network alone.")
    parser.add_argument("--network", help="Strategy that trains a network: finetune or lpft.")
    parser.add_argument("--public", help="Public network to fine-tune, else one from scratch.")
    parser.add_argument("--steps", type=int, default=100, help="Updates of a network.")
    parser.add_argument("--rate", type=float, help="Learning rate of the network.")
    parser.add_argument("--frozen", type=int, default=0, help="Blocks that are not trained.")
    parser.add_argument("--kind", help="The kind of data.")
    parser.add_argument("--cache", type=pathlib.Path, help="Folder that keeps features.")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def prepare(arguments):
    """Returns the pool, the images to score on, and the network to fine-tune or None."""
    import tfzero

    data = tfzero.load_data(arguments.data)
    order = np.random.default_rng(0).permutation(len(data.train_images))
    cut = min(arguments.scored, len(order) // 3)
    dev, kept = np.sort(order[:cut]), np.sort(order[cut : cut + arguments.pool])
    images, labels = data.train_images[kept], data.train_labels[kept]
    dev_images, dev_labels = data.train_images[dev], data.train_labels[dev]
    features = read_features(images, dev_images, arguments)
    network = None
    if arguments.network:
        from tfzero.networks.public import open_public

        network = tfzero.build_encoder(images.shape[1:], seed=0)
        if arguments.public:
            network = open_public(arguments.public, images.shape[1:]).encoder
    pool = Images(images, labels, features[0])
    return pool, Images(dev_images, dev_labels, features[1]), network


def read_features(images, dev_images, arguments) -> list[np.ndarray]:
    """Returns the features of both, from the cache if they are there."""
    from tfzero.data.dataset import hash_array
    from tfzero.jobs.suggest_features import Wanted
    from tfzero.transfer import features

    wanted = Wanted(features=arguments.features, source=arguments.source)
    name = f"{arguments.features or arguments.source}-{hash_array(images).hex()[:16]}.npz"
    kept = None if arguments.cache is None else arguments.cache / name
    if kept is not None and kept.exists():
        with np.load(kept) as file:
            return [file["pool"], file["dev"]]
    _, encoder, _ = wanted.open(images, seed=0)
    found = [features.read_features(encoder, each) for each in (images, dev_images)]
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez(kept, pool=found[0], dev=found[1])
    return found


def run_draw(
    pool: Images, scored: Images, encoder, count: int, arguments, *, draw: int
) -> dict[str, tuple[float, float]]:
    """Returns, by strategy, the accuracies at random and at suggested labels of one draw."""
    from tfzero.transfer.graph import build_graph
    from tfzero.transfer.typical import choose_typical

    generator = np.random.default_rng(draw)
    own = pool.take(np.sort(generator.permutation(len(pool.images))[: len(pool.images) * 4 // 5]))
    graph = build_graph(own.features, same_unit=arguments.features == "pixels")
    rows = {
        "random": generator.permutation(len(own.images))[:count],
        "suggested": choose_typical(graph.places, count, seed=draw).rows,
    }
    scores: dict[str, Score] = {}
    if not arguments.no_spreading:
        scores["label_spreading"] = lambda chosen: score_spreading(graph, own, scored, chosen)
    if arguments.network:
        scores[arguments.network] = lambda chosen: score_network(
            encoder, own.take(chosen), scored, arguments, seed=draw
        )
    return {
        name: (score(rows["random"]), score(rows["suggested"])) for name, score in scores.items()
    }


def score_spreading(graph, own: Images, scored: Images, chosen: np.ndarray) -> float:
    """Returns the accuracy of spread labels, in percent."""
    from tfzero.transfer.graph import link
    from tfzero.transfer.spreading import mix, spread_over

    labels, num_classes = own.labels[chosen], int(own.labels.max()) + 1
    spread = spread_over(graph, link(graph, own.features[chosen]), labels, num_classes=num_classes)
    predicted = mix(spread, link(graph, scored.features)).argmax(axis=1)
    return 100 * float(np.mean(predicted == scored.labels))


def score_network(encoder, labelled: Images, scored: Images, arguments, *, seed: int) -> float:
    """Returns the accuracy of a fine-tuned network, in percent."""
    import tfzero
    from tfzero.transfer.budget import Budget

    budget = Budget(
        steps=arguments.steps,
        kind=arguments.kind,
        learning_rate=arguments.rate,
        frozen_blocks=arguments.frozen,
    )
    fitted = tfzero.fit_classifier(
        arguments.network,
        encoder=encoder,
        images=labelled.images,
        labels=labelled.labels,
        num_classes=int(scored.labels.max()) + 1,
        budget=budget,
        seed=seed,
    )
    predicted = fitted.predict(scored.images).argmax(axis=1)
    return 100 * float(np.mean(predicted == scored.labels))


def describe(pairs: list[tuple[float, float]]) -> str:
    """Returns both accuracies and their difference, in words."""
    from scipy import stats

    values = np.array(pairs)  # (draws, 2)
    gains = values[:, 1] - values[:, 0]
    spread = [f"{each.mean():.1f} ± {each.std(ddof=1):.1f}" for each in values.T]
    half = stats.t.ppf(0.975, len(gains) - 1) * stats.sem(gains)
    return (
        f"{spread[0]} at random, {spread[1]} suggested, {gains.mean():+.1f} "
        f"({gains.mean() - half:+.1f} to {gains.mean() + half:+.1f}), {len(gains)} draws"
    )


if __name__ == "__main__":
    main()
