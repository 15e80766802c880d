"""`tfzero pretrain`, watched and killed."""

import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
from typer.testing import CliRunner

import tfzero
from tests.conftest import draw_bars
from tests.pretrain.cases import assert_same_state, read_state
from tests.test_cli import refuse
from tfzero import cli
from tfzero.common.checks import InputError
from tfzero.jobs.watch import _make_probe

COMMAND = [sys.executable, "-m", "tfzero.cli", "pretrain", "bars.npz", "--out", "run.keras"]


def make_bars(folder, count=200):
    images, labels = draw_bars(count, seed=8)
    test_images, test_labels = draw_bars(40, seed=9)
    np.savez(
        folder / "bars.npz", x_train=images, y_train=labels, x_test=test_images, y_test=test_labels
    )


def run(*arguments):
    result = CliRunner().invoke(cli.app, ["pretrain", "bars.npz", *arguments])
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def test_probe_board_and_checkpoints_of_a_pretraining(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    make_bars(tmp_path)
    out = run(
        "--epochs", "2", "--out", "run.keras", "--probe", "--keep", "2", "--tensorboard", "board"
    )
    assert out.count("probe_accuracy ") == 2 and "epoch 2/2" in out
    history = json.loads(pathlib.Path("run-history.json").read_text())
    assert all(0.25 < entry["probe_accuracy"] <= 1 for entry in history)
    assert {path.name for path in tmp_path.iterdir()} == {
        "bars.npz",
        "board",
        "run.keras",
        "run-best.keras",
        "run-epoch0001.keras",
        "run-history.json",
        "run-start.json",
    }
    assert {path.name for path in (tmp_path / "board").iterdir()} == {"train", "pictures"}
    best = pathlib.Path("run-best.keras").read_bytes()
    out = run("--epochs", "3", "--out", "run.keras", "--keep", "1")
    assert "with 2 epochs; continuing" in out and "probe_accuracy 0" not in out
    assert "run-best.keras was chosen by probe_accuracy, but this run measures loss" in " ".join(
        out.split()
    )
    assert pathlib.Path("run-best.keras").read_bytes() == best
    assert not (tmp_path / "run-epoch0001.keras").exists()
    assert "keep is 0" in refuse(
        ["pretrain", "bars.npz", "--out", "x.keras", "--keep", "0"], monkeypatch, capsys
    )


def test_the_probe_reads_no_test_image(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    make_bars(tmp_path)
    given = {}

    class Probe(keras.callbacks.Callback):
        def __init__(self, images, labels, **settings):
            super().__init__()
            given.update(images=images, labels=labels, settings=settings)

    monkeypatch.setattr("tfzero.jobs.watch.ProbeCallback", Probe)
    monkeypatch.setattr("tfzero.jobs.watch._MOST_PROBED", 60)
    run("--epochs", "1", "--out", "run.keras", "--probe")
    data = tfzero.load_data("bars.npz")
    known = {
        image.tobytes(): label
        for image, label in zip(data.train_images, data.train_labels, strict=True)
    }
    assert len(given["images"]) == 60
    for image, label in zip(given["images"], given["labels"], strict=True):
        assert known[image.tobytes()] == label
    assert np.bincount(given["labels"]).tolist() == [15] * 4


def test_a_probe_leaves_out_classes_of_which_it_reads_one_image(monkeypatch):
    monkeypatch.setattr("tfzero.jobs.watch._MOST_PROBED", 12)
    images, labels = draw_bars(60, seed=1)
    kept = np.flatnonzero((labels != 3) | (np.arange(60) < 8))  # 2 of class 3, of which 1 is drawn
    probe = _make_probe(images[kept], labels[kept], seed=0)
    assert set(probe._labels) == set(probe._held_labels) == {0, 1, 2}
    monkeypatch.setattr("tfzero.jobs.watch._MOST_PROBED", 3)
    with pytest.raises(InputError, match="`probe` reads 3 images, fewer than there are classes"):
        _make_probe(images, labels, seed=0)


def test_alarms_are_printed_as_they_come(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    make_bars(tmp_path)
    monkeypatch.setattr("tfzero.pretrain.signs._LEAST_RANK", 1000.0)
    lines = run("--epochs", "3", "--out", "run.keras").splitlines()
    alarm = next(k for k, line in enumerate(lines) if line.startswith("Epoch 2, representation"))
    assert any(line.startswith("epoch 2/3") for line in lines[:alarm])
    assert any(line.startswith("epoch 3/3") for line in lines[alarm:])


def finish(folder, *arguments):
    done = subprocess.run(
        [*COMMAND, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("method, kills", [("vae", 4), ("gan", 2)])
def test_killed_at_random_moments_it_ends_with_bit_equal_weights(method, kills, tmp_path):
    arguments = ["--method", method, "--epochs", "16", "--keep", "2", "--probe"]
    folders = [tmp_path / name for name in ("whole", "killed")]
    for folder in folders:
        folder.mkdir()
        make_bars(folder)
    finish(folders[0], *arguments)
    chance, moments = random.Random(), []
    while len(moments) < kills:
        process = subprocess.Popen(
            [*COMMAND, *arguments], cwd=folders[1], stdout=subprocess.DEVNULL
        )
        before = read_epochs(folders[1])
        while read_epochs(folders[1]) <= before and process.poll() is None:
            time.sleep(0.01)  # until it is past its start
        time.sleep(chance.uniform(0, 0.6))
        if process.poll() is not None:
            break  # it was faster than the kills
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        moments.append((read_epochs(folders[1]), sorted(os.listdir(folders[1]))))
    print(moments)
    assert moments
    finish(folders[1], *arguments)
    # A kill within a write leaves a hidden folder, which a write an hour later removes.
    assert list_visible(folders[0]) == list_visible(folders[1])
    for name in ("run", "run-best", "run-epoch0015"):
        ours, theirs = (tfzero.load_model(folder / f"{name}.keras") for folder in folders)
        assert_same_state(read_state(ours), read_state(theirs))
    ours, theirs = ((folder / "run-history.json").read_text() for folder in folders)
    assert ours == theirs


def list_visible(folder):
    return sorted(name for name in os.listdir(folder) if not name.startswith(".run-"))


def read_epochs(folder):
    try:
        return len(json.loads((folder / "run-history.json").read_text()))
    except OSError:
        return 0
