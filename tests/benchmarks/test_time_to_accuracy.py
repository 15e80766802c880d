"""A small version of benchmarks/time_to_accuracy.py."""

import sys

import pytest

from benchmarks import time_to_accuracy


@pytest.mark.slow
def test_a_line_per_pass_and_no_test_image(write_bars, monkeypatch, capsys):
    bars = write_bars(200)
    monkeypatch.setattr(time_to_accuracy, "_POOL", 120)
    asked = ["time_to_accuracy.py", bars, "--passes", "2", "--labels", "20"]
    monkeypatch.setattr(sys, "argv", [*asked, "--bar", "40"])
    time_to_accuracy.main()
    _, first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("pass  1: ") and second.startswith("pass  2: ")
    assert second.endswith("% passed")
    minutes = [float(line.split()[2]) for line in (first, second)]
    assert 0 <= minutes[0] <= minutes[1] < 5
