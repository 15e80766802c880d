"""A small network learns one task and is moved to another, and it is measured whether that helped.

The classical program: train on some digits, keep the layers, give the other digits a head of their
own. Done properly: against training from scratch, against random layers that are kept as they are,
against learning from the target's own images without labels, with several seeds.

Writes `runs/one_task_to_another/` and `savedmodels/one_task_to_another/` into the current folder.
The same call again only reads what is there.

Run: python examples/one_task_to_another.py (three minutes on two cores)
     python examples/one_task_to_another.py --source fashion/ --target my_images/
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

import tfzero


def main(
    *,
    source: str | None = None,
    target: str | None = None,
    size: int | None = None,
    label_counts: Sequence[int] = (20, 100),
    seeds: int = 5,
    epochs: int | None = None,
) -> tfzero.Study:
    """Returns the finished study; without a target, of built-in digits 5 to 9 after 0 to 4."""
    digits = tfzero.load_data("digits")
    first = source or take_classes(digits, range(5))
    data = tfzero.load_data(target, size=size) if target else take_classes(digits, range(5, 10))
    print(data.describe())
    study = tfzero.compare(
        data,
        source=first,
        then="vae",  # the chain: source task, then the target's images without labels
        arms=["scratch/finetune", "scratch/probe", "supervised/lpft", "supervised/probe"],
        label_counts=label_counts,
        seeds=seeds,
        epochs=epochs,
        out="runs/one_task_to_another",
        export="savedmodels/one_task_to_another",
    )
    print(study.verdict)
    return study


def take_classes(data: tfzero.ImageData, classes: range) -> tfzero.ImageData:
    """Returns the images of some classes, numbered from 0; test images stay test images."""

    def of_these(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rows = np.isin(labels, list(classes))
        return images[rows], labels[rows] - classes.start

    return tfzero.from_arrays(
        *of_these(data.train_images, data.train_labels),
        *of_these(data.test_images, data.test_labels),
        class_names=[data.class_names[number] for number in classes],
        name=f"{data.name}-{classes.start}-to-{classes.stop - 1}",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", help="data set with labels, to learn first")
    parser.add_argument("--target", help="data set to classify")
    parser.add_argument("--size", type=int, help="resize all images to so many pixels a side")
    parser.add_argument("--seeds", type=int, default=5, help="at least 3 for a verdict")
    main(**vars(parser.parse_args()))
