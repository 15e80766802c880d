"""Latency of an exported classifier by each reader, side by side in one run.

    python benchmarks/serving.py
    python benchmarks/serving.py --folder /tmp/model --server 127.0.0.1:8081 --name model

Exports an untrained classifier of 28x28 images, the same in each run, to --folder. Measures what
is installed: ONNX Runtime and LiteRT (pip install ".[onnx,litert]"), OpenVINO, and with --server
an MLServer (docs/guides/serving.md) that serves /tmp/model/1 under that name, by tritonclient.
Each round calls every reader, so that a noisy neighbour meets all of them. Each reader is called
as its documentation says, with its own number of threads. Takes about two minutes.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import pathlib
import platform
import tempfile
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import numpy as np
import tensorflow as tf

import tfzero
from tfzero.export import convert

IMAGE_SHAPE, NUM_CLASSES = (28, 28, 1), 10
BATCHES = (1, 32)
NUM_COMPARED = 1000


def main(folder: str | None, server: str | None, name: str, rounds: int) -> None:
    """Prints a table of p50 and p99 in milliseconds."""
    classifier = tfzero.Classifier(tfzero.build_encoder(IMAGE_SHAPE), NUM_CLASSES)
    with tempfile.TemporaryDirectory() as scratch:
        base = pathlib.Path(folder or f"{scratch}/model")
        version = tfzero.export_savedmodel(classifier, base)
        readers = find_readers(classifier, version, pathlib.Path(scratch))
        if server:
            readers["MLServer, gRPC"] = read_server(server, name)
        print(f"{platform.machine()}, {os.cpu_count()} cores, TensorFlow {tf.__version__}")
        print(f"{classifier.count_params():,} weights, images {IMAGE_SHAPE}, {rounds} rounds\n")
        columns = [f"batch {n}, p{k}" for n in BATCHES for k in (50, 99)]
        print("| reader | " + " | ".join(columns) + " | scores off by | other class |")
        print("| --- |" + " --- |" * (2 * len(BATCHES) + 2))
        off, other = compare(readers)
        timed = {batch: measure(readers, batch, rounds) for batch in BATCHES}
        for reader in readers:
            cells = [np.percentile(timed[n][reader], (50, 99)) for n in BATCHES]
            cells = [f"{milliseconds:.2f}" for pair in cells for milliseconds in pair]
            print(f"| {reader} | {' | '.join(cells)} | {off[reader]:.1g} | {other[reader]} |")
        slow, quick = (np.median(timed[1][k]) for k in ("model.predict", "SavedModel"))
        print(f"\nAt batch 1 the SavedModel is {slow / quick:.0f} times as fast as model.predict.")


def find_readers(classifier, version: pathlib.Path, scratch: pathlib.Path) -> dict[str, Callable]:
    """Returns by name functions from uint8 images to scores."""
    served = tf.saved_model.load(str(version))
    serve = served.signatures["serving_default"]
    readers = {
        "model.predict": lambda x: classifier.predict(x, verbose=0),
        "model(x)": lambda x: classifier(x, training=False).numpy(),
        # `served` is named so that it stays: a signature does not keep the weights alive.
        "SavedModel": lambda x, served=served: serve(image=tf.constant(x))["scores"].numpy(),
    }
    for title, to in (("ONNX Runtime", "onnx"), ("LiteRT", "litert")):
        file = convert.convert_savedmodel(version, to, out=scratch / f"model.{to}")
        run = convert.FORMATS[to].read(file, "serving_default")
        readers[title] = lambda x, run=run: run(x)["scores"]
    if importlib.util.find_spec("openvino"):
        import openvino

        exact = {"INFERENCE_PRECISION_HINT": "f32"}
        compiled = openvino.Core().compile_model(str(version), "CPU", exact)
        readers["OpenVINO"] = lambda x: compiled({"image": x})["scores"]
    return readers


def read_server(address: str, name: str) -> Callable:
    """Returns a function that asks a running MLServer."""
    import tritonclient.grpc

    client = tritonclient.grpc.InferenceServerClient(address)

    def ask(images):
        entry = tritonclient.grpc.InferInput("image", list(images.shape), "UINT8")
        entry.set_data_from_numpy(images)
        return client.infer(name, [entry]).as_numpy("scores")

    return ask


def compare(readers: dict[str, Callable]) -> tuple[dict[str, float], dict[str, int]]:
    """Returns how far scores are off those of `model(x)` at most, and how many classes differ."""
    shape = (NUM_COMPARED, *IMAGE_SHAPE)
    images = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    wanted = readers["model(x)"](images)
    found = {reader: np.asarray(run(images)) for reader, run in readers.items()}
    off = {reader: float(np.abs(scores - wanted).max()) for reader, scores in found.items()}
    best = wanted.argmax(axis=1)
    return off, {name: int((s.argmax(axis=1) != best).sum()) for name, s in found.items()}


def measure(readers: dict[str, Callable], batch: int, rounds: int) -> dict[str, list[float]]:
    """Returns milliseconds of each call by reader, the first five rounds left out."""
    random = np.random.default_rng(0)
    found = {reader: [] for reader in readers}
    for number in range(rounds + 5):
        images = random.integers(0, 256, (batch, *IMAGE_SHAPE), dtype=np.uint8)
        for reader, run in readers.items():
            began = time.perf_counter()
            scores = run(images)
            elapsed = 1000 * (time.perf_counter() - began)
            assert scores.shape == (batch, NUM_CLASSES), reader
            if number >= 5:
                found[reader].append(elapsed)
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", help="where the export goes; default: a temporary one")
    parser.add_argument("--server", help="HOST:PORT of MLServer's gRPC")
    parser.add_argument("--name", default="digits", help="the model's name in the server")
    parser.add_argument("--rounds", type=int, default=1000)
    main(**vars(parser.parse_args()))
