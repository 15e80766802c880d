"""A folder of many small files: listing, decoding, first batch, and memory.

    python benchmarks/data_million.py FOLDER --files 1000000 --memory 80MB

Writes the files if they are not there (PNG, 28x28, gray, 1,000 to a folder), then loads them as an
unlabeled pool beside the built-in digits, in a process of its own, with TFZERO_MEMORY set: a pool
of 1,000,000 images takes 784 MB, ten times as much. Prints seconds, images a second, and the peak
of memory that is not a map of a file (what cannot be given back), above that of an idle process.
"""

import argparse
import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

LOAD = """
import json, os, sys, threading, time
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf
from tfzero.data import load_data
from tfzero.data.folder import list_tree
from tfzero.data.pipeline import stream_batches
from pathlib import Path

def used():
    fields = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
    return int(fields["RssAnon"].split()[0]) / 1024

load_data("digits", size=28)
idle, peak, watching = used(), [0.0], True
def watch():
    while watching:
        peak[0] = max(peak[0], used())
        time.sleep(0.05)
threading.Thread(target=watch, daemon=True).start()
times = {}
def clock(name, began):
    times[name] = round(time.monotonic() - began, 2)
began = time.monotonic()
count = len(list_tree(Path(sys.argv[1])).paths)
clock("listing", began)
began = time.monotonic()
data = load_data("digits", size=28, pool=sys.argv[1], pool_only=True)
clock("loading", began)
began = time.monotonic()
stream = iter(stream_batches(data.pool, batch_size=256, seed=0))
next(stream)
clock("first batch", began)
began = time.monotonic()
for _ in range(400):
    next(stream)
rate = 400 * 256 / (time.monotonic() - began)
watching = False
print(json.dumps({"files": count, "pool": len(data.pool), "megabytes": data.pool.nbytes / 1e6,
    "on disk": type(data.pool).__name__ == "memmap", "seconds": times,
    "decoded a second": round(count / times["loading"]), "read a second": round(rate),
    "idle MB": round(idle), "peak above idle MB": round(peak[0] - idle)}))
"""


def write_files(folder, count):
    """Writes PNG files of 28x28 pixels, all different, 1,000 to a folder."""
    from PIL import Image

    random = np.random.default_rng(0)
    for start in range(0, count, 1000):
        place = folder / f"{start // 1000:04}"
        if place.exists():
            continue
        draft = folder / f".{place.name}"
        draft.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (1000, 28, 28), np.uint8) & 0xF0
        for number, image in enumerate(pixels[: count - start]):
            stream = io.BytesIO()
            Image.fromarray(image).save(stream, "PNG", compress_level=1)
            (draft / f"{number:03}.png").write_bytes(stream.getvalue())
        draft.rename(place)


def main():
    """Runs the measurement and prints it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--memory", default="80MB")
    settings = parser.parse_args()
    began = time.monotonic()
    write_files(settings.folder, settings.files)
    print(f"files are there after {time.monotonic() - began:.0f} s", file=sys.stderr)
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(settings.folder)],
        env={**os.environ, "TFZERO_MEMORY": settings.memory},
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    print(json.dumps({"memory given": settings.memory, **json.loads(done.stdout)}, indent=1))


if __name__ == "__main__":
    main()
