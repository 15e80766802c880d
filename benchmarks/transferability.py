"""Whether `tfzero.estimate_transfer` knew before training what training then showed.

    python benchmarks/transferability.py --seeds 3

On the built-in digits, encoders of several methods with few and many passes over the pool are
estimated on some labels of some classes; then each is fine-tuned on those labels (lpft), and a
network is trained on them from scratch, several times; all are scored on images cut from the
training part. Prints a line a case, the rank correlation of estimated and real gains over all cases
and within a task (whose cases share labels and the networks from scratch), the area under the curve
of telling gains from losses, and what became of each verdict.
"""

from __future__ import annotations

import argparse
import itertools
from typing import NamedTuple

import numpy as np

from tfzero.common.seeds import derive_seed

METHODS = ("vae", "simclr", "rotation")
# Classes that look alike, and all.
SUBSETS = {"3 5 8 9": (3, 5, 8, 9), "all": tuple(range(10))}
COUNTS = (5, 20)  # labels a class


class Case(NamedTuple):
    """One encoder with one set of labels.

    Attributes:
        encoder: Method and passes.
        classes: A key of `SUBSETS`.
        labels: A class.
        estimated: Gain over the random network's features, over pixels, over k-means, and LogME
            and H-score less those of the random network.
        verdict: First words of the estimate's.
        real: Points that lpft scores more than training from scratch, mean over the seeds.
    """

    encoder: str
    classes: str
    labels: int
    estimated: dict[str, float]
    verdict: str
    real: float


def main() -> None:
    """Measures all cases and prints them with their summary."""
    arguments = parse_arguments()
    cases = []
    for case in run_cases(arguments.methods, arguments.epochs, arguments.labels, arguments.seeds):
        cases.append(case)
        gains = "  ".join(f"{name} {value:+.2f}" for name, value in case.estimated.items())
        print(
            f"{case.encoder:14} classes {case.classes:8} {case.labels:3} a class: {gains}  "
            f"real {case.real:+.1f}  ({case.verdict})",
            flush=True,
        )
    print(describe(cases))


def parse_arguments() -> argparse.Namespace:
    """Returns the command line's options."""

    def numbers(text):
        return [int(number) for number in text.split(",")]

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--methods", type=lambda text: text.split(","), default=list(METHODS))
    parser.add_argument("--epochs", type=numbers, default=[1, 20])
    parser.add_argument("--labels", type=numbers, default=list(COUNTS), help="Per class.")
    parser.add_argument("--seeds", type=int, default=3)
    return parser.parse_args()


def run_cases(methods, epochs, counts, seeds: int):
    """Yields a `Case` for each encoder, set of classes and label count."""
    import tensorflow as tf

    import tfzero

    # As in a study's workers: the pass fails on these graphs, and says so.
    tf.config.optimizer.set_experimental_options({"remapping": False})
    images, labels = cut_dev(tfzero.load_data("digits"))
    pool = images["pool"]
    scratch = {}
    for method, passes in itertools.product(methods, epochs):
        encoder = pretrain_encoder(method, passes, pool)
        for (name, classes), count in itertools.product(SUBSETS.items(), counts):
            task = take_task(images, labels, classes)
            few = draw_labels(task, count, seed=0)
            found = tfzero.estimate_transfer(encoder, *few, pool=pool)
            real = []
            for seed in range(seeds):
                if (name, count, seed) not in scratch:
                    scratch[name, count, seed] = score(encoder, "finetune", few, task, seed)
                transferred = score(encoder, "lpft", few, task, seed)
                real.append(transferred - scratch[name, count, seed])
            estimated = {
                **{other: found.gains[other][0] for other in ("random", "pixels", "kmeans")},
                "LogME": found.log_me["encoder"] - found.log_me["random"],
                "H-score": found.h_score["encoder"] - found.h_score["random"],
            }
            verdict = " ".join(found.verdict.split()[:2])
            yield Case(f"{method} {passes}", name, count, estimated, verdict, float(np.mean(real)))


