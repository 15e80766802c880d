"""What each method's encoder is worth to a linear probe, beside encoders that learnt nothing.

    python benchmarks/encoders.py DATA --methods simclr,vae --minutes 10 --seeds 3
    python benchmarks/encoders.py DATA --methods kmeans,random,pixels --seeds 3 --test

Every method pretrains on all training images, labels unseen, for as many passes as fit into the
minutes on this machine, by a few updates that are timed first, or for --epochs. Then, block by
block and for blocks 2 to 4 together, frozen features are standardized and given to a linear probe
(logistic regression at 100 and 1,000 labels, its penalty chosen by cross-validation within them;
ridge regression on all labels) and to 5 nearest neighbours. Without --test, a tenth of the training
images takes the place of the test images: use that to develop, and --test once, for a final table.
"""

from __future__ import annotations

import argparse
import functools
import json
import pathlib
import time

import numpy as np

from tfzero._seeds import derive_seed

DRAWS = {100: 10, 1000: 5}
_TIMED_STEPS = 30


def main() -> None:
    """Measures each method and seed in turn; prints a line of JSON a block."""
    arguments = parse_arguments()
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(arguments.threads)
    tf.config.optimizer.set_experimental_options({"remapping": False})
    data = take_data(arguments.data, test=arguments.test)
    for name in arguments.methods:
        for seed in range(arguments.seeds):
            for line in measure(name, data, arguments, seed=seed):
                print(json.dumps({"method": name, "seed": seed, **line}), flush=True)
                if arguments.out is not None:
                    with arguments.out.open("a") as file:
                        file.write(json.dumps({"method": name, "seed": seed, **line}) + "\n")


def parse_arguments() -> argparse.Namespace:
    """Returns the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="As tfzero compare takes it.")
    parser.add_argument("--methods", type=lambda text: text.split(","), required=True)
    parser.add_argument("--minutes", type=float, default=10.0, help="Of pretraining.")
    parser.add_argument("--epochs", type=int, help="Passes instead of minutes.")
    parser.add_argument("--centroids", type=int, default=400, help="Of kmeans.")
    parser.add_argument("--kind", help="The kind of data.")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--test", action="store_true", help="Read the test images.")
    parser.add_argument("--out", type=pathlib.Path, help="File that gets the lines too.")
    return parser.parse_args()


def take_data(source: str, *, test: bool):
    """Returns training images and labels, and those to score on, all uint8 and int."""
    import tfzero

    data = tfzero.load_data(source)
    images, labels = np.asarray(data.train_images), np.asarray(data.train_labels)
    if test:
        return images, labels, np.asarray(data.test_images), np.asarray(data.test_labels)
    order = np.random.default_rng(0).permutation(len(images))
    cut = len(images) // 10
    train, dev = order[cut:], order[:cut]
    return images[train], labels[train], images[dev], labels[dev]


def measure(name: str, data, arguments, *, seed: int):
    """Yields one line a block: its probes' accuracies in percent."""
    images, labels, test_images, test_labels = data
    began, began_cpu = time.perf_counter(), time.process_time()
    readers, said = learn(name, images, arguments, seed=seed)
    said["minutes"] = round((time.perf_counter() - began) / 60, 2)
    said["cpu minutes"] = round((time.process_time() - began_cpu) / 60, 2)
    for block, read in readers.items():
        train, test = read(images), read(test_images)
        center, spread = train.mean(axis=0), train.std(axis=0)
        spread += 1e-3 * spread.mean() + 1e-12
        train, test = (train - center) / spread, (test - center) / spread
        line = {"block": block, "values": train.shape[1], **said}
        for count, draws in DRAWS.items():
            scores = [
                probe(train, labels, test, test_labels, count, seed=derive_seed(seed, "draw", k))
                for k in range(draws)
            ]
            line[str(count)] = summarize([score for score, _ in scores])
            line[f"{count} validated"] = round(float(np.mean([chosen for _, chosen in scores])), 2)
        line["neighbours 1000"] = round(neighbours(train, labels, test, test_labels, seed), 2)
        line["all"], line["all validated"] = ridge(train, labels, test, test_labels)
        yield line


