"""Arms that go on with their pretraining's loss: what they get, and what is kept for them."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

from tests.conftest import build_small_encoder, draw_bars
from tests.pretrain.cases import Brightness
from tests.study.small import at
from tests.study.studies import make_plan
from tfzero.common.checks import InputError
from tfzero.data import from_arrays
from tfzero.pretrain import METHODS, VAE, register_method
from tfzero.study.planning.arms import Foreign, choose_arms, parse_arms
from tfzero.study.planning.families import RIVALS, list_families
from tfzero.study.planning.parts import CellSpec
from tfzero.study.records import RunFolder
from tfzero.study.stored import open_run
from tfzero.study.work.cell import run_cell
from tfzero.study.work.pretraining import run_pretraining
from tfzero.study.work.tasks import missing_pretraining
from tfzero.transfer import STRATEGIES

DATA = from_arrays(*draw_bars(80, seed=0))
OWN = build_small_encoder()


def plan_small(*arms):
    return make_plan(DATA, arms=arms, encoder=OWN, label_counts=[8], seeds=1, epochs=1)


def test_the_arm_goes_on_with_the_method_as_pretraining_left_it(tmp_path, monkeypatch):
    plan, run = plan_small("vae/joint", "vae/lpft"), RunFolder(tmp_path)
    open_run(plan, DATA, run, encoder=OWN)
    workspace = at(plan, run)
    run_pretraining(workspace, "vae", 0)
    given = []

    def take(self, task):
        given.append(task)
        raise InputError("stop here")

    monkeypatch.setattr(type(STRATEGIES["joint"]), "fit", take)
    with pytest.raises(InputError, match="stop here"):
        run_cell(workspace, CellSpec(arm="vae/joint", num_labels=8, replicate=0))
    [task] = given
    assert isinstance(task.objective, VAE)
    np.testing.assert_array_equal(task.pool, DATA.pool)
    encoder = workspace.load_encoder("vae", 0)
    for ours, theirs in zip(
        task.objective.encoder.get_weights(), encoder.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    decoder, fresh = task.objective.decoder, VAE(encoder).decoder
    assert np.abs(decoder.get_weights()[0] - fresh.get_weights()[0]).max() > 0


def test_the_method_is_kept_where_an_arm_goes_on_with_it_and_made_again_where_it_is_lost(tmp_path):
    plan, run = plan_small("vae/lpft", "denoising/joint"), RunFolder(tmp_path)
    open_run(plan, DATA, run, encoder=OWN)
    workspace = at(plan, run)
    assert len(missing_pretraining(workspace)) == 2
    for word in ("vae", "denoising"):
        run_pretraining(workspace, word, 0)
    assert missing_pretraining(workspace) == []
    assert not workspace.method_path("vae", 0).exists()
    first = workspace.load_encoder("denoising", 0).get_weights()
    workspace.method_path("denoising", 0).unlink()
    assert missing_pretraining(workspace) == [("denoising", 0)]
    run_pretraining(workspace, "denoising", 0)
    for ours, theirs in zip(
        first, workspace.load_encoder("denoising", 0).get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


_LOAD = """
import pathlib, pickle, sys
workspace = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes())
print(type(workspace.load_method("vae", 0)).__name__)
"""


def test_a_process_that_never_saw_the_method_loads_it(tmp_path):
    plan, run = plan_small("vae/joint"), RunFolder(tmp_path)
    open_run(plan, DATA, run, encoder=OWN)
    workspace = at(plan, run)
    run_pretraining(workspace, "vae", 0)
    (tmp_path / "workspace").write_bytes(pickle.dumps(workspace))
    command = [sys.executable, "-c", _LOAD, str(tmp_path / "workspace")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout == "VAE\n", done.stderr


def test_an_arm_that_is_added_shares_the_encoder():
    alone, both = plan_small("vae/lpft"), plan_small("vae/lpft", "vae/joint")
    assert alone.pretraining_key("vae", 0) == both.pretraining_key("vae", 0)


def test_it_is_compared_with_self_training_from_scratch():
    arms = choose_arms(["scratch/finetune", "gan/joint"], foreign=Foreign())
    assert "scratch/selftrain" in arms
    [rivals] = [family for family in list_families(arms) if family.id == RIVALS]
    assert ("gan/joint", "scratch/selftrain") in rivals.pairs


@pytest.mark.parametrize("arm", ["scratch/joint", "pixels/joint", "kmeans/joint"])
def test_an_init_without_a_loss_of_its_own_is_refused(arm):
    with pytest.raises(InputError, match="The strategy joint needs a method as its init"):
        parse_arms([arm])


def test_a_method_from_outside_joins_only_if_it_says_how():
    key = register_method(Brightness)
    try:
        with pytest.raises(InputError, match=f'Unknown arm "{key}/joint"'):
            parse_arms([f"{key}/joint"])
    finally:
        METHODS.pop(key)
