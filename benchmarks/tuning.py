"""Whether training from scratch is tuned as hard as transfer: learning rates by steps for both.

    python benchmarks/tuning.py DATA --kind clothes --epochs 6

Cuts a sixth off the training images to score on (test images are never read), pretrains one encoder
on the rest, labels unseen, and fits `scratch/finetune` and METHOD/lpft on the same draws of labels
with every learning rate and number of steps around the default. Prints a line a setting: accuracy
in percent, mean and standard deviation over the draws, and at last what the best setting of the
grid would give each arm.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools

import numpy as np

from tfzero.common.seeds import derive_seed

DRAWS = {100: 5, 1000: 3}


def main() -> None:
    """Fits the whole grid and prints it."""
    arguments = parse_arguments()
    import tensorflow as tf

    import tfzero

    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(arguments.threads)
    tf.config.optimizer.set_experimental_options({"remapping": False})
    data = tfzero.load_data(arguments.data)
    images, labels = np.asarray(data.train_images), np.asarray(data.train_labels)
    order = np.random.default_rng(0).permutation(len(images))
    dev, kept = order[: len(images) // 6], order[len(images) // 6 :]
    scored = images[dev], labels[dev]
    images, labels = images[kept], labels[kept]
    pretrained = pretrain_encoder(images, arguments)
    for count in arguments.labels:
        found = {}
        for rate, steps in itertools.product(arguments.rates, arguments.steps):
            for arm in ("scratch/finetune", f"{arguments.method}/lpft"):
                scores = [
                    fit(arm, pretrained, images, labels, scored, count, rate, steps, arguments.kind,
                        seed=seed)
                    for seed in range(DRAWS.get(count, 3))
                ]  # fmt: skip
                found[arm, rate, steps] = scores
                print(f"{count:,} labels, rate x {rate:g}, steps x {steps:g}: {arm} "
                      f"{describe(scores)}", flush=True)  # fmt: skip
        print(compare(found, count))


def parse_arguments() -> argparse.Namespace:
    """Returns the command line's options."""

    def numbers(text):
        return [float(number) for number in text.split(",")]

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="As tfzero compare takes it.")
    parser.add_argument("--method", default="rotation")
    parser.add_argument("--epochs", type=int, default=6, help="Of pretraining.")
    parser.add_argument("--kind", help="The kind of data.")
    parser.add_argument("--labels", type=lambda text: [int(n) for n in text.split(",")],
                        default=list(DRAWS))  # fmt: skip
    parser.add_argument("--rates", type=numbers, default=[1 / 3, 1, 3], help="Times the default.")
    parser.add_argument("--steps", type=numbers, default=[0.5, 1, 2], help="Times the default.")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def pretrain_encoder(images, arguments):
    """Returns an encoder that the method trained on all images."""
    from tfzero.networks import build_encoder
    from tfzero.pretrain import METHODS, build_method
    from tfzero.pretrain.run import pretrain

    encoder = build_encoder(images.shape[1:], seed=derive_seed(0, "encoder"))
    method = build_method(arguments.method, encoder, kind=arguments.kind, seed=0)
    budget = METHODS[arguments.method].budget(len(images), epochs=arguments.epochs)
    pretrain(method, images, budget=budget)
    return encoder


def fit(arm, pretrained, images, labels, scored, count, rate, steps, kind, *, seed) -> float:
    """Returns the accuracy in percent of an arm with other learning rates and steps."""
    from tfzero.networks import redraw_network
    from tfzero.transfer import fit_classifier, training
    from tfzero.transfer.budget import default_budget

    strategy = arm.partition("/")[2]
    encoder = pretrained
    if arm.startswith("scratch"):
        encoder = redraw_network(pretrained, seed=derive_seed(seed, "encoder"))
    usual = default_budget(count)
    budget = dataclasses.replace(usual, steps=round(usual.steps * steps), kind=kind)
    rows = draw_labels(labels, count, seed=seed)
    # The rates are no option: nobody should have to find them.
    names = "LEARNING_RATE", "LEARNING_RATE_AFTER_PROBE"
    rates = {name: getattr(training, name) for name in names}
    vars(training).update({name: value * rate for name, value in rates.items()})
    try:
        fitted = fit_classifier(
            strategy, encoder=encoder, images=images[rows], labels=labels[rows], budget=budget,
            seed=seed,
        )  # fmt: skip
    finally:
        vars(training).update(rates)
    told = fitted.predict(scored[0]).argmax(axis=1)
    return 100 * float((told == scored[1]).mean())


def draw_labels(labels, count: int, *, seed: int) -> np.ndarray:
    """Returns as many images of each class."""
    random = np.random.default_rng(derive_seed(seed, "labels"))
    classes = np.unique(labels)
    return np.concatenate(
        [random.permutation(np.flatnonzero(labels == k))[: count // len(classes)] for k in classes]
    )


def describe(scores) -> str:
    """Returns mean and spread."""
    return f"{np.mean(scores):.1f} ± {np.std(scores, ddof=1):.1f}"


def compare(found, count: int) -> str:
    """Returns what each arm has by default and in its best setting, and their differences."""
    lines = []
    for what in ("default", "best of the grid"):
        chosen = {}
        for arm in dict.fromkeys(arm for arm, _, _ in found):
            own = {key[1:]: scores for key, scores in found.items() if key[0] == arm}
            place = max(own, key=lambda key: np.mean(own[key]))
            if what == "default":
                place = (1.0, 1.0)
            if place in own:
                chosen[arm] = own[place], place
        if len(chosen) == 2:
            (scratch, first), (transferred, second) = chosen.values()
            gains = np.subtract(transferred, scratch)
            lines.append(
                f"{count:,} labels, {what}: scratch {describe(scratch)} (rate, steps x {first}), "
                f"transfer {describe(transferred)} ({second}), gain {describe(gains)}"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