def cut_dev(data):
    """Returns images and labels of "pool" and "dev", both from the training part alone."""
    images, labels = np.asarray(data.train_images), np.asarray(data.train_labels)
    order = np.random.default_rng(0).permutation(len(images))
    parts = {"dev": order[: len(images) // 3], "pool": order[len(images) // 3 :]}
    return (
        {name: images[rows] for name, rows in parts.items()},
        {name: labels[rows] for name, rows in parts.items()},
    )


def pretrain_encoder(method: str, epochs: int, pool):
    """Returns an encoder that a method trained for some passes over the pool."""
    from tfzero.networks import build_encoder
    from tfzero.pretrain import METHODS as methods
    from tfzero.pretrain import build_method
    from tfzero.pretrain.run import pretrain

    encoder = build_encoder(pool.shape[1:], seed=derive_seed(0, method))
    model = build_method(method, encoder, kind="digits", seed=0)
    pretrain(model, pool, budget=methods[method].budget(len(pool), epochs=epochs))
    return encoder


def take_task(images, labels, classes):
    """Returns by part the images of some classes and their places among these."""
    task = {}
    for part in images:
        rows = np.isin(labels[part], classes)
        task[part] = images[part][rows], np.searchsorted(classes, labels[part][rows])
    return task


def draw_labels(task, count: int, *, seed: int):
    """Returns `count` labelled images a class."""
    images, labels = task["pool"]
    order = np.random.default_rng(derive_seed(seed, "labels")).permutation(len(labels))
    rows = np.concatenate([order[labels[order] == k][:count] for k in range(int(labels.max()) + 1)])
    return images[rows], labels[rows]


def score(encoder, strategy: str, few, task, seed: int) -> float:
    """Returns the accuracy in percent of a strategy; from scratch it starts from new weights."""
    from tfzero.networks import redraw_network
    from tfzero.transfer import fit_classifier

    if strategy == "finetune":
        encoder = redraw_network(encoder, seed=derive_seed(seed, "scratch"))
    fitted = fit_classifier(strategy, encoder=encoder, images=few[0], labels=few[1], seed=seed)
    images, truth = task["dev"]
    return 100 * float((fitted.predict(images).argmax(axis=1) == truth).mean())


def describe(cases: list[Case]) -> str:
    """Returns how estimates and real gains go together."""
    from scipy.stats import spearmanr
    from sklearn.metrics import roc_auc_score

    real = np.array([case.real for case in cases])
    lines = [f"{len(cases)} cases; transfer helped in {(real > 0).sum()}."]
    for name in cases[0].estimated:
        estimated = np.array([case.estimated[name] for case in cases])
        auc = roc_auc_score(real > 0, estimated) if 0 < (real > 0).sum() < len(real) else np.nan
        correlation = spearmanr(estimated, real)
        within = spearmanr(_centre(cases, estimated), _centre(cases, real)).statistic
        lines.append(
            f"{name}: rank correlation {correlation.statistic:.2f} (p {correlation.pvalue:.3f}), "
            f"within tasks {within:.2f}, AUC {auc:.2f}"
        )
    for verdict in dict.fromkeys(case.verdict for case in cases):
        of = real[[case.verdict == verdict for case in cases]]
        helped = f"transfer helped in {(of > 0).sum()}, mean {of.mean():+.1f} points"
        lines.append(f"{verdict}: {len(of)} cases, {helped}")
    return "\n".join(lines)


def _centre(cases: list[Case], values: np.ndarray) -> np.ndarray:
    """Returns values less their mean over the cases of the same task."""
    centred = values.astype(float)
    tasks = np.array([f"{case.classes} {case.labels}" for case in cases])
    for task in np.unique(tasks):
        centred[tasks == task] -= centred[tasks == task].mean()
    return centred


if __name__ == "__main__":
    main()
