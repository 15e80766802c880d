"""The encoder's standardized weights beside other normalizations: what each scores and costs.

    python benchmarks/normalization.py FASHION --method rotation --passes 6 --kind clothes

The same four convolutions with weights standardized (the encoder as it is), with batch, layer or
group normalization behind each, or with none. Each is pretrained on part of the training images,
labels unseen, and read by the same probes; and fine-tuned from scratch. Another part of the
training images scores; the test images are not read. CPU seconds are taken in turns.
"""

from __future__ import annotations

import argparse
import dataclasses
import time

import keras
import numpy as np
from encoders import draw_labels, probe, ridge, standardize, take_data

from tfzero.common.seeds import derive_seed

_TURN_IMAGES = 4096
_ROUNDS = 5
USUAL = "weights"
NORMALIZATIONS = {
    USUAL: None,
    "batch": lambda: keras.layers.BatchNormalization(),
    "layer": lambda: keras.layers.GroupNormalization(groups=1),
    "group": lambda: keras.layers.GroupNormalization(groups=8),
    "none": lambda: keras.layers.Identity(),
}


def main() -> None:
    """Prints a line for each normalization."""
    arguments = parse_arguments()
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.optimizer.set_experimental_options({"remapping": False})
    data = take_data(arguments.data, test=False)
    times = time_updates(data[0], arguments)
    for name in arguments.variants:
        scores = [measure(name, data, arguments, seed=seed) for seed in range(arguments.seeds)]
        found = {
            key: f"{np.mean(values):.1f} ± {np.std(values, ddof=1):.1f}"
            for key in scores[0]
            if (values := [each[key] for each in scores])
        }
        ratios = np.divide(times[name], times[USUAL])
        print(f"{name:8} time {np.median(ratios):.2f}; {found}", flush=True)


def parse_arguments() -> argparse.Namespace:
    """Returns the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="As tfzero compare takes it.")
    parser.add_argument(
        "--variants",
        type=lambda text: text.split(","),
        default=list(NORMALIZATIONS),
        help="Timed beside standardized weights.",
    )
    parser.add_argument("--method", default="rotation")
    parser.add_argument("--images", type=int, default=10_000, help="To pretrain on.")
    parser.add_argument("--passes", type=int, default=6, help="Over those images.")
    parser.add_argument("--kind", help="The kind of data.")
    parser.add_argument("--seeds", type=int, default=2)
    return parser.parse_args()


def build_variant(name: str, image_shape, *, seed: int) -> keras.Model:
    """Returns the encoder with another normalization; blocks keep their names."""
    from tfzero.networks import build_encoder
    from tfzero.networks.layers import scaled_leaky_relu

    usual = build_encoder(image_shape, seed=seed)
    make_layer = NORMALIZATIONS[name]
    if make_layer is None:
        return usual
    inputs = keras.Input(image_shape)
    x = inputs
    for layer in usual.layers[1:]:
        if not layer.name.startswith("block"):
            x = layer(x)
            continue
        x = keras.layers.Conv2D(
            layer.filters,
            layer.kernel_size,
            strides=layer.strides,
            padding="same",
            kernel_initializer=keras.initializers.HeNormal(derive_seed(seed, layer.name)),
        )(x)
        x = keras.layers.Activation(scaled_leaky_relu, name=layer.name)(make_layer()(x))
    return keras.Model(inputs, x, name="encoder")


def make_method(name: str, image_shape, arguments, *, seed: int):
    """Returns the method, not trained yet, around a variant of the encoder."""
    from tfzero.pretrain import build_method

    encoder = build_variant(name, image_shape, seed=derive_seed(seed, "encoder"))
    return build_method(arguments.method, encoder, kind=arguments.kind, seed=seed)


def time_updates(images, arguments) -> dict[str, list[float]]:
    """Returns CPU seconds of a short pretraining, variants in turn; the first round traces."""
    from tfzero.pretrain import METHODS
    from tfzero.pretrain.run import pretrain

    few = images[:_TURN_IMAGES]
    budget = METHODS[arguments.method].budget(len(images), epochs=1)
    names = dict.fromkeys([USUAL, *arguments.variants])
    methods = {name: make_method(name, few.shape[1:], arguments, seed=0) for name in names}
    times: dict[str, list[float]] = {name: [] for name in methods}
    for _ in range(1 + _ROUNDS):
        for name, method in methods.items():
            began = time.process_time()
            pretrain(method, few, budget=budget)
            times[name].append(time.process_time() - began)
    return {name: taken[1:] for name, taken in times.items()}


def measure(name: str, data, arguments, *, seed: int) -> dict[str, float]:
    """Returns accuracies in percent: of probes of the pretrained variant, and from scratch."""
    from tfzero.pretrain import METHODS
    from tfzero.pretrain.run import pretrain
    from tfzero.transfer import fit_classifier
    from tfzero.transfer.budget import default_budget
    from tfzero.transfer.features import read_blocks

    images, labels, dev_images, dev_labels = data
    pool = images[: arguments.images]
    method = make_method(name, images.shape[1:], arguments, seed=seed)
    budget = METHODS[arguments.method].budget(len(pool), epochs=arguments.passes)
    pretrain(method, pool, budget=budget)
    encoder = method.encoder
    (train, columns), (dev, _) = read_blocks(encoder, images), read_blocks(encoder, dev_images)
    start, stop = list(columns.values())[-1]
    parts = train[:, start:stop], labels, dev[:, start:stop], dev_labels
    found = {}
    for count in (100, 1000):
        found[f"probe {count}"] = probe(
            *parts, count, {"last": (0, stop - start)}, chooses=False, seed=seed
        )
    found["probe all"], _ = ridge(*standardize(*parts))
    scratch = build_variant(name, images.shape[1:], seed=derive_seed(seed, "encoder"))
    for count in (100, 1000):
        rows = draw_labels(labels, count, seed)
        budget = dataclasses.replace(default_budget(count), kind=arguments.kind)
        fitted = fit_classifier(
            "finetune",
            encoder=scratch,
            images=images[rows],
            labels=labels[rows],
            budget=budget,
            seed=seed,
        )
        told = fitted.predict(dev_images).argmax(axis=1)
        found[f"scratch {count}"] = 100 * float((told == dev_labels).mean())
    return found


if __name__ == "__main__":
    main()
