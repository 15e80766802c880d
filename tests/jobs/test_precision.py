"""Mixed precision from the command line and in studies, from the option to the exported model."""

import pathlib
import pickle
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from typer.testing import CliRunner

import tfzero
from tests.conftest import build_small_encoder, draw_bars
from tests.study.studies import make_plan
from tests.test_cli import refuse
from tfzero import cli
from tfzero.common.checks import InputError
from tfzero.common.precision import find_precision
from tfzero.common.surroundings import own_settings
from tfzero.data import from_arrays
from tfzero.study.records import RunFolder
from tfzero.study.stored import read_asked, read_plan

HALF = "mixed_bfloat16"


def save_bars(path):
    images, labels = draw_bars(80, seed=0)
    np.savez(path, x_train=images, y_train=labels, x_test=images[:20] ^ 1, y_test=labels[:20])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with a data set."""
    monkeypatch.chdir(tmp_path)
    save_bars("bars.npz")
    return tmp_path


def run(*words):
    result = CliRunner().invoke(cli.app, list(words))
    assert result.exit_code == 0, (result.output, result.exception)
    return " ".join(result.output.split())


def list_keys(plan):
    return {plan.cell_key(cell) for cell in plan.cells()} | {
        plan.pretraining_key(word, 0) for word in plan.pretraining
    }


def test_a_precision_has_keys_of_its_own_and_float32_those_of_before():
    data = from_arrays(*draw_bars(40, seed=0))
    asked = {"arms": ["vae/lpft", "scratch/finetune"], "label_counts": [8], "seeds": 1}
    plain, named, half, quarter = (
        make_plan(data, precision=each, **asked)
        for each in (None, "float32", HALF, "mixed_float16")
    )
    assert plain.precision is named.precision is None and "precision" not in plain._common()
    assert list_keys(plain) == list_keys(named)
    found = [list_keys(plan) for plan in (plain, half, quarter)]
    assert len(set.union(*found)) == sum(map(len, found)) == 9
    # A plan from before this setting was there is read as one of float32.
    old = {key: value for key, value in plain.to_json().items() if key != "precision"}
    assert type(plain).model_validate(old) == plain
    with pytest.raises(InputError, match='Unknown precision "mixed_bfloat".*mixed_bfloat16'):
        make_plan(data, precision="mixed_bfloat", **asked)


def test_an_own_encoder_decides_the_precision_and_another_is_refused():
    data = from_arrays(*draw_bars(40, seed=0))
    with own_settings(HALF):
        own = build_small_encoder()
    assert make_plan(data, encoder=own, label_counts=[8]).precision == HALF
    with pytest.raises(InputError, match=f"`encoder` computes in {HALF}.*is float32"):
        make_plan(data, encoder=own, label_counts=[8], precision="float32")
    assert make_plan(data, encoder=build_small_encoder(), label_counts=[8]).precision is None


def test_a_study_trains_in_the_precision_asked_for_and_exports_float32(
    folder, small_encoders, one_core, untimed, monkeypatch
):
    monkeypatch.setattr("tfzero.report.write_report", lambda _: None)
    asked = ["compare", "bars.npz", "--label-counts", "12", "--seeds", "1", "--epochs", "1"]
    asked += ["--arms", "vae/lpft,scratch/finetune", "--minutes", "none", "--out", "run"]
    told = run(*asked, "--precision", HALF, "--export", "served")
    assert f"Networks compute in {HALF}." in told
    plan = read_plan("run")
    assert plan.precision == HALF == read_asked(RunFolder("run"))["precision"]
    kept = tfzero.load_model(next(pathlib.Path("run/encoders").glob("vae-0-*.keras")))
    assert find_precision(kept) == HALF
    assert keras.config.dtype_policy().name == "float32"
    served = tf.saved_model.load("served/1").signatures["serving_default"]
    images = draw_bars(20, seed=0)[0]
    scores = served(image=tf.constant(images))["scores"]
    assert scores.dtype == tf.float32
    found = tfzero.Study.read("run").model
    assert find_precision(found) == HALF
    np.testing.assert_allclose(scores, found.predict(images, verbose=0), atol=0.05)
    # Without the option it is another study, and its cells have other names.
    result = CliRunner().invoke(cli.app, asked)
    assert f'holds a study with another plan (precision: "{HALF}" there, null now' in str(
        result.exception
    )


@pytest.mark.slow
def test_a_pretraining_and_a_classifier_keep_their_precision(folder, small_encoders, eagerly):
    small = ["bars.npz", "--method", "vae", "--epochs"]
    run("pretrain", *small, "1", "--precision", "mixed_float16")
    kept = tfzero.load_model("pretrained.keras")
    assert kept.precision == "mixed_float16" and find_precision(kept) == "mixed_float16"
    run("pretrain", *small, "2", "--precision", "mixed_float16")
    steps = int(kept.optimizer.iterations.numpy())
    again = tfzero.load_model("pretrained.keras")
    assert int(again.optimizer.iterations.numpy()) == 2 * steps
    run("finetune", "bars.npz", "--encoder", "pretrained.keras", "--label-count", "12")
    assert find_precision(tfzero.load_model("classifier.keras")) == "mixed_float16"
    small = ["bars.npz", "--method", "supervised", "--epochs", "1", "--out", "labels.keras"]
    run("pretrain", *small, "--precision", HALF)
    assert find_precision(tfzero.load_model("labels.keras")) == HALF
    answer = "import sys, pickle, numpy as np, tfzero; m = tfzero.load_model('classifier.keras'); "
    answer += "p = np.asarray(m(np.zeros((2, 8, 8, 1), np.uint8))); "
    answer += "sys.stdout.buffer.write(pickle.dumps((str(p.dtype), p.shape)))"
    done = subprocess.run([sys.executable, "-c", answer], capture_output=True)
    assert pickle.loads(done.stdout[done.stdout.index(b"\x80") :]) == ("float32", (2, 4))


def test_what_cannot_be_served_is_said(folder, small_encoders, eagerly, monkeypatch, capsys):
    def said(*words):
        return refuse(list(words), monkeypatch, capsys)

    build_small_encoder().save("plain.keras")
    told = said("pretrain", "bars.npz", "--precision", "float16")
    assert 'Unknown precision "float16"' in told and HALF in told
    start = ("--encoder", "plain.keras", "--precision", HALF)
    for word in (("pretrain", "bars.npz"), ("finetune", "bars.npz", "--label-count", "12")):
        told = said(*word, *start)
        assert f"plain.keras computes in float32, but the precision is {HALF}" in told
    told = said("compare", "bars.npz", "--source", "plain.keras", "--precision", HALF)
    assert "The source plain.keras computes in float32" in told
    run("pretrain", "bars.npz", "--epochs", "1")
    told = said("pretrain", "bars.npz", "--epochs", "2", "--precision", HALF)
    assert f"pretrained.keras was pretrained in float32, not in {HALF}" in told
