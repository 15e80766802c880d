import pathlib

import numpy as np
import pytest

from tests.study.small import at, open_small_run
from tfzero.common.arm import Arm
from tfzero.jobs.load import load_model
from tfzero.jobs.recommended import finish
from tfzero.study.work import final
from tfzero.study.work.finish import read_final
from tfzero.study.work.pretraining import run_pretraining
from tfzero.study.work.scores import score_probabilities
from tfzero.transfer import STRATEGIES
from tfzero.transfer.calibration import apply_temperature, fit_temperature
from tfzero.transfer.contract import Cost, Fitted

SCRATCH = Arm("scratch", "finetune")


@pytest.fixture
def workspace(tmp_path):
    return at(*open_small_run(tmp_path))


def is_stratified(workspace, rows):
    counts = np.bincount(workspace.data.train_labels[rows], minlength=4)
    return counts.max() - counts.min() <= 1


def test_few_labels_are_all_learnt_from_and_further_networks_are_asked(workspace, monkeypatch):
    total = workspace.plan.data.num_train
    division = final.divide_labels(workspace, total)
    assert sorted(division.trained) == list(range(total)) and len(division.held) == 0
    # All five folds are too few; each image is asked about once, by a network that did not see it.
    assert len(division.folds) == 5
    assert sorted(np.concatenate([asked for _, asked in division.folds])) == list(range(total))
    for learnt, asked in division.folds:
        assert not set(learnt) & set(asked) and is_stratified(workspace, asked)
    monkeypatch.setattr(final, "ENOUGH_HELD", 20)
    assert len(final.divide_labels(workspace, total).folds) == 2


def test_of_many_labels_some_are_kept_back(workspace, monkeypatch):
    total = workspace.plan.data.num_train
    monkeypatch.setattr(final, "KEPT_FROM", total)
    monkeypatch.setattr(final, "KEPT", 12)
    monkeypatch.setattr(final, "ENOUGH_HELD", 10)
    division = final.divide_labels(workspace, total)
    assert len(division.held) == 12 and division.folds == ()
    assert sorted([*division.trained, *division.held]) == list(range(total))
    assert is_stratified(workspace, division.trained)


def test_where_not_all_labels_are_learnt_from_others_are_asked_about(workspace, monkeypatch):
    monkeypatch.setattr(final, "ENOUGH_HELD", 10)
    division = final.divide_labels(workspace, 24)
    assert len(division.trained) == 24 and len(division.held) == 56 - 24
    assert is_stratified(workspace, division.trained)
    # Nested: what the study's first seed was given is among them.
    assert set(workspace.subsets(0)[8]) <= set(division.trained)


def test_no_group_is_both_learnt_from_and_asked_about(tmp_path, monkeypatch):
    monkeypatch.setattr(final, "ENOUGH_HELD", 10)
    groups = np.arange(80) // 8
    workspace = at(*open_small_run(tmp_path, groups=groups))
    kept = workspace.data.train_groups
    # Whoever is left shares a group with somebody who is not: folds of whole groups instead.
    division = final.divide_labels(workspace, 24)
    assert len(division.held) == 0 and division.folds
    for learnt, asked in division.folds:
        assert not set(kept[learnt]) & set(kept[asked])


def test_too_few_labels_of_a_class_calibrate_nothing(workspace):
    assert final.divide_labels(workspace, 12).folds == ()


def test_the_kept_network_is_calibrated_and_scored_as_itself(workspace):
    run, data, total = workspace.run, workspace.data, workspace.plan.data.num_train
    assert read_final(workspace, SCRATCH) is None
    trained = [final.train_final(workspace, SCRATCH, total)]
    # The bars are easy: answers that are too sure by far, of which a temperature can be told.
    said = np.tile(np.float32([0.97, 0.01, 0.01, 0.01]), (40, 1))
    trained.append(final.Trained(said, np.arange(40) % 2))
    raw = load_model(final.raw_path(workspace, SCRATCH))
    before = raw(data.test_images).numpy()
    finish(workspace, SCRATCH, total, trained)
    record = read_final(workspace, SCRATCH)
    assert record["num_labels"] == record["num_labelled"] == total and not record["cut"]
    temperature = record["calibration"]["temperature"]
    assert temperature > 3 and record["calibration"]["num_held_out"] == 40
    kept = load_model(run.final / f"{record['key']}.keras")
    after = kept(data.test_images).numpy()
    np.testing.assert_allclose(after, apply_temperature(before, temperature), atol=1e-5)
    scores = score_probabilities(after, data.test_labels)
    assert record["result"]["accuracy"] == scores["accuracy"]
    for when, answers in (("before", before), ("after", after)):
        expected = score_probabilities(answers, data.test_labels)["calibration_error"]
        assert record["calibration"][f"error_{when}"] == pytest.approx(expected, abs=1e-4)
    assert record["cost"]["steps"] > 0
    assert not final.raw_path(workspace, SCRATCH).exists()


