"""What each method's encoder is worth to a linear probe, beside encoders that learnt nothing.

    python benchmarks/encoders.py DATA --methods simclr,vae --minutes 10 --seeds 3
    python benchmarks/encoders.py DATA --methods kmeans,random,pixels --seeds 3 --test

Every method pretrains on all training images, labels unseen, for as many passes as fit into the
minutes on this machine, by a few updates that are timed first, or for --epochs. Then frozen
features are read: logistic regression at 100 and 1,000 labels (in the line "blocks" as the strategy
`logistic` fits it, which chooses within the labels its penalty and which blocks it reads, where
there are several; in the other lines, of one of several, with the usual penalty); ridge regression
on all labels; 5 nearest neighbours.
Without --test, a tenth of the training images takes the place of the test images: use that to
develop, and --test once, for a final table. With --keep, encoders are kept in a folder, and a run
that was interrupted goes on where it was; the whole method lies beside each, for `tfzero sample`.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import time

import numpy as np

from tfzero.common.seeds import derive_seed

DRAWS = {100: 10, 1000: 5}
ALL_BLOCKS = "blocks"
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
    parser.add_argument("--width", type=int, help="Filters of the encoder's first block.")
    parser.add_argument("--images", type=int, help="To pretrain on: the first so many.")
    parser.add_argument("--kind", help="The kind of data.")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--test", action="store_true", help="Read the test images.")
    parser.add_argument("--keep", type=pathlib.Path, help="Folder of encoders.")
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
    from tfzero.transfer.features import read_blocks

    images, labels, test_images, test_labels = data
    encoder, said = learn_or_load(name, images, arguments, seed=seed)
    (train, columns), (test, _) = read_blocks(encoder, images), read_blocks(encoder, test_images)
    each = {block: {block: span} for block, span in columns.items()} if len(columns) > 1 else {}
    # What has one block, as k-means patches and pixels, chooses its penalty as the others do.
    choices = {**each, ALL_BLOCKS: columns}
    for block, chosen in choices.items():
        start, stop = min(chosen.values())[0], max(chosen.values())[1]
        shifted = {key: (first - start, last - start) for key, (first, last) in chosen.items()}
        parts = train[:, start:stop], labels, test[:, start:stop], test_labels
        line = {"block": block, "values": stop - start, **said}
        for count, draws in DRAWS.items():
            seeds = [derive_seed(seed, "draw", k) for k in range(draws)]
            scores = [
                probe(*parts, count, shifted, chooses=block == ALL_BLOCKS, seed=draw)
                for draw in seeds
            ]
            line[str(count)] = summarize(scores)
        line["neighbours 1000"] = round(neighbours(*parts, seed), 2)
        line["all"], line["all validated"] = ridge(*standardize(*parts))
        yield line


def learn_or_load(name: str, images, arguments, *, seed: int):
    """Returns the encoder, None for pixels, and what to say of its training."""
    import keras

    import tfzero.networks.kmeans
    import tfzero.networks.layers  # noqa: F401  # registers what a saved encoder is made of

    path = None if arguments.keep is None else arguments.keep / f"{name}-{seed}.keras"
    if path is not None and path.with_suffix(".json").exists():
        said = json.loads(path.with_suffix(".json").read_text())
        return keras.models.load_model(path, compile=False), said
    began, began_cpu = time.perf_counter(), time.process_time()
    encoder, said = learn(name, images, arguments, seed=seed)
    said["minutes"] = round((time.perf_counter() - began) / 60, 2)
    said["cpu minutes"] = round((time.process_time() - began_cpu) / 60, 2)
    if path is not None and encoder is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        encoder.save(path)
        path.with_suffix(".json").write_text(json.dumps(said))
    return encoder, said


def learn(name: str, images, arguments, *, seed: int):
    """Returns the encoder, None for pixels, and what to say of its training."""
    from tfzero.networks import build_encoder
    from tfzero.networks.kmeans import fit_kmeans

    if name == "pixels":
        return None, {}
    images = images[: arguments.images]
    if name == "kmeans":
        return fit_kmeans(images, num_centroids=arguments.centroids, seed=seed), {}
    encoder = build_encoder(
        images.shape[1:], width=arguments.width, seed=derive_seed(seed, "encoder")
    )
    said = {} if name == "random" else pretrain_encoder(name, encoder, images, arguments, seed=seed)
    return encoder, said


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
    if arguments.keep is not None:
        arguments.keep.mkdir(parents=True, exist_ok=True)
        method.save(arguments.keep / f"{name}-{seed}-method.keras")
    return {"epochs": epochs, "losses": {k: round(v[-1], 3) for k, v in history.items()}}


def draw_labels(labels, count: int, seed: int) -> np.ndarray:
    """Returns as many images of each class."""
    random = np.random.default_rng(seed)
    classes = np.unique(labels)
    return np.concatenate(
        [random.permutation(np.flatnonzero(labels == c))[: count // len(classes)] for c in classes]
    )


def probe(
    train, labels, test, test_labels, count: int, blocks, *, chooses: bool, seed: int
) -> float:
    """Returns logistic regression's accuracy on test in percent."""
    from sklearn.pipeline import make_pipeline

    from tfzero.transfer import fit_on_features
    from tfzero.transfer.scaling import PIXELS, BlockScaler, Span
    from tfzero.transfer.strategies.classical import make_logistic

    rows = draw_labels(labels, count, seed)
    if chooses:
        fitted = fit_on_features(
            "logistic", features=train[rows], labels=labels[rows],
            num_classes=int(labels.max()) + 1, blocks=blocks, seed=seed,
        )  # fmt: skip
        told = fitted.predict(test).argmax(axis=1)
    else:
        scaler = BlockScaler(tuple(blocks.values()), PIXELS in blocks)
        told = make_pipeline(scaler, Span(), make_logistic()).fit(train[rows], labels[rows])
        told = told.predict(test)
    return 100 * float((told == test_labels).mean())


def standardize(train, labels, test, test_labels):
    """Returns the same with features of mean 0 and variance 1 over the training images."""
    center, spread = train.mean(axis=0), train.std(axis=0)
    spread += 1e-3 * spread.mean() + 1e-12
    return (train - center) / spread, labels, (test - center) / spread, test_labels


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
        for penalty in (3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, 10000.0)
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
