"""How time and memory grow with the number of images, part by part.

    python benchmarks/growth.py --sizes 1000,10000,100000,1000000

Makes images of 8x8 pixels, all different, and measures each part at each size in a process of its
own with one thread: loading, the check, one pass of each method over the pool, label spreading and
prediction. A pass is estimated from some steps, because each step takes as long as the last; what
the size of the pool can change in a step is how its images are found. Prints a table: seconds of
the processor, peak memory above the idle process, and the slope of the logarithm of the seconds
from the second-largest size to the largest. 1 is proportional, 2 is with the square.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np

SIDE, CLASSES, BATCH = 8, 10, 64
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
METHODS = ("denoising", "gan", "rotation", "vae", "simclr")
LARGEST_EXACT = 100_000


def main() -> None:
    """Measures each part at each size and prints the table."""
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory() as folder:
        paths = [write_images(pathlib.Path(folder), size) for size in arguments.sizes]
        print_header(arguments.sizes)
        for part in arguments.parts:
            found = {
                size: measure_apart(part, path, arguments.steps)
                for size, path in zip(arguments.sizes, paths, strict=True)
                if part != "spread, exact" or size <= LARGEST_EXACT
            }
            print_row(part, arguments.sizes, found)


def parse_arguments() -> argparse.Namespace:
    """Returns the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=read_sizes, default=[1000, 10_000, 100_000])
    names = f"Separated by semicolons: {'; '.join(PARTS)}."
    parser.add_argument("--parts", type=read_parts, default=list(PARTS), help=names)
    parser.add_argument("--steps", type=int, default=60, help="Steps timed to estimate a pass.")
    parser.add_argument("--one", nargs=2, help="For the script itself: a part and a file.")
    arguments = parser.parse_args()
    if arguments.one:
        part, path = arguments.one
        print(json.dumps(measure(part, path, arguments.steps)))
        sys.exit()
    return arguments


def read_sizes(text: str) -> list[int]:
    """Returns the numbers of images."""
    return [int(number) for number in text.split(",")]


def read_parts(text: str) -> list[str]:
    """Returns the parts that are named."""
    return [name for name in PARTS if name in text.split(";")]


def write_images(folder: pathlib.Path, size: int) -> pathlib.Path:
    """Writes a data set whose classes are shapes under noise."""
    random = np.random.default_rng(0)
    shapes = random.integers(0, 200, (CLASSES, SIDE, SIDE, 1))
    path, parts = folder / f"{size}.npz", {}
    for part, count in (("train", size), ("test", 100)):
        labels = np.arange(count) % CLASSES
        images = np.empty((count, SIDE, SIDE, 1), np.uint8)
        for start in range(0, count, 10_000):
            rows = labels[start : start + 10_000]
            noise = random.integers(0, 56, (len(rows), SIDE, SIDE, 1))
            images[start : start + len(rows)] = shapes[rows] + noise
        parts |= {f"x_{part}": images, f"y_{part}": labels}
    np.savez(path, **parts)
    return path


def measure_apart(part: str, path: pathlib.Path, steps: int) -> dict:
    """Measures a part in a process of its own."""
    command = [sys.executable, __file__, "--one", part, str(path), "--steps", str(steps)]
    environment = {**os.environ, **ONE_THREAD}
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def measure(part: str, path: str, steps: int) -> dict:
    """Returns seconds of the processor and peak memory in MB of a part, in this process."""
    import tfzero

    load = lambda: tfzero.load_data(path)  # noqa: E731
    data = None if part == "load" else load()
    work = PARTS[part](data, load, steps)
    work.send(None)  # what is prepared before is not measured
    with PeakMemory() as memory:
        began = time.process_time()
        times = 1.0
        try:
            work.send(None)
        except StopIteration as done:
            times = done.value or 1.0
        seconds = time.process_time() - began
    return {"seconds": seconds * times, "megabytes": memory.peak / 1e6}


class PeakMemory:
    """Watches the memory of this process that is not a map of a file, above what it had."""

    def __enter__(self):
        self.idle, self.peak, self._stop = self.read(), 0, threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._watch.join()

    def _look(self):
        while True:
            self.peak = max(self.peak, self.read() - self.idle)
            if self._stop.wait(0.02):
                return

    @staticmethod
    def read() -> int:
        """Returns the bytes in use."""
        for line in pathlib.Path("/proc/self/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
        raise OSError("This system does not say what memory a process uses. Use Linux.")


def do_load(data, load, steps):
    """Reads the file and hashes all images."""
    yield
    _ = load().fingerprint


def do_check(data, load, steps):
    """Checks the data as before each study."""
    from tfzero.data.check import check_briefly

    yield
    check_briefly(data)


def do_pass(method: str):
    """Returns the part that foretells one pass of a method."""

    def do(data, load, steps):
        from tfzero.data.pipeline import stream_batches
        from tfzero.networks import build_encoder
        from tfzero.pretrain import find_method

        model = find_method(method)(build_encoder(data.image_shape, width=8))
        model.compile(optimizer="adam")
        batches = stream_batches(data.pool, batch_size=BATCH, seed=0)

        def train():
            model.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=0)

        train()  # compiles
        yield
        train()
        return len(data.pool) / BATCH / steps

    return do


def do_spread(most_exact: int):
    """Returns the part that spreads 100 labels, exactly among up to so many images."""

    def do(data, load, steps):
        from tfzero.transfer import neighbours
        from tfzero.transfer.features import graph_images, read_features
        from tfzero.transfer.graph import link
        from tfzero.transfer.spreading import spread_over

        neighbours.MOST_EXACT = most_exact
        yield
        graph = graph_images(None, data.pool)
        links = link(graph, read_features(None, data.train_images[:100]))
        spread_over(graph, links, data.train_labels[:100], num_classes=CLASSES)

    return do


def do_predict(data, load, steps):
    """Predicts all images by a network of random weights."""
    from tfzero.common.compiled import predict_compiled
    from tfzero.networks import build_encoder

    encoder = build_encoder(data.image_shape, width=8)
    predict_compiled(encoder, data.pool[:1000])
    yield
    predict_compiled(encoder, data.pool)


PARTS = {
    "load": do_load,
    "check": do_check,
    **{f"one pass, {method}": do_pass(method) for method in METHODS},
    "spread, exact": do_spread(LARGEST_EXACT),
    "spread, approximate": do_spread(0),
    "predict": do_predict,
}


def print_header(sizes: list[int]) -> None:
    """Prints the first lines of the table."""
    columns = [f"{size:,} images" for size in sizes]
    print("| | " + " | ".join(columns) + " | slope |")
    print("| --- |" + " --- |" * (len(sizes) + 1), flush=True)


def print_row(part: str, sizes: list[int], found: dict[int, dict]) -> None:
    """Prints a part's seconds and megabytes by size, and the slope of the last two."""
    cells = [
        f"{found[size]['seconds']:.3g} s, {found[size]['megabytes']:.0f} MB"
        if size in found
        else ""
        for size in sizes
    ]
    slope = ""
    if len(found) > 1:
        (small, before), (large, after) = list(found.items())[-2:]
        grown = max(after["seconds"], 1e-9) / max(before["seconds"], 1e-9)
        slope = f"{math.log(grown) / math.log(large / small):.2f}"
    print(f"| {part} | " + " | ".join(cells) + f" | {slope} |", flush=True)


if __name__ == "__main__":
    main()
