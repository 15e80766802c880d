"""What a GPU gives, and whether its results can be repeated: for a machine that has one.

    python benchmarks/gpu.py
    python benchmarks/gpu.py --device cpu --sides 8 --processes 1 --steps 20 --parts speed,equal

It takes about eight minutes and prints tables. The parts:

- speed: training steps per second of rotation (batches of 64), by side, of one processor core and
  of 1, 2 and 4 processes that share a GPU; the seconds until the first step; the GPU's memory.
- modes: the same of one process with deterministic operations and XLA on and off.
- equal: whether a small study has bit-equal results twice, with one worker and with many, and after
  it was killed and continued.

With `--device cpu` all of it runs without a GPU, which tries the script and not the GPU. It has
never been run on a GPU.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any, NamedTuple

BATCH = 64
WARM_UP = 10
SLOT_MEGABYTES = 3000


class Case(NamedTuple):
    """One training to be timed.

    Attributes:
        uuid: The GPU's; empty for the processor.
        number: Of the slot.
        side: Pixels.
        steps: To be timed.
        is_deterministic: Whether operations are.
        is_compiled: Whether XLA compiles them.
    """

    uuid: str
    number: int
    side: int
    steps: int
    is_deterministic: bool = True
    is_compiled: bool = False


def main() -> None:
    """Prints the tables of the parts asked for."""
    arguments = parse_arguments()
    if arguments.case is not None:
        print(json.dumps(time_training(Case(*json.loads(arguments.case)))))
        return
    gpu = find_gpu(arguments.device)
    parts = {"speed": show_speed, "modes": show_modes, "equal": show_equal}
    for part in arguments.parts:
        print(f"\n## {part}\n", flush=True)
        parts[part](gpu, arguments)


def parse_arguments() -> argparse.Namespace:
    """Returns the command line's options."""

    def numbers(text: str) -> list[int]:
        return [int(number) for number in text.split(",")]

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=["gpu", "cpu"], default="gpu")
    parser.add_argument("--sides", type=numbers, default=[8, 28, 96])
    parser.add_argument("--processes", type=numbers, default=[1, 2, 4])
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument(
        "--parts", type=lambda text: text.split(","), default=["speed", "modes", "equal"]
    )
    parser.add_argument("--case", help=argparse.SUPPRESS)
    return parser.parse_args()


def find_gpu(device: str) -> str:
    """Returns the first GPU's identifier, or an empty one for the processor."""
    from tfzero.common.gpus import list_gpus

    if device == "cpu":
        return ""
    found = list_gpus(os.environ.get("CUDA_VISIBLE_DEVICES"))
    if not found.gpus:
        sys.exit(f"{found.why_none}. `--device cpu` tries the script without a GPU.")
    gpu = found.gpus[0]
    print(f"{gpu.name}, {gpu.megabytes:,} MiB, driver {gpu.driver}")
    return gpu.uuid


def show_speed(gpu: str, arguments: argparse.Namespace) -> None:
    """Prints steps per second by side and number of processes."""
    print("| side | device | processes | steps per second, all | first step, s | GPU MiB |")
    print("| --- | --- | --- | --- | --- | --- |")
    for side in arguments.sides:
        places = [("", 1)] + [(gpu, count) for count in arguments.processes if gpu]
        for uuid, count in places:
            cases = [Case(uuid, number, side, arguments.steps) for number in range(count)]
            found, memory = run_together(cases)
            rate = sum(each["steps_per_second"] for each in found)
            first = max(each["first_step"] for each in found)
            name = "GPU" if uuid else "one core"
            print(
                f"| {side} | {name} | {count} | {rate:.0f} | {first:.1f} | {memory} |", flush=True
            )


def show_modes(gpu: str, arguments: argparse.Namespace) -> None:
    """Prints steps per second with deterministic operations and XLA on and off."""
    print("| side | deterministic | XLA | steps per second | first step, s |")
    print("| --- | --- | --- | --- | --- |")
    for side in arguments.sides:
        for is_deterministic in (True, False):
            for is_compiled in (False, True):
                case = Case(gpu, 0, side, arguments.steps, is_deterministic, is_compiled)
                [found], _ = run_together([case])
                rate, first = found["steps_per_second"], found["first_step"]
                said = f"| {side} | {is_deterministic} | {is_compiled} | {rate:.0f} | {first:.1f} |"
                print(said, flush=True)


