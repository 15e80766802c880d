"""What an image costs each method, over what it costs to fine-tune the same encoder.

    python benchmarks/costs.py --threads 1
    python benchmarks/costs.py --threads 2 --size 32 --channels 3
    python benchmarks/costs.py --methods vae --over autoencoder

Methods and fine-tuning take turns in one process, so that a busy machine slows all of them; ratios
are medians over the rounds, of CPU seconds, which leave out waiting for other processes. With one
thread they are what `relative_cost` should be in `tfzero.pretrain.METHODS`, which says how long
`scratch-long` may train. Images are noise: what an update costs does not depend on what it sees.
`autoencoder` has the networks of the VAE, but nothing is drawn and there is no KL term.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

FINETUNE, AUTOENCODER = "finetune", "autoencoder"
# Of one turn: a few dozen updates each.
_IMAGES = 4096
_TEACHER_WIDTH = 1280


def main() -> None:
    """Prints CPU minutes of a pass over 60,000 images, and ratios with their quartiles."""
    arguments = parse_arguments()
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(arguments.threads)
    tf.config.optimizer.set_experimental_options({"remapping": False})
    shape = (arguments.size, arguments.size, arguments.channels)
    turns = make_turns(shape, arguments.kind)
    asked = arguments.methods or list(turns)
    turns = {name: turn for name, turn in turns.items() if name in (arguments.over, *asked)}
    for take_turn in turns.values():
        take_turn()  # traces
    seconds = {name: [] for name in turns}
    for _ in range(arguments.rounds):
        for name, take_turn in turns.items():
            began = time.process_time()
            take_turn()
            seconds[name].append(time.process_time() - began)
    for name, took in seconds.items():
        ratios = np.divide(took, seconds[arguments.over])
        low, middle, high = np.quantile(ratios, (0.25, 0.5, 0.75))
        minutes = float(np.median(took)) * 60_000 / _IMAGES / 60
        ratio = f"{middle:.2f} ({low:.2f}-{high:.2f})"
        print(f"{name:11} {minutes:5.2f} CPU min a pass of 60,000; {ratio}", flush=True)


def parse_arguments() -> argparse.Namespace:
    """Returns the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--methods", type=lambda text: text.split(","), help="Default: all.")
    parser.add_argument("--over", default=FINETUNE, help="What the ratios are to.")
    parser.add_argument("--size", type=int, default=28, help="Side of an image.")
    parser.add_argument("--channels", type=int, default=1)
    parser.add_argument("--kind", default="clothes", help="The kind of data.")
    parser.add_argument("--rounds", type=int, default=7)
    return parser.parse_args()


def make_turns(shape: tuple[int, int, int], kind: str) -> dict:
    """Returns a function for each method, and for fine-tuning, that trains on `_IMAGES` images."""
    from tfzero.networks import build_encoder
    from tfzero.pretrain import METHODS, build_method
    from tfzero.pretrain.run import pretrain
    from tfzero.transfer.budget import Budget
    from tfzero.transfer.classifier import Classifier
    from tfzero.transfer.training import Labelled, train

    images = np.random.default_rng(0).integers(0, 256, (_IMAGES, *shape), dtype=np.uint8)
    labels = np.arange(_IMAGES) % 10
    features = np.random.default_rng(1).normal(size=(_IMAGES, _TEACHER_WIDTH)).astype(np.float32)
    encoder = build_encoder(shape, seed=0)
    classifier = Classifier(encoder, 10, augment=True, kind=kind)
    budget = Budget(steps=_IMAGES // 32)
    autoencoder = build_autoencoder(build_encoder(shape, seed=0))

    def finetune():
        train(classifier, Labelled(images, labels), peak=1e-3, budget=budget, seed=0)

    def autoencode():
        pretrain(autoencoder, images, budget=METHODS["vae"].budget(60_000, epochs=1))

    def turn_of(name):
        # The budget of a large pool, so that the batch is what such a pool gets.
        usual = METHODS[name].budget(60_000, epochs=1)
        # A teacher's features are there already: reading them is counted apart.
        teacher = build_teacher(shape) if METHODS[name].needs_teacher else None
        encoder = build_encoder(shape, seed=0)
        method = build_method(name, encoder, kind=kind, seed=0, teacher=teacher)
        return lambda: pretrain(method, images, budget=usual, read=lambda *_: features)

    others = {FINETUNE: finetune, AUTOENCODER: autoencode}
    return {**others, **{name: turn_of(name) for name in METHODS}}


def build_autoencoder(encoder):
    """Returns a method like the VAE whose latents are their means, and whose loss has no KL."""
    import tensorflow as tf

    from tfzero.pretrain import losses
    from tfzero.pretrain.base import Pretrainer
    from tfzero.pretrain.vae import VAE

    class Autoencoder(Pretrainer):
        def __init__(self, encoder, *, seed=0):
            super().__init__(encoder, loss_names=("loss",), seed=seed)
            self.vae = VAE(encoder, seed=seed)
            self.built = True

        def train_step(self, data):
            images = self.take_images(data)
            with tf.GradientTape() as tape:
                mean, _ = self.vae.posterior(images, training=True)
                logits = self.vae.decoder(mean, training=True)
                loss = -tf.reduce_mean(losses.bernoulli_log_likelihood(images, logits))
            variables = self.vae.trainable_variables
            self.optimizer.apply(tape.gradient(loss, variables), variables)
            return self.track(images, loss=loss)

        def test_step(self, data):
            raise NotImplementedError

    return Autoencoder(encoder)


def build_teacher(shape: tuple[int, int, int]):
    """Returns a network with as many features as EfficientNet-Lite0."""
    import keras

    inputs = keras.Input(shape)
    pooled = keras.layers.GlobalAveragePooling2D()(inputs)
    return keras.Model(inputs, keras.layers.Dense(_TEACHER_WIDTH)(pooled))


if __name__ == "__main__":
    main()
