"""What tfzero takes beside training: to start, around a cell, and in memory.

    python benchmarks/overhead.py --before OTHER_CHECKOUT

The sides take turns. `--before` is a folder with another version of tfzero, such as a git worktree.
Starting: CPU seconds of a command above those of Python alone. A study of digits by two workers:
seconds until its first training begins, and the peak memory of a worker. A cell: what it takes
beside the calls that train, in one process that has compiled everything before.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
ARMS = "scratch/finetune,rotation/lpft,kmeans/svm"
STARTS = {
    "import tfzero": ["-c", "import tfzero"],
    "tfzero --help": ["-m", "tfzero.cli", "--help"],
    "tfzero compare --help": ["-m", "tfzero.cli", "compare", "--help"],
}


def time_start(arguments: list[str], path: pathlib.Path) -> float:
    """Returns the CPU seconds of a Python process with another tfzero on its path."""
    with subprocess.Popen(
        [sys.executable, *arguments], env=_environment(path), stdout=subprocess.DEVNULL
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{arguments} ended with exit code {process.returncode}.")
    return usage.ru_utime + usage.ru_stime


def run_study(path: pathlib.Path) -> tuple[float, float]:
    """Returns the seconds to the first training of a study, and the MB that a worker takes."""
    with tempfile.TemporaryDirectory() as folder:
        run = pathlib.Path(folder, "run")
        command = f"-m tfzero.cli compare digits --arms {ARMS} --label-counts 20,100 --seeds 3"
        command += f" --minutes none --workers 2 --no-early-stop --out {run}"
        began, peaks = time.time(), {}
        with subprocess.Popen(
            [sys.executable, *command.split()],
            env=_environment(path),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            while process.poll() is None:
                for child in _children(process.pid):
                    peaks[child] = max(peaks.get(child, 0.0), _peak(child))
                time.sleep(0.1)
        starts = [
            record.stat().st_mtime - json.loads(record.read_text())[part]["seconds"] - began
            for kind, part in (("cells", "job"), ("encoders", "cost"))
            for record in (run / kind).glob("*.json")
        ]
        return min(starts), max(peaks.values())


def _children(process: int) -> list[int]:
    try:
        text = pathlib.Path(f"/proc/{process}/task/{process}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in text.split()]


def _peak(process: int) -> float:
    try:
        lines = pathlib.Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    [kilobytes] = [line.split()[1] for line in lines if line.startswith("VmHWM")] or [0]
    return int(kilobytes) / 1024


def time_cells() -> dict[str, list[float]]:
    """Returns by arm and label count the seconds of cells beside their training calls."""
    from tfzero.common.surroundings import own_process

    own_process()

    from benchmarks.speed_side import Clock, in_every_fit
    from tfzero.data import load_data
    from tfzero.study.planning.request import read_request
    from tfzero.study.planning.resolve import make_plan
    from tfzero.study.records import RunFolder
    from tfzero.study.stored import open_run
    from tfzero.study.work.cell import run_cell
    from tfzero.study.work.pretraining import run_pretraining
    from tfzero.study.work.process import prepare_process
    from tfzero.study.work.tasks import missing_pretraining
    from tfzero.study.workspace import Workspace

    prepare_process()
    data, clock = load_data("digits"), Clock()
    asked = {"arms": ARMS.split(","), "label_counts": [20, 100], "seeds": 6}
    plan = make_plan(data, read_request(asked))
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, in_every_fit(clock):
        run = RunFolder(pathlib.Path(folder, "run"))
        open_run(plan, data, run)
        workspace = Workspace(plan, run.path)
        for init, replicate in missing_pretraining(workspace):
            run_pretraining(workspace, init, replicate)
        for cell in plan.cells():
            clock.seconds = 0.0
            began = time.perf_counter()
            run_cell(workspace, cell)
            if cell.replicate:  # the first one traces
                beside = time.perf_counter() - began - clock.seconds
                found.setdefault(f"{cell.arm}, {cell.num_labels} labels", []).append(beside)
    return found


def ask_cells(path: pathlib.Path) -> dict[str, list[float]]:
    """Returns what `time_cells` does in a process of its own."""
    # The folder above holds `benchmarks`, behind the tfzero that is measured.
    paths = os.pathsep.join([str(path), str(HERE.parent)])
    command = [sys.executable, str(HERE / "overhead.py"), "--cells"]
    done = subprocess.run(
        command,
        env=_environment(paths),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def _environment(path) -> dict[str, str]:
    # Not what lies in the working folder.
    own = {"PYTHONPATH": str(path), "PYTHONSAFEPATH": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    return {**os.environ, **own}


def describe(values: list[float], digits: int = 2) -> str:
    """Returns the median, and the range of the values."""
    middle, low, high = statistics.median(values), min(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def main() -> None:
    """Prints the table: medians, least and largest value per side."""
    arguments = parse_arguments()
    if arguments.cells:
        print(json.dumps(time_cells()))
        return
    sides = {"tfzero": HERE.parent}
    if arguments.before is not None:
        sides["before"] = arguments.before
    rounds = range(arguments.rounds)
    print("| | " + " | ".join(sides) + " |")
    bare = min(time_start(["-c", ""], HERE.parent) for _ in rounds)
    for title, command in STARTS.items():
        took = {name: [] for name in sides}
        for _ in rounds:
            for name, path in sides.items():
                took[name].append(time_start(command, path) - bare)
        print_row(f"{title}, CPU s", list(took.values()))
    studies = {name: [] for name in sides}
    for _ in rounds:
        for name, path in sides.items():
            studies[name].append(run_study(path))
    print_row("seconds to the first training", [[s for s, _ in each] for each in studies.values()])
    print_row("peak MB of a worker", [[mb for _, mb in each] for each in studies.values()], 0)
    cells = {name: ask_cells(path) for name, path in sides.items()}
    for title in next(iter(cells.values())):
        print_row(f"{title}, s beside training", [each[title] for each in cells.values()], 3)


def print_row(title: str, columns: list[list[float]], digits: int = 2) -> None:
    """Prints a row of the table."""
    print(
        "| " + " | ".join([title, *(describe(each, digits) for each in columns)]) + " |", flush=True
    )


def parse_arguments() -> argparse.Namespace:
    """Returns the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=pathlib.Path, help="Folder of another version of tfzero.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cells", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
