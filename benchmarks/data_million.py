"""A folder of many small files: listing, decoding, first batch, training, and memory.

    python benchmarks/data_million.py FOLDER --files 1000000 --memory 78MB --hard

Writes the files if they are not there (PNG, 28x28, gray, 1,000 to a folder, or all to one with
--flat), then loads them as an unlabeled pool beside the built-in digits, in a process of its own,
with TFZERO_MEMORY set: a pool of 1,000,000 images takes 784 MB, ten times as much. Then the pool is
checked as before a study, batches are read, and a VAE is trained on some.

The process first does all that with the digits alone. Memory counts from there on: prints seconds,
images a second, and the peak of memory that is not a map of a file (what cannot be given back).
With --hard the system refuses more: RLIMIT_DATA is set to what the process has then plus the
limit, and whatever needs more dies of it. That limit counts a thread's stack whole, not what is
used of it, so threads get small ones.
"""

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

STACK_BYTES = 2**20  # Linux gives 8 MB.
LOAD = """
import json, os, resource, sys, threading, time
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
from pathlib import Path
import tfzero
from tfzero.data.check import check_briefly
from tfzero.data.folder import list_tree
from tfzero.data.memory import memory_limit
from tfzero.data.pipeline import stream_batches

def read_status(field):
    fields = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
    return int(fields[field].split()[0]) * 1024

def start(data):
    batches = iter(stream_batches(data.pool, batch_size=256, seed=0))
    next(batches)
    return batches

def train(data, model):
    batches = stream_batches(data.pool, batch_size=64, seed=1)
    model.fit(batches, steps_per_epoch=20, shuffle=False, verbose=0)

def go(data, model, clock):
    clock("check", lambda: check_briefly(data))
    batches = clock("first batch", lambda: start(data))
    clock("400 batches of 256", lambda: sum(len(next(batches)) for _ in range(400)))
    clock("20 steps of training", lambda: train(data, model))

digits = tfzero.load_data("digits", size=28, pool=sys.argv[2], pool_only=True)
model = tfzero.VAE(tfzero.build_encoder(digits.image_shape))
model.compile(optimizer="adam")
memory, os.environ["TFZERO_MEMORY"] = os.environ["TFZERO_MEMORY"], "1MB"  # from disk, too
go(digits, model, lambda name, work: work())
os.environ["TFZERO_MEMORY"] = memory
if sys.argv[3] == "True":
    most = read_status("VmData") + memory_limit()
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))

idle, peaks, now = read_status("RssAnon"), {}, ["listing"]
def watch():
    while now:
        used = read_status("RssAnon") - idle
        peaks[now[0]] = max(peaks.get(now[0], 0), used)
        time.sleep(0.02)
threading.Thread(target=watch, daemon=True).start()
seconds = {}
def clock(name, work):
    now[0] = name
    began = time.monotonic()
    done = work()
    seconds[name] = round(time.monotonic() - began, 2)
    return done
count = len(clock("listing", lambda: list_tree(Path(sys.argv[1])).paths))
load = lambda: tfzero.load_data("digits", size=28, pool=sys.argv[1], pool_only=True)
data = clock("loading", load)
go(data, model, clock)
print(json.dumps({"files": count, "pool": len(data.pool), "pool MB": round(data.pool.nbytes / 1e6),
    "on disk": type(data.pool).__name__ == "memmap", "seconds": seconds,
    "decoded a second": round(count / seconds["loading"]),
    "read a second": round(400 * 256 / seconds["400 batches of 256"]),
    "idle MB": round(idle / 1e6),
    "peak above idle MB": {name: round(peak / 1e6) for name, peak in peaks.items()}}))
"""


def write_files(folder, count, *, flat=False):
    """Writes PNG files of 28x28 pixels, all different, 1,000 to a folder or all to one."""
    from PIL import Image

    random = np.random.default_rng(0)
    for start in range(0, count, 1000):
        place = folder / f"{start // 1000:04}"
        last = folder / f"{min(start + 999, count - 1):07}.png"
        if (last if flat else place).exists():
            continue
        draft = folder / f".{place.name}"
        draft.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (1000, 28, 28), np.uint8) & 0xF0
        for number, image in enumerate(pixels[: count - start]):
            stream = io.BytesIO()
            Image.fromarray(image).save(stream, "PNG", compress_level=1)
            file = folder / f"{start + number:07}.png" if flat else draft / f"{number:03}.png"
            file.write_bytes(stream.getvalue())
        draft.rmdir() if flat else draft.rename(place)


def main():
    """Runs the measurement and prints it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--memory", default="78MB")
    parser.add_argument("--flat", action="store_true", help="all files in one folder")
    parser.add_argument("--hard", action="store_true", help="whatever needs more memory dies")
    settings = parser.parse_args()
    began = time.monotonic()
    write_files(settings.folder, settings.files, flat=settings.flat)
    few = settings.folder.parent / f"{settings.folder.name}-few"
    write_files(few, 1000)
    print(f"files are there after {time.monotonic() - began:.0f} s", file=sys.stderr)

    def make_stacks_small():
        resource.setrlimit(resource.RLIMIT_STACK, (STACK_BYTES, STACK_BYTES))

    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(settings.folder), str(few), str(settings.hard)],
        env={**os.environ, "TFZERO_MEMORY": settings.memory},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=make_stacks_small,
    )
    print(json.dumps({"memory given": settings.memory, **json.loads(done.stdout)}, indent=1))


if __name__ == "__main__":
    main()
