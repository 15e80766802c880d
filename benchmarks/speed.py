"""How long steps take: beside PyTorch, beside another checkout of tfzero, and beside a product.

    python benchmarks/speed.py --torch TORCHENV/bin/python --before OTHER_CHECKOUT
    python benchmarks/speed.py --profile --before OTHER_CHECKOUT

Each side is a process with one thread. The sides take turns at each case, and each turn trains for
some dozen steps; the table has medians and quartiles over the turns, and the medians of the ratios
of turns that follow each other. PyTorch runs eagerly, from an environment of its own (tried with
torch 2.13.0). `--before` is a folder with another version of tfzero, such as a git worktree.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
from typing import Any, NamedTuple

import numpy as np

from tfzero.networks.shapes import count_encoder, default_width, list_blocks
from tfzero.study.work.counted import probe_speed

HERE = pathlib.Path(__file__).parent
# A step reads the images, and derives the loss by all kernels and by the inputs of all layers but
# the first.
_PASSES = 3


class Case(NamedTuple):
    """What is timed.

    Attributes:
        kind: "classifier", or the name of a method.
        shape: `(H, W, C)`.
        batch: Images per step.
        augment: Whether a classifier's images are augmented.
        has_torch: Whether it is written in PyTorch, too.
    """

    kind: str
    shape: tuple[int, int, int]
    batch: int = 32
    augment: bool = False
    has_torch: bool = False

    @property
    def title(self) -> str:
        """What it is called in the table."""
        size = "x".join(map(str, self.shape))
        augmented = ", augmented" if self.augment else ""
        return f"{self.kind} {size}, batch {self.batch}{augmented}"

    def operations(self) -> int:
        """Returns the multiply-adds of a classifier's step, by convolutions."""
        first = next(list_blocks(self.shape, default_width(self.shape)))
        by_inputs = int(np.prod([*first.kernel_size, self.shape[2], first.filters, *first.sides]))
        return self.batch * (_PASSES * count_encoder(self.shape) - by_inputs)


SHAPES = ((8, 8, 1), (28, 28, 1), (32, 32, 3), (64, 64, 3))
CASES = (
    *(Case("classifier", shape, has_torch=True) for shape in SHAPES),
    *(Case("classifier", shape, augment=True) for shape in SHAPES[:3]),
    Case("simclr", (28, 28, 1), batch=128, has_torch=True),
    Case("rotation", (28, 28, 1), batch=128),
    Case("vae", (28, 28, 1), batch=128),
    Case("denoising", (28, 28, 1), batch=128),
    Case("gan", (28, 28, 1), batch=32),
    Case("simclr", (8, 8, 1), batch=64),
    Case("gan", (8, 8, 1), batch=64),
)


