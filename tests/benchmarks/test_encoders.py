"""The encoders' benchmark, on few images."""

import json
import sys

import numpy as np
import pytest

import benchmarks.encoders as encoders
from tests.conftest import draw_bars


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Returns a function that measures methods on bars and returns its lines."""
    images, labels = draw_bars(220, seed=1)
    np.savez(tmp_path / "bars.npz", x_train=images, y_train=labels)
    monkeypatch.setattr(encoders, "DRAWS", {20: 2})
    # The process of the tests has chosen its threads already.
    monkeypatch.setattr("tensorflow.config.threading.set_intra_op_parallelism_threads", id)
    monkeypatch.setattr("tensorflow.config.threading.set_inter_op_parallelism_threads", id)
    monkeypatch.setattr("tensorflow.config.optimizer.set_experimental_options", id)

    def measure(*options):
        out = tmp_path / "lines.jsonl"
        out.unlink(missing_ok=True)
        words = [str(tmp_path / "bars.npz"), *options, "--seeds", "1", "--out", str(out)]
        monkeypatch.setattr(sys, "argv", ["encoders.py", *words])
        encoders.main()
        return [json.loads(line) for line in out.read_text().splitlines()]

    return measure


def test_probes_of_each_block_and_of_features_without_a_network(run, tmp_path, monkeypatch):
    options = ["--methods", "rotation,pixels", "--epochs", "1", "--keep", str(tmp_path / "kept")]
    lines = run(*options)
    blocks = [(line["method"], line["block"]) for line in lines]
    assert blocks == [
        ("rotation", "block2"),
        ("rotation", "block3"),
        ("rotation", "block4"),
        ("rotation", "blocks"),
        ("pixels", "blocks"),
    ]
    assert lines[3]["values"] == sum(line["values"] for line in lines[:3])
    assert lines[0]["epochs"] == 1 and lines[0]["losses"]["loss"] > 0
    assert lines[-1]["20"]["mean"] > 60  # chance is 25
    monkeypatch.setattr(encoders, "pretrain_encoder", None)  # kept encoders are not trained again
    again = run(*options)
    assert [{**line, "cpu minutes": 0} for line in again[:-1]] == [
        {**line, "cpu minutes": 0} for line in lines[:-1]
    ]


def test_encoder_of_another_width_from_fewer_images(run, monkeypatch):
    seen = []

    def pretrain(name, encoder, images, arguments, *, seed):
        seen.append((len(images), encoder.get_layer("block1").filters))
        return {}

    monkeypatch.setattr(encoders, "pretrain_encoder", pretrain)
    lines = run("--methods", "rotation", "--width", "8", "--images", "50")
    assert seen == [(50, 8)]
    narrow = lines[-1]["values"]
    assert run("--methods", "rotation")[-1]["values"] == 2 * narrow
    assert seen[1][0] > 50


def test_ridge_finds_what_is_linear():
    random = np.random.default_rng(0)
    features = random.normal(size=(400, 5)).astype(np.float32)
    labels = (features[:, 2] > 0).astype(int)
    parts = encoders.standardize(features[:300], labels[:300], features[300:], labels[300:])
    accuracy, validated = encoders.ridge(*parts)
    assert accuracy > 93 and validated > 90
    noise = encoders.ridge(parts[0], random.permutation(labels[:300]), parts[2], parts[3])
    assert noise[0] < 70
