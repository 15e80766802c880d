"""A small version of benchmarks/time_to_accuracy.py."""

import sys

import numpy as np
import pytest

from benchmarks import time_to_accuracy
from tests.conftest import draw_bars


@pytest.mark.slow
def test_a_line_per_pass_and_no_test_image(tmp_path, monkeypatch, capsys):
    images, labels = draw_bars(200, seed=0)
    # Test images of noise: nothing that reads them could score.
    noise = np.random.default_rng(0).integers(0, 256, images[:40].shape, np.uint8)
    np.savez(
        tmp_path / "bars.npz", x_train=images, y_train=labels, x_test=noise, y_test=labels[:40]
    )
    monkeypatch.setattr(time_to_accuracy, "_POOL", 120)
    asked = ["time_to_accuracy.py", str(tmp_path / "bars.npz"), "--passes", "2", "--labels", "20"]
    monkeypatch.setattr(sys, "argv", [*asked, "--bar", "40"])
    time_to_accuracy.main()
    _, first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("pass  1: ") and second.startswith("pass  2: ")
    assert second.endswith("% passed")
    minutes = [float(line.split()[2]) for line in (first, second)]
    assert 0 <= minutes[0] <= minutes[1] < 5
