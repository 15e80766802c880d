import pathlib
import subprocess
import sys

import pytest

SCRIPT = pathlib.Path(__file__).parents[2] / "benchmarks" / "gpu.py"


def run(*options):
    command = [sys.executable, str(SCRIPT), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_all_parts_run_without_a_gpu():
    options = "--device cpu --sides 8 --processes 1 --steps 3"
    done = run(*options.split())
    assert done.returncode == 0, done.stderr[-2000:]
    assert "| 8 | one core | 1 | " in done.stdout
    assert done.stdout.count("| 8 | True |") == 2 and done.stdout.count("| 8 | False |") == 2
    assert done.stdout.count("8 results, equal: True") == 4


def test_without_a_gpu_the_reason_is_said():
    done = run()
    assert done.returncode == 1
    assert "`--device cpu` tries the script without a GPU." in done.stderr
