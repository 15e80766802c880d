"""Where networks' unlabeled images come from: the pool, the arm's own method, or both."""

import numpy as np
import pytest

from tests.conftest import build_small_encoder, draw_bars
from tests.study.small import at
from tests.study.studies import make_plan
from tfzero.common.checks import InputError
from tfzero.data import from_arrays
from tfzero.data.rows import JoinedRows
from tfzero.pretrain import METHODS, find_method
from tfzero.pretrain.base import Pretrainer
from tfzero.study.planning.parts import CellSpec
from tfzero.study.records import RunFolder
from tfzero.study.stored import open_run
from tfzero.study.work.cell import run_cell
from tfzero.study.work.inputs import pool_for
from tfzero.study.work.pretraining import run_pretraining
from tfzero.transfer import STRATEGIES

ARMS = ["vae/selftrain", "gan/lpft"]
DATA = from_arrays(*draw_bars(80, seed=0))
OWN = build_small_encoder()


def plan_small(unlabeled_from, arms=ARMS):
    asked = {"label_counts": [8], "seeds": 1, "epochs": 1, "unlabeled_from": unlabeled_from}
    return make_plan(DATA, arms=arms, encoder=OWN, **asked)


def test_the_table_says_which_methods_generate():
    for name, method in METHODS.items():
        generates = find_method(name).generate is not Pretrainer.generate
        assert method.generates == generates, name


@pytest.mark.parametrize("source", ["pool", "generated", "both"])
def test_an_arm_trains_on_what_is_asked_for(source, tmp_path, monkeypatch):
    plan, run = plan_small(source), RunFolder(tmp_path)
    open_run(plan, DATA, run, encoder=OWN)
    key = run_pretraining(at(plan, run), "vae", 0)
    kept = run.encoders / f"{key}-generated.npy"
    assert kept.exists() == (source != "pool")
    given = []

    def take(self, task):
        given.append(task.pool)
        raise InputError("stop here")

    monkeypatch.setattr(type(STRATEGIES["selftrain"]), "fit", take)
    cell = CellSpec(arm="vae/selftrain", num_labels=8, replicate=0)
    with pytest.raises(InputError, match="stop here"):
        run_cell(at(plan, run), cell)
    count = len(DATA.pool)
    assert len(given[0]) == (2 * count if source == "both" else count)
    assert given[0].dtype == np.uint8 and given[0].shape[1:] == (8, 8, 1)
    if source != "pool":
        np.testing.assert_array_equal(given[0][-count:], np.load(kept))
        assert len({image.tobytes() for image in given[0][-count:]}) > count / 2
    if source != "generated":
        np.testing.assert_array_equal(given[0][:count], DATA.pool)


def test_generated_images_and_both_are_read_where_they_lie(tmp_path, monkeypatch):
    plan, run = plan_small("both"), RunFolder(tmp_path)
    open_run(plan, DATA, run, encoder=OWN)
    workspace = at(plan, run)
    made = np.arange(64 * 90, dtype=np.uint8).reshape(90, 8, 8, 1)
    np.save(workspace.generated_path("vae", 0), made)
    assert isinstance(workspace.load_generated("vae", 0), np.memmap)
    cell = CellSpec(arm="vae/selftrain", num_labels=8, replicate=0)
    whole = pool_for(workspace, cell)
    monkeypatch.setenv("TFZERO_MEMORY", "10KB")
    joined = pool_for(workspace, cell)
    assert isinstance(joined, JoinedRows)
    np.testing.assert_array_equal(np.asarray(joined), whole)


def test_generated_images_of_a_study_begun_before_are_read(tmp_path):
    plan, run = plan_small("generated"), RunFolder(tmp_path)
    open_run(plan, DATA, run, encoder=OWN)
    made = np.arange(64 * 90, dtype=np.uint8).reshape(90, 8, 8, 1)
    np.savez(run.encoders / f"{plan.pretraining_key('vae', 0)}-generated.npz", images=made)
    np.testing.assert_array_equal(at(plan, run).load_generated("vae", 0), made)


def test_only_what_depends_on_it_is_computed_anew():
    plan, other = plan_small("pool"), plan_small("generated")
    cells = {arm: CellSpec(arm=arm, num_labels=8, replicate=0) for arm in ARMS}
    assert plan.cell_key(cells["vae/selftrain"]) != other.cell_key(cells["vae/selftrain"])
    assert plan.cell_key(cells["gan/lpft"]) == other.cell_key(cells["gan/lpft"])
    assert plan.pretraining_key("vae", 0) != other.pretraining_key("vae", 0)
    assert plan.pretraining_key("gan", 0) == other.pretraining_key("gan", 0)


def test_the_control_of_an_arm_on_generated_images_reads_the_pool(tmp_path):
    plan, run = plan_small("generated"), RunFolder(tmp_path)
    assert "scratch/selftrain" in plan.arms
    open_run(plan, DATA, run, encoder=OWN)
    cell = CellSpec(arm="scratch/selftrain", num_labels=8, replicate=0)
    np.testing.assert_array_equal(pool_for(at(plan, run), cell), DATA.pool)


def test_an_init_that_makes_no_images_is_refused():
    plan_small("pool", ["scratch/selftrain"])
    with pytest.raises(
        InputError, match='"simclr/selftrain" cannot train on generated .* expected gan or vae'
    ):
        plan_small("both", ["simclr/selftrain"])
    for arms in (["pixels/label_spreading", "vae/lpft"], ["scratch/selftrain"]):
        with pytest.raises(InputError, match="no pretrained arm can train a network on generated"):
            plan_small("generated", arms)
    with pytest.raises(InputError, match='Unknown source of unlabeled images "pols"'):
        plan_small("pols")
