import dataclasses

import numpy as np
import pytest

from tests.conftest import draw_bars
from tests.study.small import at, open_small_run
from tests.study.studies import make_plan
from tfzero.common.files import read_json
from tfzero.data import from_arrays
from tfzero.study.planning.parts import CellSpec
from tfzero.study.records import RunFolder
from tfzero.study.stored import open_run
from tfzero.study.verdict import remarks
from tfzero.study.work.cell import run_cell
from tfzero.study.work.pretraining import run_pretraining
from tfzero.transfer import STRATEGIES, fit_classifier
from tfzero.transfer.contract import Cost, Fitted


class Answering:
    """A fitted model that always answers the same."""

    def __init__(self, row):
        self.row = np.array(row, np.float32)

    def predict(self, images):
        return np.tile(self.row, (len(images), 1))


def run_answering(tmp_path, monkeypatch, row):
    plan, run = open_small_run(tmp_path)
    cell = CellSpec(arm="scratch/finetune", num_labels=8, replicate=0)
    answer = Fitted(Answering(row), Cost())
    monkeypatch.setattr(type(STRATEGIES["finetune"]), "fit", lambda *_: answer)
    key = run_cell(at(plan, run), cell)
    return run.read_cell(key)["result"], run.read_probabilities(key)


def test_a_divergence_is_marked_and_scores_as_always_answering_the_commonest_class(
    tmp_path, monkeypatch
):
    result, probabilities = run_answering(tmp_path, monkeypatch, [0.5, np.nan, 0.5, 0])
    assert result["diverged"] is True
    assert (probabilities == probabilities[0]).all() and probabilities[0].max() == 1
    assert 0 < result["accuracy"] < 0.5


def test_a_cell_that_converged_is_not_marked(tmp_path, monkeypatch):
    result, probabilities = run_answering(tmp_path, monkeypatch, [0.1, 0.2, 0.3, 0.4])
    assert result["diverged"] is False
    assert (probabilities == np.array([0.1, 0.2, 0.3, 0.4], np.float32)).all()


def test_balanced_studies_label_as_many_of_each_class(tmp_path):
    images, labels = draw_bars(80, seed=0)
    kept = np.flatnonzero((labels != 3) | (np.arange(80) < 24))
    data = from_arrays(images[kept], labels[kept])
    for balanced, expected in ((False, [3, 3, 3, 1]), (True, [3, 2, 2, 3])):
        plan = make_plan(
            dataclasses.replace(data, balanced=balanced),
            arms=["scratch/probe"],
            label_counts=[10],
            seeds=1,
        )
        run = RunFolder(tmp_path / str(balanced))
        open_run(plan, data, run)
        rows = at(plan, run).subsets(0)[10]
        assert sorted(np.bincount(data.train_labels[rows])) == sorted(expected)


def test_alarms_of_a_pretraining_are_kept_and_told_at_the_end(tmp_path, monkeypatch):
    plan, run = open_small_run(tmp_path, arms=("vae/probe", "scratch/probe"), seeds=1)

    def diverge(method, images, *, budget, **_):
        return {"loss": [2.0, float("nan")], "kl": [float("inf"), 1.0]}

    assert remarks.describe_alarms([]) == []
    monkeypatch.setattr("tfzero.pretrain.run.pretrain", diverge)
    key = run_pretraining(at(plan, run), "vae", 0)
    record = read_json(run.encoders / f"{key}.json")
    assert record["history"] == {"loss": [2.0, None], "kl": [None, 1.0]}
    assert record["alarms"][0].startswith("loss not finite: loss is nan in epoch 2 of 2")
    healthy = {**record, "alarms": []}
    [told] = remarks.describe_alarms([healthy, record, healthy])
    assert told.startswith("Pretraining raised alarms in 1 of 3 encoders. The first, vae, seed 0: ")
    assert record["alarms"][0] in told
    assert remarks.describe_alarms([healthy, {"spec": {}}]) == []  # an older record
    two = {**record, "alarms": ["a.", "b.", "c."]}
    assert remarks.describe_alarms([two])[0].endswith("vae, seed 0: a. And 2 more.")


@pytest.mark.parametrize(
    "arm",
    [
        "scratch/finetune",
        "scratch/probe",
        "pixels/svm",
        "kmeans/label_spreading",
        pytest.param("scratch/spread_finetune", marks=pytest.mark.slow),
    ],
)
def test_cross_fitting_predicts_each_image_by_what_did_not_learn_from_it(tmp_path, arm):
    plan, run = open_small_run(tmp_path, arms=[arm], label_counts=(8, 24), cross_fits=True)
    workspace, data = at(plan, run), at(plan, run).data
    for word in plan.pretraining:
        run_pretraining(workspace, word, 0)
    found = {}
    for cell in plan.cells():
        key = run_cell(workspace, cell)
        found[cell.num_labels] = run.read_probabilities(key)
        record = run.read_cell(key)
        assert record["result"]["accuracy"] == pytest.approx(
            (found[cell.num_labels].argmax(axis=1) == data.train_labels).mean()
        )
    # Each of the five classifiers, fitted alone on images of the other folds.
    expected, cell = np.zeros_like(found[24]), plan.cells()[-1]
    encoder = workspace.load_encoder(cell.init, 0)
    for number, fold in enumerate(workspace.folds(0)):
        rows = workspace.subsets(0, number)[24]
        assert not set(rows) & set(fold.asked)
        alone = fit_classifier(
            cell.strategy,
            encoder=encoder,
            images=data.train_images[rows],
            labels=data.train_labels[rows],
            pool=data.pool,
            num_classes=4,
            budget=plan.transfer_for(cell).to_budget(),
            seed=fold.seed(0, "transfer"),
            spread_encoder=workspace.load_patches() if cell.init == "scratch" else None,
        )
        expected[fold.asked] = alone.predict(data.train_images[fold.asked])
    np.testing.assert_allclose(found[24], expected, atol=1e-4)
    assert (found[24].argmax(axis=1) == data.train_labels).mean() > 0.5  # chance is 0.25


def test_the_cost_of_cross_fitting_is_that_of_one_classifier(tmp_path):
    plan, run = open_small_run(tmp_path, cross_fits=True)
    [cell] = plan.cells()
    record = run.read_cell(run_cell(at(plan, run), cell))
    assert record["cost"]["steps"] == plan.transfer_for(cell).steps
    assert record["cost"]["seconds"] < 0.5 * (record["job"]["seconds"] + record["job"]["shared"])