class Side:
    """A process that times cases."""

    def __init__(self, name: str, command: list[str], path: pathlib.Path | None = None):
        self.name = name
        one = {"OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
        own = {} if path is None else {"PYTHONPATH": str(path)}
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **one, **own},
        )
        self._read()

    def ask(self, **case: Any) -> Any:
        """Returns what the process answers: of a case, the milliseconds per step of its calls."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(case) + "\n")
        self._process.stdin.flush()
        return json.loads(self._read())

    def close(self) -> None:
        """Ends the process."""
        self._process.communicate()

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"The side {self.name} ended; run its file alone to see why.")
        return line


def open_sides(arguments, stack: contextlib.ExitStack) -> list[Side]:
    """Starts the sides that the command line names."""
    ours = [sys.executable, str(HERE / "speed_side.py")]
    sides = [Side("tfzero", ours, HERE.parent)]
    if arguments.before is not None:
        sides.append(Side("before", ours, arguments.before))
    if arguments.torch is not None:
        sides.append(Side("torch", [arguments.torch, str(HERE / "speed_torch.py")]))
    for side in sides:
        stack.callback(side.close)
    return sides


def time_case(case: Case, sides: list[Side], rounds: int) -> dict[str, list[float]]:
    """Returns the milliseconds per step by side, one per turn."""
    asked = {"kind": case.kind, "shape": case.shape, "batch": case.batch, "augment": case.augment}
    blocks = [each._asdict() for each in list_blocks(case.shape, default_width(case.shape))]
    sides = [side for side in sides if side.name != "torch" or case.has_torch]
    found: dict[str, list[float]] = {side.name: [] for side in sides}
    for number in range(rounds):
        for side in sides if number % 2 else reversed(sides):
            more = {"blocks": blocks} if side.name == "torch" else {}
            found[side.name].append(statistics.median(side.ask(**asked, **more)))
    return found


def write_row(case: Case, found: dict[str, list[float]], speed: float) -> str:
    """Returns a case's row of the table."""
    cells = [case.title]
    for name in ("tfzero", "before", "torch"):
        took = found.get(name)
        if took is None:
            cells.append("")
            continue
        low, middle, high = np.quantile(took, (0.25, 0.5, 0.75))
        cells.append(f"{middle:.2f} ({low:.2f} to {high:.2f})")
    for name in ("before", "torch"):
        ratio = compare(found, name)
        cells.append("" if ratio is None else f"{ratio:.2f}")
    share = ""
    if case.kind == "classifier":
        seconds = statistics.median(found["tfzero"]) / 1000
        share = f"{2 * case.operations() / seconds / 1e9 / speed:.0%}"
    return "| " + " | ".join([*cells, share]) + " |"


def compare(found: dict[str, list[float]], name: str) -> float | None:
    """Returns the median of tfzero's time over another side's, turn by turn."""
    if name not in found:
        return None
    return float(np.median(np.divide(found["tfzero"], found[name])))


def print_profiles(sides: list[Side], shape: tuple[int, int, int]) -> None:
    """Prints where the milliseconds of a classifier's step go."""
    asked = {"kind": "classifier", "shape": shape, "batch": 32, "augment": False}
    found = {side.name: side.ask(**asked, profile=True) for side in sides if side.name != "torch"}
    kinds = sorted({kind for each in found.values() for kind in each}, key=_order(found))
    print(f"| operation, {shape} | " + " | ".join(found) + " |")
    for kind in kinds[:14]:
        row = " | ".join(f"{each.get(kind, 0):.3f}" for each in found.values())
        print(f"| {kind} | {row} |")
    rest = " | ".join(f"{sum(each.get(k, 0) for k in kinds[14:]):.3f}" for each in found.values())
    print(f"| all others | {rest} |", flush=True)


def _order(found):
    return lambda kind: -max(each.get(kind, 0) for each in found.values())


def main() -> None:
    """Prints the table, or the profiles."""
    arguments = parse_arguments()
    with contextlib.ExitStack() as stack:
        sides = open_sides(arguments, stack)
        if arguments.profile:
            for shape in SHAPES[:2]:
                print_profiles(sides, shape)
            return
        print(f"{probe_speed():.0f} GFLOP/s per core in a product of 1024x1024; ms per step")
        print("| case | tfzero | before | PyTorch | over before | over PyTorch | share |")
        ratios = []
        for case in CASES:
            speed = probe_speed()
            found = time_case(case, sides, arguments.rounds)
            print(write_row(case, found, speed), flush=True)
            ratio = compare(found, "torch")
            if ratio is not None and case.kind == "classifier":
                ratios.append(ratio)
        if ratios:
            print(
                f"classifier over PyTorch, geometric mean: {statistics.geometric_mean(ratios):.2f}"
            )


def parse_arguments(texts: list[str] | None = None) -> argparse.Namespace:
    """Returns the options of a command line; None takes that of this process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torch", help="The Python of an environment with PyTorch.")
    parser.add_argument("--before", type=pathlib.Path, help="Folder of another version of tfzero.")
    parser.add_argument("--profile", action="store_true", help="Print where a step's time goes.")
    parser.add_argument("--rounds", type=int, default=9)
    return parser.parse_args(texts)


if __name__ == "__main__":
    main()
