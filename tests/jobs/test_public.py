"""Public weights in a study where nobody named a source."""

import json

import numpy as np
import pytest

import tfzero
from tests.conftest import draw_bars
from tests.jobs.test_compare import run_here
from tfzero.jobs.source import default_source, lacks_public_weights, open_source
from tfzero.networks.public import lite0
from tfzero.study.planning.parts import CellSpec
from tfzero.study.records import RunFolder

LITE0 = "EfficientNet-Lite0 at 128x128 pixels"


def draw_colour(count=40):
    images, labels = draw_bars(count, seed=0)
    return np.repeat(images, 3, axis=-1), labels


@pytest.fixture
def colour():
    return tfzero.from_arrays(*draw_colour())


@pytest.fixture
def missing(monkeypatch):
    monkeypatch.setattr(lite0, "PACKAGE", "a_package_that_is_not_there")


def test_colour_images_are_compared_with_public_weights_where_these_are_installed(colour, tmp_path):
    run = RunFolder(tmp_path / "run")
    assert default_source(colour, run, named=False) == "lite0"
    # Who names arms gets those.
    assert default_source(colour, run, named=True) is None
    gray = tfzero.from_arrays(*draw_bars(40, seed=0))
    assert default_source(gray, run, named=False) is None


def test_where_they_are_not_installed_they_are_named(colour, tmp_path, missing):
    assert default_source(colour, RunFolder(tmp_path / "run"), named=False) is None
    study = tfzero.compare(colour, out=tmp_path / "run", dry_run=True)
    assert study.plan.given is None and not any(arm.init == "public" for arm in study.plan.arms)
    assert lacks_public_weights(study.plan)


def test_a_study_goes_on_as_it_began(colour, tmp_path, monkeypatch):
    run = RunFolder(tmp_path)
    asked = {"asked": {"given": None}}
    run.study.write_text(json.dumps(asked))
    assert default_source(colour, run, named=False) is None
    assert default_source(colour, run, named=False, overwrite=True) == "lite0"
    run.study.write_text(json.dumps({"asked": {"given": {"source": "lite0"}}}))
    monkeypatch.setattr(lite0, "PACKAGE", "a_package_that_is_not_there")
    assert default_source(colour, run, named=True) == "lite0"
    run.study.write_text(json.dumps({"asked": {"given": {"source": "lite0,size=96"}}}))
    assert default_source(colour, run, named=False) is None


def test_default_public_arms_may_be_dropped_and_those_asked_for_may_not(colour, tmp_path):
    few = {"data": colour, "out": tmp_path / "run", "dry_run": True, "minutes": 0.01}
    dropped = tfzero.compare(**few).plan
    assert dropped.given is not None and "arm public/lpft" in dropped.dropped
    assert "scratch/finetune" in dropped.arms
    # The cheapest one stays; which one that is depends on the machine.
    assert [arm.init for arm in dropped.arms].count("public") == 1
    # Something of the own pool is pretrained whatever the time.
    assert any(arm.init not in ("scratch", "pixels", "kmeans", "public") for arm in dropped.arms)
    kept = tfzero.compare(**few, source="lite0").plan
    assert "public/lpft" in kept.arms


def test_a_large_public_network_is_trained_within_limits(colour, tmp_path):
    plan = tfzero.compare(
        colour, out=tmp_path, source="lite0", arms=["public/lpft", "scratch/finetune"], dry_run=True
    ).plan
    assert plan.given.operations > 1e8

    def settings(arm):
        cell = CellSpec(arm=arm, num_labels=max(plan.label_counts), replicate=0)
        return plan.transfer_for(cell).to_budget()

    public, scratch = settings("public/lpft"), settings("scratch/finetune")
    assert public.frozen_blocks == 2 and public.learning_rate == 3e-4
    assert scratch.frozen_blocks == 0 and scratch.learning_rate is None
    assert public.most_unlabeled < scratch.most_unlabeled
    # A small one takes as many steps as any network, but at the same low rate.
    cell = CellSpec(arm="public/lpft", num_labels=max(plan.label_counts), replicate=0)
    small = plan.model_copy(update={"given": plan.given.model_copy(update={"operations": 1000})})
    found = small.transfer_for(cell).to_budget()
    assert (found.steps, found.learning_rate) == (scratch.steps, 3e-4)


def test_what_the_weights_were_trained_on_and_their_licence_stand_in_the_plan(colour):
    given = open_source("lite0", like=colour).given
    assert given.name == LITE0
    assert "ImageNet-1k" in given.notes[-1] and "Apache 2.0" in given.notes[-1]


@pytest.mark.slow
def test_a_study_of_colour_images_exports_a_public_network(tmp_path):
    images, labels = draw_colour(120)
    np.savez(tmp_path / "bars.npz", x_train=images, y_train=labels)
    done = run_here(
        *"compare bars.npz --source lite0,size=32 --label-counts 8 --seeds 3 --json".split(),
        *"--arms scratch/finetune,public/svm,public/label_spreading".split(),
        cwd=tmp_path,
        report=True,
    )
    assert done.returncode == 0, done.stderr
    verdict = json.loads(done.stdout)
    families = {entry["arm"]: entry["family"] for entry in verdict["comparisons"]}
    assert families["public/svm"] == "elsewhere"
    assert "Apache 2.0" in (tmp_path / "runs/bars/report.html").read_text()
