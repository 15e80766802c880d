"""Pretraining that is killed goes on from the last epoch that was kept."""

import keras
import numpy as np
import pytest

from tests.conftest import build_small_encoder, draw_bars
from tests.study.small import at
from tests.study.studies import make_plan
from tfzero.common.files import read_json
from tfzero.data import from_arrays
from tfzero.pretrain import run as pretraining
from tfzero.study.inits import unfinished
from tfzero.study.records import RunFolder
from tfzero.study.stored import open_run
from tfzero.study.work import pretraining as job
from tfzero.study.work.pretraining import run_pretraining

pytestmark = pytest.mark.usefixtures("eagerly")


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


def open_study(folder, method):
    data = from_arrays(*draw_bars(80, seed=0))
    arms = [f"{method}/lpft", "scratch/finetune"]
    own = build_small_encoder()
    plan = make_plan(data, arms=arms, label_counts=(8,), seeds=1, epochs=5, encoder=own)
    run = RunFolder(folder)
    open_run(plan, data, run, encoder=own)
    return plan, run


def kill_after(monkeypatch, epochs):
    """Makes the process die before the given epoch is kept."""
    keep = unfinished.KeepUnfinished.on_epoch_end

    def die(self, epoch, logs=None):
        if epoch == epochs:
            raise Killed
        keep(self, epoch, logs)

    monkeypatch.setattr(unfinished.KeepUnfinished, "on_epoch_end", die)


@pytest.mark.parametrize("method", ["gan", "rotation"])
def test_what_was_killed_goes_on_and_ends_bit_for_bit(tmp_path, monkeypatch, method):
    plan, whole = open_study(tmp_path / "whole", method)
    key = run_pretraining(at(plan, whole), method, 0)
    assert list(whole.unfinished.iterdir()) == []  # too short to be kept

    _, run = open_study(tmp_path / "killed", method)
    monkeypatch.setattr(unfinished, "_EVERY_SECONDS", 0.0)
    with monkeypatch.context() as patch:
        kill_after(patch, 3)
        with pytest.raises(Killed):
            run_pretraining(at(plan, run), method, 0)
    assert sorted(path.name for path in run.unfinished.iterdir()) == [
        f"{key}-000003.json",
        f"{key}-000003.keras",
    ]
    kept = read_json(run.unfinished / f"{key}-000003.json")
    assert kept["seconds"] > 0 and kept["cpu_seconds"] > 0
    # As if the first three epochs had been slow.
    kept["seconds"] += 1000.0
    unfinished.write_json(run.unfinished / f"{key}-000003.json", kept)

    begun, fit = [], pretraining.pretrain

    def watch(*args, start_epoch, **kwargs):
        begun.append(start_epoch)
        return fit(*args, start_epoch=start_epoch, **kwargs)

    monkeypatch.setattr(pretraining, "pretrain", watch)
    assert run_pretraining(at(plan, run), method, 0) == key
    assert begun == [3] and list(run.unfinished.iterdir()) == []
    expected, found = (read_json(r.encoders / f"{key}.json") for r in (whole, run))
    assert found["history"] == expected["history"]
    assert all(len(values) == 5 for values in found["history"].values())
    assert found["cost"]["steps"] == expected["cost"]["steps"]
    assert found["cost"]["seconds"] > 1000 > expected["cost"]["seconds"]
    weights = [at(plan, r).load_encoder(method, 0).get_weights() for r in (whole, run)]
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_file_that_was_cut_off_is_passed_over(tmp_path, monkeypatch):
    plan, run = open_study(tmp_path, "vae")
    monkeypatch.setattr(unfinished, "_EVERY_SECONDS", 0.0)
    with monkeypatch.context() as patch:
        kill_after(patch, 2)
        with pytest.raises(Killed):
            run_pretraining(at(plan, run), "vae", 0)
    key = plan.pretraining_key("vae", 0)
    cut = run.unfinished / f"{key}-000002.keras"
    for suffix in ("keras", "json"):  # an earlier one that is whole
        whole = cut.with_suffix(f".{suffix}")
        cut.with_name(f"{key}-000001.{suffix}").write_bytes(whole.read_bytes())
    cut.write_bytes(cut.read_bytes()[:1000])
    (run.unfinished / f".{key}-000003-x").mkdir()  # a kill while the next was written
    assert unfinished.open_unfinished(run.unfinished, key).epochs == 2  # as its JSON says
    cut.with_name(f"{key}-000001.json").unlink()
    assert unfinished.open_unfinished(run.unfinished, key) is None
    run_pretraining(at(plan, run), "vae", 0)
    assert len(read_json(run.encoders / f"{key}.json")["history"]["loss"]) == 5
    assert list(run.unfinished.iterdir()) == []


def test_what_was_killed_after_its_last_epoch_keeps_its_losses(tmp_path, monkeypatch):
    plan, run = open_study(tmp_path, "vae")
    monkeypatch.setattr(unfinished, "_EVERY_SECONDS", 0.0)
    with monkeypatch.context() as patch:
        patch.setattr(job, "_look_at", lambda *_: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            run_pretraining(at(plan, run), "vae", 0)
    key = plan.pretraining_key("vae", 0)
    assert (run.unfinished / f"{key}-000005.keras").exists()
    run_pretraining(at(plan, run), "vae", 0)
    assert len(read_json(run.encoders / f"{key}.json")["history"]["loss"]) == 5


def test_noise_that_no_file_keeps_is_not_gone_on_with(tmp_path, monkeypatch):
    data = from_arrays(*draw_bars(80, seed=0))
    encoder = keras.Sequential(
        [
            keras.layers.Input((8, 8, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(8),
            keras.layers.Dropout(0.5),
        ]
    )
    plan = make_plan(
        data,
        arms=["simclr/lpft", "scratch/finetune"],
        label_counts=(8,),
        seeds=1,
        epochs=3,
        encoder=encoder,
    )
    run = RunFolder(tmp_path)
    open_run(plan, data, run, encoder=encoder)
    monkeypatch.setattr(unfinished, "_EVERY_SECONDS", 0.0)
    kept = []
    monkeypatch.setattr(unfinished.KeepUnfinished, "on_epoch_end", lambda *_, **__: kept.append(1))
    run_pretraining(at(plan, run), "simclr", 0)
    assert kept == []


def test_losses_that_are_not_finite_are_kept(tmp_path):
    plan, run = open_study(tmp_path, "vae")
    run.unfinished.mkdir(exist_ok=True)
    keeper = unfinished.KeepUnfinished(run.unfinished, "vae-0")
    keeper._kept -= 100
    keeper.set_model(at(plan, run).random_encoder(0))
    keeper.on_epoch_end(0, {"loss": float("nan"), "kl": np.float32(0.1)})
    found = unfinished.open_unfinished(run.unfinished, "vae-0")
    assert found.epochs == 1 and np.isnan(found.history["loss"]).all()
    assert found.history["kl"] == [float(np.float32(0.1))]
    keeper.on_epoch_end(1, {"loss": 1.0, "kl": 1.0})  # a moment later
    assert unfinished.open_unfinished(run.unfinished, "vae-0").epochs == 1