def learn(name: str, images, arguments, *, seed: int):
    """Returns by name the functions from images to features, and what to say of the training."""
    from tfzero.networks import build_encoder
    from tfzero.networks.blocks import block_names, take_block
    from tfzero.networks.kmeans import fit_kmeans
    from tfzero.transfer.features import read_features

    if name == "pixels":
        return {"pixels": lambda batch: read_features(None, batch)}, {}
    if name == "kmeans":
        kmeans = fit_kmeans(images, num_centroids=arguments.centroids, seed=seed)
        return {"features": lambda batch: read_features(kmeans, batch)}, {}
    encoder = build_encoder(images.shape[1:], seed=derive_seed(seed, "encoder"))
    said = {} if name == "random" else pretrain_encoder(name, encoder, images, arguments, seed=seed)
    blocks = {
        block: functools.partial(read_features, take_block(encoder, block))
        for block in block_names(encoder)
    }
    later = list(blocks.values())[1:]
    together = {"together": lambda batch: np.concatenate([read(batch) for read in later], axis=1)}
    return {**blocks, **together}, said


def pretrain_encoder(name: str, encoder, images, arguments, *, seed: int) -> dict:
    """Trains the encoder in place for the minutes given; returns epochs and last losses."""
    from tfzero.networks import copy_network
    from tfzero.pretrain import METHODS, build_method
    from tfzero.pretrain.run import pretrain

    def budget(epochs):
        return METHODS[name].budget(len(images), epochs=epochs)

    epochs = arguments.epochs
    if epochs is None:
        few = images[: _TIMED_STEPS * budget(1).batch_size]
        trial = build_method(name, copy_network(encoder), kind=arguments.kind, seed=seed)
        pretrain(trial, few, budget=budget(1))  # traces
        began = time.perf_counter()
        pretrain(trial, few, budget=budget(3), start_epoch=1)
        step = (time.perf_counter() - began) / (2 * budget(1).steps_per_epoch(len(few)))
        epochs = max(1, int(60 * arguments.minutes / step / budget(1).steps_per_epoch(len(images))))
    method = build_method(name, encoder, kind=arguments.kind, seed=seed)
    history = pretrain(method, images, budget=budget(epochs))
    return {"epochs": epochs, "losses": {k: round(v[-1], 3) for k, v in history.items()}}


def draw_labels(labels, count: int, seed: int) -> np.ndarray:
    """Returns as many images of each class."""
    random = np.random.default_rng(seed)
    classes = np.unique(labels)
    return np.concatenate(
        [random.permutation(np.flatnonzero(labels == c))[: count // len(classes)] for c in classes]
    )


def probe(train, labels, test, test_labels, count: int, *, seed: int):
    """Returns accuracy on test, and in cross-validation within the labels, in percent."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedKFold

    chosen = draw_labels(labels, count, seed)
    search = GridSearchCV(
        LogisticRegression(max_iter=300),
        {"C": [1e-4, 1e-3, 1e-2, 1e-1]},
        cv=StratifiedKFold(5, shuffle=True, random_state=seed),
    ).fit(train[chosen], labels[chosen])
    return 100 * search.score(test, test_labels), 100 * search.best_score_


def neighbours(train, labels, test, test_labels, seed: int) -> float:
    """Returns the accuracy in percent of 5 nearest neighbours among 1,000 labels, by cosine."""
    from sklearn.neighbors import KNeighborsClassifier

    chosen = draw_labels(labels, 1000, derive_seed(seed, "neighbours"))
    found = KNeighborsClassifier(5, metric="cosine").fit(train[chosen], labels[chosen])
    return 100 * float(found.score(test, test_labels))


def ridge(train, labels, test, test_labels) -> tuple[float, float]:
    """Returns accuracy in percent on test, and on the held-out tenth that chose the penalty."""
    targets = np.eye(labels.max() + 1, dtype=np.float32)[labels]
    targets -= targets.mean(axis=0)
    held = np.arange(len(train)) % 10 == 0
    kept = ~held
    gram, product = train[kept].T @ train[kept], train[kept].T @ targets[kept]
    identity = np.eye(len(gram), dtype=np.float32)

    def solve(gram, product, penalty):
        return np.linalg.solve(gram + penalty * identity, product)

    def score(weights, features, truth):
        return 100 * float(((features @ weights).argmax(axis=1) == truth).mean())

    validated = {
        penalty: score(solve(gram, product, penalty), train[held], labels[held])
        for penalty in (10.0, 100.0, 1000.0, 10000.0)
    }
    penalty = max(validated, key=validated.__getitem__)
    gram += train[held].T @ train[held]
    product += train[held].T @ targets[held]
    accuracy = score(solve(gram, product, penalty), test, test_labels)
    return round(accuracy, 2), round(validated[penalty], 2)


def summarize(scores) -> dict[str, float]:
    """Returns mean and sample standard deviation over draws."""
    return {"mean": round(float(np.mean(scores)), 2), "sd": round(float(np.std(scores, ddof=1)), 2)}


if __name__ == "__main__":
    main()
