"""Inits beyond GAN and VAE: k-means patches, and methods that are told the kind of data."""

import json

import keras
import numpy as np
import pytest

from tests.data.pictures import make_pixels
from tests.study.small import at, open_small_run
from tests.study.studies import make_plan, plan_study
from tfzero.common.checks import InputError
from tfzero.data import from_arrays
from tfzero.study.inits.settings import KMeansPlan
from tfzero.study.planning.arms import parse_arms
from tfzero.study.planning.families import list_families
from tfzero.study.verdict.judge import judge, see
from tfzero.study.verdict.look import Look
from tfzero.study.work.cell import run_cell
from tfzero.study.work.pretraining import run_pretraining


def test_kmeans_features_go_with_strategies_that_train_no_network():
    assert parse_arms(["kmeans/svm"]) == ("kmeans/svm",)
    with pytest.raises(InputError, match="kmeans/lpft"):
        parse_arms(["kmeans/lpft"])


def test_the_plan_says_how_the_centroids_are_found():
    plan = plan_study(arms=["kmeans/svm", "vae/lpft", "scratch/finetune"])
    assert plan.pretraining["kmeans"] == KMeansPlan(num_centroids=100, patch_size=4)
    # A baseline: no claim is made of it.
    judged = {arm for family in list_families(plan.arms) for arm, _ in family.pairs}
    assert judged == {"vae/lpft"}
    large = from_arrays(make_pixels(30, 28, 28, 1, seed=0), np.arange(30) % 3)
    plan = make_plan(large, arms=["kmeans/svm"], label_counts=[3])
    assert plan.pretraining["kmeans"] == KMeansPlan(num_centroids=400, patch_size=6)


@pytest.mark.parametrize("channels, chosen", [(1, "digits"), (3, "photos")])
def test_methods_that_are_told_the_kind_of_data_get_it(channels, chosen):
    images = np.random.default_rng(0).integers(0, 256, (30, 8, 8, channels), np.uint8)
    data = from_arrays(images, np.arange(30) % 3)
    asked = {"arms": ["simclr/lpft", "vae/lpft"], "label_counts": [6]}
    plan, told = make_plan(data, **asked), make_plan(data, **asked, kind="clothes")
    assert plan.pretraining["simclr"].kind == chosen
    assert told.pretraining["simclr"].kind == "clothes"
    # Classifiers are told too, whatever their init.
    assert {settings.kind for settings in plan.transfer.values()} == {chosen}
    assert {settings.kind for settings in told.transfer.values()} == {"clothes"}
    assert (
        plan.pretraining["vae"] == told.pretraining["vae"] and told.pretraining["vae"].kind is None
    )
    # Another kind is another encoder, of the method that is told.
    assert plan.pretraining_key("simclr", 0) != told.pretraining_key("simclr", 0)
    assert plan.pretraining_key("vae", 0) == told.pretraining_key("vae", 0)
    with pytest.raises(InputError, match='"digits"'):
        make_plan(data, **asked, kind="digit")


def test_a_kmeans_arm_learns_once_a_replicate_and_scores(tmp_path):
    plan, run = open_small_run(tmp_path, arms=("kmeans/svm", "pixels/svm"), label_counts=(8, 20))
    key = run_pretraining(at(plan, run), "kmeans", 0)
    record = json.loads((run.encoders / f"{key}.json").read_text())
    assert record["spec"] == {"method": "kmeans", "replicate": 0}
    # Mean and whitening of patches of 4x4 pixels, and 100 centroids.
    assert record["cost"]["parameters"] == 16 + 16 * 16 + 100 * 16
    assert record["cost"]["seconds"] > 0 and record["history"] == {}
    records, right = [], {}
    for cell in plan.cells():
        cell_key = run_cell(at(plan, run), cell)
        records.append(run.read_cell(cell_key))
        answers = run.read_probabilities(cell_key).argmax(axis=1)
        right.setdefault((cell.arm, cell.num_labels), {})[0] = answers == np.load(run.test_labels)
    assert all(record["result"]["accuracy"] > 0.9 for record in records)
    sure = [run.read_probabilities(record["key"]).max(axis=1).mean() for record in records]
    assert len(set(sure)) == 4  # other features give other probabilities
    seen = see(plan, right, np.load(run.test_labels))
    table = judge(plan, records, [record], seen, Look(plan.looks, 1))["table"]
    assert {row["arm"] for row in table} == {"kmeans/svm", "pixels/svm"}


def test_a_simclr_arm_runs_with_the_kinds_views(tmp_path):
    plan, run = open_small_run(tmp_path, arms=("simclr/probe",))
    key = run_pretraining(at(plan, run), "simclr", 0)
    record = json.loads((run.encoders / f"{key}.json").read_text())
    assert set(record["history"]) == {"loss", "accuracy"}
    assert keras.models.load_model(run.encoders / f"{key}.keras").name == "encoder"
    cell = run_cell(at(plan, run), plan.cells()[0])
    assert run.read_cell(cell)["result"]["accuracy"] > 0.2


def test_label_spreading_reads_the_pool_in_a_study(tmp_path):
    arms = ("pixels/label_spreading", "kmeans/label_spreading")
    plan, run = open_small_run(tmp_path, arms=arms)
    run_pretraining(at(plan, run), "kmeans", 0)
    for cell in plan.cells():
        key = run_cell(at(plan, run), cell)
        assert run.read_cell(key)["result"]["accuracy"] > 0.9
