"""An encoder's width in a study of its own."""

import importlib
import pathlib
import sys

import numpy as np
import pytest

import tfzero
from tfzero.transfer.budget import Budget


@pytest.fixture
def width(monkeypatch):
    """The module, which imports another one of its folder."""
    monkeypatch.syspath_prepend(pathlib.Path(__file__).parents[2] / "benchmarks")
    return importlib.import_module("width")


@pytest.mark.slow
def test_a_pool_and_a_width_make_a_study_that_reads_no_test_image(
    width, write_bars, tmp_path, monkeypatch, capsys, untimed, unreported
):
    monkeypatch.setattr("tfzero.study.planning.resolve.default_budget", lambda _: Budget(steps=80))
    bars = write_bars(200)
    asked = ["width.py", bars, "--images", "120", "--widths", "4"]
    asked += ["--labels", "20", "--seeds", "2", "--out", str(tmp_path / "runs")]
    monkeypatch.setattr(sys, "argv", asked)
    width.main()
    lines = [line for line in capsys.readouterr().out.splitlines() if "over scratch" in line]
    assert len(lines) == 3
    assert lines[0].startswith("   120 images, width   4: scratch/finetune ")
    assert lines[0].endswith("over scratch +0.0 ± 0.0")
    accuracies = [float(line.split(" ± ")[0].split()[-1]) for line in lines]
    assert np.mean(accuracies) > 50
    [kept] = (tmp_path / "runs" / "120-4").glob("encoders/rotation-0-*.keras")
    assert tfzero.load_model(kept).get_layer("block1").filters == 4
