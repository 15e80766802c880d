"""The table of how time and memory grow."""

import pathlib
import re
import subprocess
import sys

import pytest

SCRIPT = pathlib.Path(__file__).parents[2] / "benchmarks" / "growth.py"


@pytest.mark.slow
def test_each_part_is_measured_at_each_size():
    parts = "load;check;one pass, rotation;spread, exact;spread, approximate;predict"
    asked = ["--sizes", "60,120", "--steps", "2", "--parts", parts]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *asked], check=True, capture_output=True, text=True
    )
    lines = done.stdout.splitlines()
    assert lines[0] == "| | 60 images | 120 images | slope |"
    assert [line.split(" | ")[0][2:] for line in lines[2:]] == parts.split(";")
    for line in lines[2:]:
        assert re.fullmatch(r"\| .* \|( [\d.e-]+ s, \d+ MB \|){2} -?\d+\.\d\d \|", line), line