def run_together(cases: list[Case]) -> tuple[list[dict[str, float]], str]:
    """Runs trainings in processes side by side; returns what each measured, and the memory."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    processes = [
        subprocess.Popen(
            [sys.executable, __file__, "--case", json.dumps(case)],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for case in cases
    ]
    most = 0
    while any(process.poll() is None for process in processes):
        most = max(most, read_memory(cases[0].uuid))
        time.sleep(0.5)
    found = []
    for process in processes:
        said, _ = process.communicate()
        if process.returncode:
            sys.exit(f"A training ended with exit status {process.returncode}.")
        found.append(json.loads(said.splitlines()[-1]))
    return found, f"{most:,}" if most else ""


def read_memory(uuid: str) -> int:
    """Returns the MiB of a GPU in use; 0 of the processor."""
    from tfzero.common.gpus import list_gpus

    used = [gpu.megabytes - gpu.free for gpu in list_gpus(uuid).gpus] if uuid else []
    return used[0] if used else 0


def time_training(case: Case) -> dict[str, float]:
    """Trains as a worker of a study does; returns the seconds to the first step, and the rate."""
    began = time.perf_counter()
    from tfzero.common.surroundings import own_process
    from tfzero.study.work import slots
    from tfzero.study.work.devices import Slot
    from tfzero.study.work.process import prepare_process

    own_process()
    if case.uuid:
        slots.take_slot([Slot(case.uuid, case.number, SLOT_MEGABYTES)])
    if not case.is_deterministic:
        slots.fix_rounding = lambda: None
    slots.configure_gpu()
    prepare_process()
    import numpy as np

    from tfzero.data.pipeline import stream_batches
    from tfzero.networks import build_encoder
    from tfzero.pretrain import build_method

    shape = (case.side, case.side, 1)
    images = np.random.default_rng(0).integers(0, 256, (10 * BATCH, *shape), np.uint8)
    method = build_method("rotation", build_encoder(shape, seed=0), kind=None, seed=0)
    method.compile(optimizer=method.make_optimizer(1e-3), jit_compile=case.is_compiled)
    batches = stream_batches(images, batch_size=BATCH, seed=0)
    method.fit(batches, steps_per_epoch=1, epochs=1, shuffle=False, verbose=0)
    first = time.perf_counter() - began
    method.fit(batches, steps_per_epoch=WARM_UP, epochs=1, shuffle=False, verbose=0)
    start = time.perf_counter()
    method.fit(batches, steps_per_epoch=case.steps, epochs=1, shuffle=False, verbose=0)
    rate = case.steps / (time.perf_counter() - start)
    return {"first_step": first, "steps_per_second": rate}


def show_equal(gpu: str, arguments: argparse.Namespace) -> None:
    """Prints whether a study's results are bit-equal however it is run."""
    side = max(arguments.sides)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        data = write_images(folder / "data.npz", side)
        runs = {"one worker": ["--workers", "1"], "again": ["--workers", "1"], "all workers": []}
        found = {}
        for place, (title, options) in enumerate(runs.items()):
            start = time.perf_counter()
            found[title] = run_study(data, folder / str(place), [*options, *device_of(gpu)])
            print(f"{title}: {time.perf_counter() - start:.0f} s", flush=True)
        found["killed and continued"] = run_killed(data, folder / "killed", device_of(gpu))
        first = found["one worker"]
        for title, results in found.items():
            print(f"{title}: {len(results)} results, equal: {results == first}")


def device_of(gpu: str) -> list[str]:
    """Returns the options of the device."""
    return ["--device", "0" if gpu else "cpu"]


def write_images(path: pathlib.Path, side: int) -> pathlib.Path:
    """Writes random images whose brightness tells their class; returns the path."""
    import numpy as np

    generator, labels = np.random.default_rng(0), np.arange(600) % 3
    images = generator.integers(0, 150, (600, side, side, 1)) + 50 * labels[:, None, None, None]
    np.savez(path, x_train=images.astype(np.uint8), y_train=labels)
    return path


def command_of(data: pathlib.Path, out: pathlib.Path, options: list[str]) -> list[str]:
    """Returns the command of a small study."""
    asked = "--arms scratch/finetune,rotation/lpft,rotation/svm,kmeans/label_spreading"
    asked += " --label-counts 30 --seeds 2 --epochs 1 --minutes none --no-early-stop"
    command = [sys.executable, "-m", "tfzero.cli", "compare", str(data), *asked.split()]
    return [*command, "--out", str(out), *options]


def run_study(data: pathlib.Path, out: pathlib.Path, options: list[str]) -> dict[str, Any]:
    """Runs a study to its end; returns the result of each cell by its key."""
    subprocess.run(command_of(data, out, options), check=True, stdout=subprocess.DEVNULL)
    return read_results(out)


def run_killed(data: pathlib.Path, out: pathlib.Path, options: list[str]) -> dict[str, Any]:
    """The same of a study that is killed after its first results, and continued."""
    process = subprocess.Popen(command_of(data, out, options), stdout=subprocess.DEVNULL)
    while len(read_results(out)) < 2 and process.poll() is None:
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    time.sleep(3)  # its workers end by themselves, and let their part of the GPU go
    return run_study(data, out, options)


def read_results(out: pathlib.Path) -> dict[str, Any]:
    """Returns the result of each cell by its key."""
    paths = sorted((out / "cells").glob("*.json"))
    return {path.stem: json.loads(path.read_text())["result"] for path in paths}


if __name__ == "__main__":
    main()
