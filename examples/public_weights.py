"""Weights that others trained on ImageNet, fine-tuned on colour photos with flips and crops.

First the head alone on frozen features, read once; then all of the network, slowly, on images that
are mirrored and cropped anew every time. Both are scored on the test images. One run says nothing
about which road is better: for that, `tfzero compare DATA --source imagenet:MobileNetV2`.

Keras downloads the weights (9 MB) on first use, or reads them from a file with --weights. Writes
`savedmodels/public_weights/1/` into the current folder.

Run: python examples/public_weights.py cifar10/ --num-labels 1000 (20 minutes on two cores)
"""

from __future__ import annotations

import argparse
import pathlib

import keras
import numpy as np
import tensorflow as tf

import tfzero
from tfzero.data import nested_subsets

# As usual for CIFAR-10 (He et al. 2016, arXiv:1512.03385, section 4.2): 4 of 32 pixels a side.
PADDING = 1 / 8
BATCH_SIZE = 32


def main(
    *,
    data: str,
    network: str = "MobileNetV2",
    pixels: int = 96,
    weights: str | None = None,
    num_labels: int = 1000,
    epochs: int = 10,
    out: str = "savedmodels/public_weights",
    seed: int = 0,
) -> tuple[dict[str, float], pathlib.Path]:
    """Returns the test accuracies, frozen and fine-tuned, and the exported version."""
    loaded = tfzero.load_data(data, channels=3)
    print(loaded.describe())
    rows = nested_subsets(loaded.train_images, loaded.train_labels, [num_labels], seed=seed)
    images, labels = (part[rows[num_labels]] for part in (loaded.train_images, loaded.train_labels))
    encoder = tfzero.build_public_encoder(network, loaded.image_shape, size=pixels, weights=weights)

    probe = tfzero.fit_classifier(
        "probe",
        encoder=encoder,
        images=images,
        labels=labels,
        num_classes=loaded.num_classes,
        seed=seed,
    )
    accuracies = {"frozen": score(probe, loaded)}

    classifier = probe.model  # goes on from the head that fits the frozen features
    classifier.compile(
        # Small steps: larger ones would destroy what the weights know.
        optimizer=keras.optimizers.AdamW(1e-4, weight_decay=1e-2),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    steps = -(-len(images) // BATCH_SIZE)
    batches = draw_batches(images, labels, seed=seed)
    classifier.fit(batches, steps_per_epoch=steps, epochs=epochs, shuffle=False, verbose=2)
    accuracies["fine-tuned"] = score(probe, loaded)
    for name, accuracy in accuracies.items():
        print(f"{name}: {100 * accuracy:.1f} % of the test images right, {num_labels} labels")
    version = tfzero.export_savedmodel(classifier, out, class_names=loaded.class_names)
    print(f"Exported {version}")
    return accuracies, version


def draw_batches(images: np.ndarray, labels: np.ndarray, *, seed: int) -> tf.data.Dataset:
    """Returns batches without end; every pass mirrors and crops anew, as the seed says."""
    batches = tf.data.Dataset.from_tensor_slices((images, labels))
    batches = batches.shuffle(len(images), seed=seed).batch(BATCH_SIZE).repeat()
    return batches.enumerate().map(
        lambda step, batch: (flip_and_crop(batch[0], tf.stack([seed, step])), batch[1])
    )


def flip_and_crop(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Returns uint8 images `(B, H, W, C)`, some mirrored, each shifted by up to an eighth."""
    _, height, width, channels = images.shape
    margins = [max(1, round(side * PADDING)) for side in (height, width)]
    images = tf.image.stateless_random_flip_left_right(images, seed)
    padded = tf.pad(images, [[0, 0], [margins[0]] * 2, [margins[1]] * 2, [0, 0]], "REFLECT")
    seeds = tf.random.split(tf.cast(seed, tf.int32), tf.shape(images)[0])

    def crop(pair):
        return tf.image.stateless_random_crop(pair[0], (height, width, channels), pair[1])

    return tf.map_fn(crop, (padded, seeds), fn_output_signature=images.dtype)


def score(fitted, data: tfzero.ImageData) -> float:
    """Returns the share of test images that are classified rightly."""
    return float((fitted.predict(data.test_images).argmax(axis=1) == data.test_labels).mean())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="folder with a subfolder of photos a class, or an .npz file")
    parser.add_argument("--network", default="MobileNetV2", help="any of keras.applications")
    parser.add_argument("--pixels", type=int, default=96, help="side that the network sees")
    parser.add_argument("--weights", help="file of weights without the top; else Keras finds them")
    parser.add_argument("--num-labels", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--out", default="savedmodels/public_weights", help="folder of versions")
    main(**vars(parser.parse_args()))
