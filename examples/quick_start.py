"""From unlabeled digits to a classifier that a server can load.

A VAE learns from all training images without their labels; its encoder is then transferred to
the few images that keep theirs. One run says nothing about which road is better: for that, with
error bars, call `tfzero.compare`.

Writes `savedmodels/digits/1/` into the current folder. Nothing is overwritten: another model
becomes the next version, an equal one none.

Run: python examples/quick_start.py (less than a minute on two cores)
"""

from __future__ import annotations

import argparse
import pathlib

import keras

import tfzero
from tfzero.data import nested_subsets


def main(
    *, epochs: int = 20, num_labels: int = 100, out: str = "savedmodels/digits", seed: int = 0
) -> tuple[dict[str, float], pathlib.Path, tfzero.Classifier]:
    """Returns the test accuracies, the exported version and the exported classifier."""
    keras.utils.set_random_seed(seed)  # the order of batches in Keras's own `fit`
    data = tfzero.load_data("digits")
    print(data.describe())

    encoder = tfzero.build_encoder(data.image_shape, seed=seed)
    vae = tfzero.VAE(encoder, seed=seed)
    vae.compile(optimizer="adam")
    vae.fit(data.pool, epochs=epochs, verbose=2)

    # The few labels: a stratified subset of the training images.
    rows = nested_subsets(data.train_images, data.train_labels, [num_labels], seed=seed)[num_labels]
    images, labels = data.train_images[rows], data.train_labels[rows]
    accuracies = {}

    # In Keras's own manner. The classifier copies the encoder; the VAE's stays as it is.
    classifier = tfzero.Classifier(vae.encoder, num_classes=data.num_classes, seed=seed)
    classifier.compile(
        optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    classifier.fit(images, labels, epochs=2 * epochs, verbose=0)
    scores = classifier.evaluate(data.test_images, data.test_labels, verbose=0, return_dict=True)
    accuracies["Classifier.fit"] = scores["accuracy"]

    # Or a strategy in one call: first the head alone, then all of the network.
    fitted = tfzero.fit_classifier(
        "lpft", encoder=vae.encoder, images=images, labels=labels, seed=seed
    )
    guesses = fitted.predict(data.test_images).argmax(axis=1)
    accuracies["lpft"] = float((guesses == data.test_labels).mean())

    for name, accuracy in accuracies.items():
        print(f"{name}: {100 * accuracy:.1f} % of the test images right, {num_labels} labels")
    version = tfzero.export_savedmodel(fitted.model, out, class_names=data.class_names)
    print(f"Exported {version}")
    return accuracies, version, fitted.model


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=20, help="passes over the unlabeled images")
    parser.add_argument("--num-labels", type=int, default=100)
    parser.add_argument("--out", default="savedmodels/digits", help="folder of the versions")
    main(**vars(parser.parse_args()))
