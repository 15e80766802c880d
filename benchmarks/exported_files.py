"""Size and speed of exported classifiers: a small encoder, and a public network at some sides.

    python benchmarks/exported_files.py
    python benchmarks/exported_files.py --sources lite0,size=96 lite0,size=128 --rounds 20

Exports an untrained head on each encoder for colour images of 32x32 pixels. A distilled encoder
is a small encoder, so the first row is its row, too. Prints megabytes of the SavedModel, seconds
to load it, and processor milliseconds per image on one thread, in batches of 1 and of 32, the
median of rounds in which every file has its turn.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import tempfile
import time
from collections.abc import Sequence

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import numpy as np
import tensorflow as tf

import tfzero
from tfzero.networks.public import open_public
from tfzero.study.work.counted import probe_speed

IMAGE_SHAPE, NUM_CLASSES, BATCHES = (32, 32, 3), 10, (1, 32)
SMALL = "small encoder"


def main(*, sources: Sequence[str] = ("lite0",), rounds: int = 20) -> dict[str, dict[str, float]]:
    """Returns by encoder what its exported file measures."""
    encoders = {SMALL: tfzero.build_encoder(IMAGE_SHAPE)}
    encoders |= {source: open_public(source, IMAGE_SHAPE).encoder for source in sources}
    print(f"{probe_speed():.0f} GFLOP/s per core, images {IMAGE_SHAPE}, {rounds} rounds\n")
    with tempfile.TemporaryDirectory() as scratch:
        measured, readers = {}, {}
        for number, (name, encoder) in enumerate(encoders.items()):
            classifier = tfzero.Classifier(encoder, NUM_CLASSES)
            version = tfzero.export_savedmodel(classifier, pathlib.Path(scratch, str(number)))
            start = time.perf_counter()
            readers[name] = tf.saved_model.load(str(version))
            measured[name] = {
                "megabytes": count_bytes(version) / 1e6,
                "load": time.perf_counter() - start,
            }
        for batch in BATCHES:
            for name, milliseconds in measure(readers, batch, rounds).items():
                measured[name][f"batch {batch}"] = milliseconds
    columns = ["megabytes", "load", *(f"batch {batch}" for batch in BATCHES)]
    print("| encoder | MB | seconds to load | ms per image, batch 1 | batch 32 |")
    print("| --- |" + " --- |" * len(columns))
    for name, found in measured.items():
        print(f"| {name} | " + " | ".join(f"{found[column]:.2f}" for column in columns) + " |")
    return measured


def count_bytes(folder: pathlib.Path) -> int:
    """Returns the size of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def measure(readers: dict, batch: int, rounds: int) -> dict[str, float]:
    """Returns median processor milliseconds per image by reader, who take turns."""
    images = np.random.default_rng(0).integers(0, 256, (batch, *IMAGE_SHAPE), np.uint8)
    spent: dict[str, list[float]] = {name: [] for name in readers}
    for number in range(rounds + 2):
        for name, served in readers.items():
            start = time.process_time()
            served.signatures["serving_default"](image=tf.constant(images))
            if number >= 2:  # the first calls build
                spent[name].append(1000 * (time.process_time() - start) / batch)
    return {name: float(np.median(each)) for name, each in spent.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sources", nargs="+", default=("lite0,size=96", "lite0,size=128"))
    parser.add_argument("--rounds", type=int, default=20)
    asked = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    main(**vars(asked))
