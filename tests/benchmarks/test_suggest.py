"""What suggested labels are worth, on bars of which a few labels tell all."""

import re
import sys

import pytest
import tensorflow as tf

from benchmarks import suggest


@pytest.fixture
def run(write_bars, monkeypatch, capsys):
    """Runs the script on bars; returns what it says."""
    # Other tests of this process have used TensorFlow, which then keeps its threads.
    for name in ("set_intra_op_parallelism_threads", "set_inter_op_parallelism_threads"):
        monkeypatch.setattr(tf.config.threading, name, lambda count: None)
    bars = write_bars(160)

    def run(*options):
        asked = ["suggest.py", bars, "--features", "pixels", "--draws", "3"]
        monkeypatch.setattr(sys, "argv", [*asked, *options])
        suggest.main()
        return capsys.readouterr().out

    return run


def read(line):
    """Returns the accuracies of a line, at random and suggested, and their difference."""
    return [float(text) for text in re.findall(r"[+-]?\d+\.\d", line)[0:6:2]]


def test_suggested_labels_are_worth_more(run, tmp_path):
    said = run("--per-class", "1,5", "--scored", "50", "--cache", str(tmp_path / "cache"))
    assert said.startswith("110 images in the pool, 50 to score on")
    first, last = said.splitlines()[1:]
    random, suggested, gain = read(first)
    assert first.startswith("1 per class, label_spreading: ") and first.endswith("3 draws")
    assert suggested == 100 > random and gain == pytest.approx(suggested - random, abs=0.11)
    assert read(last)[1] == 100
    again = run("--per-class", "1", "--scored", "50", "--cache", str(tmp_path / "cache"))
    assert again.splitlines()[1] == first and len(list((tmp_path / "cache").iterdir())) == 1


@pytest.mark.slow
def test_a_network_scores_as_well(run, small_encoders):
    options = ["--network", "lpft", "--steps", "20", "--rate", "1e-3", "--frozen", "1"]
    said = run("--per-class", "2", "--no-spreading", *options)
    [line] = said.splitlines()[1:]
    assert line.startswith("2 per class, lpft: ") and read(line)[1] > 60