def test_a_further_network_answers_only_for_what_it_did_not_see(workspace):
    total = workspace.plan.data.num_train
    learnt, asked = final.divide_labels(workspace, total).folds[1]
    found = final.train_beside(workspace, SCRATCH, total, 1)
    assert (found.labels == workspace.data.train_labels[asked]).all() and found.cost is None
    assert found.probabilities.shape == (len(asked), 4)
    assert (found.probabilities.argmax(axis=1) == found.labels).mean() > 0.5  # chance is 0.25


def test_what_diverged_is_left_as_it_is(workspace):
    total = workspace.plan.data.num_train
    trained = [final.train_final(workspace, SCRATCH, total)]
    trained.append(final.Trained(np.full((9, 4), np.nan, np.float32), np.zeros(9, int)))
    finish(workspace, SCRATCH, total, trained)
    calibration = read_final(workspace, SCRATCH)["calibration"]
    assert calibration["temperature"] == 1 and calibration["num_held_out"] == 0
    assert calibration["error_before"] == pytest.approx(calibration["error_after"], abs=1e-6)


def test_with_cross_fitting_the_file_is_described_by_the_folds(tmp_path):
    workspace = at(*open_small_run(tmp_path, cross_fits=True))
    data, total = workspace.data, workspace.plan.data.num_train
    division = final.divide_labels(workspace, total)
    assert sorted(division.trained) == list(range(80)) and division.cross_fits
    for (learnt, asked), fold in zip(division.folds, workspace.folds(0), strict=True):
        assert list(asked) == list(fold.asked) and sorted([*learnt, *asked]) == list(range(80))
    trained = [final.train_final(workspace, SCRATCH, total)]
    # Answers that are too sure in all folds but one, which alone would ask for no temperature.
    rows = [asked for _, asked in division.folds]
    said = [np.tile(np.float32([0.97, 0.01, 0.01, 0.01]), (len(each), 1)) for each in rows]
    said[2] = np.full_like(said[2], 0.25)
    trained += [
        final.Trained(answers, data.train_labels[asked])
        for answers, asked in zip(said, rows, strict=True)
    ]
    finish(workspace, SCRATCH, total, trained)
    record = read_final(workspace, SCRATCH)
    assert (record["num_folds"], record["num_test"], record["num_labels"]) == (5, 80, 80)
    with np.load(workspace.run.final / f"{record['key']}.npz") as file:
        kept = file["probabilities"]
    assert record["result"] == score_probabilities(kept, data.train_labels)
    temperature = fit_temperature(
        np.concatenate([said[i] for i in (0, 1, 2, 3)]),
        data.train_labels[np.concatenate([rows[i] for i in (0, 1, 2, 3)])],
    )
    np.testing.assert_allclose(kept[rows[4]], apply_temperature(said[4], temperature), atol=1e-6)
    calibration = record["calibration"]
    assert calibration["error_after"] < calibration["error_before"]
    assert calibration["num_held_out"] == 80 and calibration["temperature"] > 2


@pytest.mark.slow
def test_a_process_with_several_threads_trains_the_same_network_but_for_rounding(workspace):
    total = workspace.plan.data.num_train
    final.train_on_threads(1, final.train_final, workspace, SCRATCH, total)
    one = load_model(final.raw_path(workspace, SCRATCH))(workspace.data.test_images)
    found = final.train_on_threads(2, final.train_final, workspace, SCRATCH, total)
    assert found.cost["steps"] > 0
    two = load_model(final.raw_path(workspace, SCRATCH))(workspace.data.test_images)
    np.testing.assert_allclose(one, two, atol=0.05)


@pytest.mark.parametrize("init", ["kmeans", "pixels", "vae"])
def test_spread_labels_are_exported_by_a_network_that_learns_from_them(init, tmp_path, monkeypatch):
    arm = Arm(init, "label_spreading")
    workspace = at(*open_small_run(tmp_path, arms=("scratch/finetune", arm)))
    if init != "pixels":
        run_pretraining(workspace, init, 0)
    taught = []

    def take(self, task):
        taught.append(task)
        return Fitted(None, Cost())

    shown = final.network_arm(arm)
    assert shown == ("vae/spread_finetune" if init == "vae" else "scratch/spread_finetune")
    monkeypatch.setattr(type(STRATEGIES["spread_finetune"]), "fit", take)
    monkeypatch.setattr(type(STRATEGIES["spread_finetune"]), "to_model", lambda *_, **__: Saved())
    final.train_final(workspace, arm, 24)
    [task] = taught
    # It is spread by what the arm is spread by, and the network that learns is no k-means.
    assert task.spread_by_pixels == (init == "pixels") and task.encoder.trainable_weights
    # The VAE's encoder is the one that is trained, too.
    assert (task.spread_encoder is None) == (init != "kmeans")
    if init == "kmeans":
        own = workspace.load_encoder(init, 0)
        assert task.spread_encoder.output_shape == own.output_shape
    assert len(task.labels) == 24 and len(task.graph.places) == len(workspace.pool)


class Saved:
    """A model that can be saved."""

    def save(self, path):
        pathlib.Path(path).write_text("nothing")
