"""What `tfzero pretrain` refuses to mix, and what it says."""

import json
import os
import pathlib
import re
import sys

import keras
import numpy as np
import pytest
from typer.testing import CliRunner

import tfzero
from tests.conftest import build_small_encoder, draw_bars
from tests.pretrain.cases import assert_same_state, read_state
from tests.test_cli import refuse
from tfzero import cli
from tfzero.pretrain import METHODS, build_method

pytestmark = pytest.mark.usefixtures("eagerly")


def save_bars(path, *, count=200, seed=8):
    images, labels = draw_bars(count, seed=seed)
    test_images, test_labels = draw_bars(40, seed=9)
    np.savez(path, x_train=images, y_train=labels, x_test=test_images, y_test=test_labels)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with two data sets and two encoders."""
    monkeypatch.chdir(tmp_path)
    save_bars("a.npz")
    save_bars("b.npz", count=150, seed=3)
    build_small_encoder().save("one.keras")
    build_small_encoder(seed=5).save("two.keras")
    return tmp_path


def pretrain(data, *arguments):
    result = CliRunner().invoke(cli.app, ["pretrain", data, *arguments])
    assert result.exit_code == 0, (result.output, result.exception)
    return " ".join(result.output.split())


@pytest.fixture
def said(monkeypatch, capsys):
    """Returns what a pretraining that is refused says."""
    return lambda data, *arguments: refuse(["pretrain", data, *arguments], monkeypatch, capsys)


def test_a_file_is_not_continued_with_other_images_or_another_encoder(folder, said):
    start = ["--encoder", "one.keras"]
    pretrain("a.npz", "--epochs", "1", *start)
    before = pathlib.Path("pretrained.keras").read_bytes()
    told = said("b.npz", "--epochs", "2", *start)
    assert "pretrained.keras was pretrained on 200 images with fingerprint" in told
    assert "but the data has 150 with fingerprint" in told and "hoose another --out" in told
    told = said("a.npz", "--epochs", "2", "--encoder", "two.keras")
    assert "was started from an encoder with fingerprint" in told and told.count("fingerprint") == 2
    assert "not from random weights. Name the same encoder with" in said("a.npz")
    assert pathlib.Path("pretrained.keras").read_bytes() == before
    assert "with 1 epochs; continuing" in pretrain("a.npz", "--epochs", "2", *start)
    assert "already has its 2 epochs; use --epochs for more" in pretrain(
        "a.npz", "--epochs", "1", *start
    )
    assert "was started from random" not in said("b.npz", "--epochs", "2")  # the images first
    # A file from before there were such records goes on.
    pathlib.Path("pretrained-start.json").unlink()
    assert "with 2 epochs; continuing" in pretrain("a.npz", "--epochs", "3")


@pytest.mark.slow
def test_the_named_encoder_is_learnt_and_used(folder, said):
    small = ["--epochs", "1", "--encoder", "residual"]
    pretrain("a.npz", "--method", "rotation", *small)
    kept = tfzero.load_model("pretrained.keras").encoder
    assert "inner1" in [layer.name for layer in kept.layers]
    told = said("a.npz", "--method", "rotation", "--epochs", "1")
    assert "holds an encoder of another architecture. Name the same --encoder as when" in told
    pretrain("a.npz", "--method", "supervised", "--out", "labels.keras", *small)
    assert "inner1" in [layer.name for layer in keras.models.load_model("labels.keras").layers]
    asked = ["finetune", "a.npz", "--label-count", "12", "--strategy", "probe"]
    result = CliRunner().invoke(cli.app, [*asked, "--encoder", "residual"])
    assert result.exit_code == 0, (result.output, result.exception)
    trained = tfzero.load_model("classifier.keras").encoder
    assert "inner1" in [layer.name for layer in trained.layers]


def test_unknown_encoders_are_refused_with_the_nearest(folder, said, monkeypatch, capsys):
    asked = ["finetune", "a.npz", "--encoder"]
    for name, telling in (
        ("bass", 'Unknown architecture "bass". Did you mean "base"? Known: small, base, residual'),
        ("resnet50.h5", "A file with an encoder ends in .keras."),
        (
            "keras:ResNet5",
            'Unknown network of keras.applications "ResNet5". Did you mean "ResNet50',
        ),
        ("keras:ResNet50,size=9", "size is 9 pixels; expected at least 32 of ResNet50"),
        ("keras:ResNet50", "8x8 pixels; keras:ResNet50 takes at least 32x32"),
        ("none.keras", "none.keras does not exist"),
    ):
        assert telling in said("a.npz", "--encoder", name)
        assert telling in refuse([*asked, name], monkeypatch, capsys)
    told = refuse(["compare", "a.npz", "--encoder", "bass"], monkeypatch, capsys)
    assert 'Did you mean "base"' in told


def test_batches_of_another_size_are_refused(folder, said, monkeypatch):
    pretrain("a.npz", "--epochs", "1")
    monkeypatch.setitem(METHODS, "vae", METHODS["vae"]._replace(smallest_batch=100))
    assert "in batches of 64, but the batches now have 100" in said("a.npz", "--epochs", "2")


def test_training_ends_by_itself_where_that_is_asked_for(folder, said, monkeypatch):
    monkeypatch.setattr("tfzero.pretrain.plateau._FLAT_SHARE", 0.9)
    turned = ["--method", "rotation", "--encoder", "one.keras", "--epochs", "auto"]
    told = pretrain("a.npz", *turned)
    assert "at most" in told and "Wrote pretrained.keras" in told
    history = json.loads(pathlib.Path("pretrained-history.json").read_text())
    assert 5 <= len(history) < 4 * METHODS["rotation"].budget(200).epochs
    again = pretrain("a.npz", *turned)
    assert f"already has its {len(history)} epochs." in again
    told = said("a.npz", *turned[:-1], "2")
    assert "is planned for as many epochs as its loss falls, not for 2. Give --epochs auto" in told
    pathlib.Path("pretrained-history.json").unlink()
    assert "pretrained-history.json has the losses of 0" in said("a.npz", *turned)
    other = ["--encoder", "one.keras", "--out", "x.keras", "--epochs", "auto", "--method"]
    assert "Its networks work against each other" in said("a.npz", *other, "gan")
    assert "learns from labels" in said("a.npz", *other, "supervised")
    told = said("a.npz", "--out", "x.keras", "--epochs", "many")
    assert '--epochs is "many"; expected an integer or auto' in told


def test_a_rate_that_falls_to_0_is_not_begun_anew(folder, said, monkeypatch):
    turned = ["--method", "rotation", "--encoder", "one.keras"]
    pretrain("a.npz", *turned, "--epochs", "1")
    again = pretrain("a.npz", *turned, "--epochs", "1")
    assert "already has its 1 epochs" in again and "for more" not in again
    told = said("a.npz", *turned, "--epochs", "2")
    assert "is planned for 1 epochs, over which its learning rate falls to 0, not for 2" in told
    assert "--epochs 1" in told and "--encoder pretrained.keras" in told


def test_a_teacher_is_learnt_from_and_stays_the_same(folder, said):
    build_small_encoder(seed=9).save("teacher.keras")
    taught = ["--method", "distillation", "--encoder", "one.keras"]
    first = pretrain("a.npz", *taught, "--teacher", "teacher.keras", "--epochs", "1")
    assert re.search(r"The teacher read [0-9]+ images in [0-9.]+ s\.", first)
    kept = tfzero.load_model("pretrained.keras")
    teacher = keras.models.load_model("teacher.keras")
    for ours, theirs in zip(kept.teacher.weights, teacher.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    own = keras.models.load_model("one.keras")
    assert np.abs(kept.encoder.get_weights()[0] - own.get_weights()[0]).max() > 1e-4
    again = pretrain("a.npz", *taught, "--teacher", "teacher.keras", "--epochs", "1")
    assert "already has its 1 epochs" in again
    build_small_encoder(seed=10).save("other.keras")
    told = said("a.npz", *taught, "--teacher", "other.keras", "--epochs", "1")
    assert "learned from a teacher with fingerprint" in told
    assert "Name the same teacher with --teacher, or choose another --out" in told


@pytest.mark.parametrize(
    ("arguments", "telling"),
    [
        (["--method", "distillation"], "its teacher, but none is given. Give one with --teacher"),
        (["--method", "vae", "--teacher", "one.keras"], "learns from images alone. Leave out"),
        (["--method", "supervised", "--teacher", "one.keras"], "and --teacher need a method"),
        (["--method", "distillation", "--teacher", "b.npz"], "is a data set; expected a network"),
        (["--method", "distillation", "--teacher", "none.keras"], "none.keras does not exist"),
        (["--method", "distillation", "--teacher", "imagenet:Mobile"], "MobileNet"),
    ],
)
def test_a_teacher_that_is_missing_or_has_no_use_is_refused(folder, said, arguments, telling):
    assert telling in said("a.npz", *arguments, "--out", "x.keras")
    assert not list(folder.glob("x*"))


@pytest.mark.parametrize("epochs", ["0", "-3"])
@pytest.mark.parametrize("method", ["vae", "supervised"])
def test_no_epochs_are_refused(folder, said, method, epochs):
    told = said("a.npz", "--method", method, "--epochs", epochs, "--out", "x.keras")
    assert f"--epochs is {epochs}; expected at least 1" in told
    assert not list(folder.glob("x*"))


@pytest.mark.parametrize("seed", ["-1", str(2**31)])
@pytest.mark.parametrize(
    "command", [["pretrain", "a.npz"], ["finetune", "a.npz"], ["sample", "one.keras"]]
)
def test_seeds_that_do_not_fit_are_refused(folder, monkeypatch, capsys, command, seed):
    before = sorted(os.listdir())
    told = refuse([*command, "--seed", seed, "--out", "x.keras"], monkeypatch, capsys)
    assert f"--seed is {seed}; expected a whole number from 0 to 2147483647" in told
    assert sorted(os.listdir()) == before


def test_the_largest_seed_fits(folder):
    start = ["--encoder", "one.keras", "--seed", str(2**31 - 1)]
    pretrain("a.npz", *start, "--epochs", "1")
    assert tfzero.load_model("pretrained.keras").seed == 2**31 - 1


def test_a_kind_of_data_is_known_and_of_use(folder, said):
    for method in ("vae", "rotation", "supervised"):
        told = said("a.npz", "--method", method, "--kind", "photo")
        assert 'Unknown kind of data "photo". Did you mean "photos"' in told
    told = said("a.npz", "--method", "gan", "--kind", "photos")
    assert "--method gan does not use it. Leave it out." in told
    assert "rotation, simclr, distillation, supervised" in told
    with pytest.raises(ValueError, match="Unknown kind of data"):
        build_method("vae", build_small_encoder(), kind="nonsense", seed=0)
    assert build_method("vae", build_small_encoder(), kind="photos", seed=0).seed == 0


@pytest.mark.parametrize(
    ("told", "asked", "expected"),
    [
        (None, [], None),
        ("spectrograms", [], "spectrograms"),
        ("spectrograms", ["--kind", "clothes"], "clothes"),
    ],
)
def test_supervised_pretraining_is_told_the_kind(folder, monkeypatch, told, asked, expected):
    given = []
    monkeypatch.setattr("tfzero.data.ImageData.told_kind", told)

    def stop(*_, budget, **__):
        given.append(budget.kind)
        raise KeyboardInterrupt

    monkeypatch.setattr("tfzero.jobs.pretrain.fit_classifier", stop)
    CliRunner().invoke(cli.app, ["pretrain", "a.npz", "--method", "supervised", *asked])
    assert given == [expected]


def test_noise_that_no_file_keeps_is_said(folder):
    images = keras.Input((8, 8, 1))
    features = keras.layers.Dense(4)(keras.layers.Flatten()(images))
    keras.Model(images, keras.layers.Dropout(0.5, seed=1)(features)).save("noisy.keras")
    sentence = "draws random numbers in training, for example for Dropout. No file keeps that state"
    for epochs in ("1", "2"):
        assert sentence in pretrain(
            "a.npz", "--encoder", "noisy.keras", "--epochs", epochs, "--out", "n.keras"
        )
    out = pretrain("a.npz", "--encoder", "one.keras", "--epochs", "1", "--out", "o.keras")
    assert sentence not in out


def test_what_is_not_finite_ends_the_run_and_keeps_the_last_good_model(folder, monkeypatch, capsys):
    start = ["pretrain", "a.npz", "--encoder", "one.keras", "--epochs"]

    class Spoil(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                kernel = self.model.encoder.get_layer("block1").kernel
                kernel.assign(kernel * np.nan)

    monkeypatch.setattr("tfzero.jobs.watch.Line", lambda *_, **__: Spoil())
    monkeypatch.setattr(sys, "argv", ["tfzero", *start, "3"])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 1
    printed = capsys.readouterr()
    assert "tfzero: In epoch 2 " in printed.err and "Wrote" not in printed.out
    assert "pretrained.keras is the last good model, of epoch 1" in printed.err
    kept = tfzero.load_model("pretrained.keras")
    assert all(np.isfinite(weight).all() for weight in kept.get_weights())
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    kept.encoder.get_layer("block1").kernel.assign(np.full((3, 3, 1, 6), np.nan))
    kept.save("pretrained.keras")
    told = refuse([*start, "3"], monkeypatch, capsys)
    assert "In pretrained.keras the weights" in told and "hoose another --out" in told


def test_arguments_of_a_method_can_be_set(folder, said):
    start = ["--encoder", "one.keras", "--epochs"]
    setting = ["--set", "beta=1", "--set", "likelihood=gaussian", "--set", "decoder_width=4"]
    pretrain("a.npz", *start, "1", *setting)
    config = tfzero.load_model("pretrained.keras").get_config()
    assert (config["beta"], config["likelihood"], config["decoder_width"]) == (1.0, "gaussian", 4)
    told = said("a.npz", *start, "2", *setting[:4])
    assert "was pretrained with decoder_width 4, not None; choose another --out" in told
    pretrain("a.npz", *start, "2", *setting)
    pretrain("a.npz", *start, "2", *setting, "--out", "whole.keras")
    models = [tfzero.load_model(name) for name in ("pretrained.keras", "whole.keras")]
    assert_same_state(*map(read_state, models))


@pytest.mark.parametrize(
    ("settings", "telling"),
    [
        (["bta=1"], 'VAE has no argument "bta" to --set. Did you mean "beta"? Known: latent_dim,'),
        (["seed=1"], 'no argument "seed"'),
        (["beta"], '--set is "beta"; expected NAME=VALUE'),
        (["beta=1", "beta=2"], "beta is given twice"),
        (["beta=high"], "--set beta is 'high'; expected a value like its default, 0.25"),
        (["latent_dim=2.5"], "--set latent_dim is 2.5"),
        (["latent_dim=-1"], "latent_dim"),
        (
            ["decoder_width=wide"],
            "VAE refuses --set decoder_width=wide: ",
        ),  # whose default, None, tells no type
        (["beta=-1"], "beta is -1"),
        (["likelihood=poisson"], 'Unknown likelihood "poisson"'),
    ],
)
def test_arguments_that_a_method_has_not_are_refused(folder, said, settings, telling):
    words = [word for setting in settings for word in ("--set", setting)]
    assert telling in said("a.npz", "--encoder", "one.keras", "--out", "x.keras", *words)
    assert not list(folder.glob("x*"))


def test_supervised_pretraining_has_no_arguments(folder, said):
    assert "does not use them" in said("a.npz", "--method", "supervised", "--set", "beta=1")
