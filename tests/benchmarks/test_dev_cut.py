"""A small version of benchmarks/dev_cut.py."""

import re
import sys

import pytest

from benchmarks import dev_cut


@pytest.mark.slow
def test_a_line_per_strategy_and_no_test_image(write_bars, monkeypatch, capsys):
    bars = write_bars(120)
    monkeypatch.setattr("tfzero.transfer.budget._JOINT_STEPS", 40)
    options = "--held 40 --methods scratch,denoising --passes 1 --labels 20 --draws 2".split()
    monkeypatch.setattr(sys, "argv", ["dev_cut.py", bars, *options])
    dev_cut.main()
    lines = capsys.readouterr().out.splitlines()[1:]
    found = [re.sub(r" [\d.]+ ± [\d.]+ %, [\d.]+ CPU minutes", "", line) for line in lines]
    assert found == [
        "scratch/lpft, 20 labels:",
        "scratch/selftrain, 20 labels:",
        found[2],
        "denoising/lpft, 20 labels:",
        "denoising/selftrain, 20 labels:",
        "denoising/joint, 20 labels:",
    ]
    assert re.fullmatch(r"denoising: [\d.]+ CPU minutes of pretraining", found[2])
    scores = [float(line.split(": ")[1].split()[0]) for line in lines if "/" in line]
    assert min(scores) > 60
