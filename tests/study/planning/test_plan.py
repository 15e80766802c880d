import dataclasses

import numpy as np
import pytest

from tests.study.studies import make_plan
from tfzero.common.checks import InputError
from tfzero.data import from_arrays
from tfzero.study.planning.arms import parse_arms
from tfzero.study.planning.difference import plan_difference
from tfzero.study.planning.families import control_of, list_families
from tfzero.study.planning.parts import CellSpec, TransferPlan
from tfzero.study.planning.plan import DEFAULT_ARMS


@pytest.fixture
def data():
    images = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1), np.uint8)
    return from_arrays(images, np.arange(60) % 3)


def test_arms_are_checked_and_the_nearest_is_named():
    assert parse_arms(["vae/lpft", "pixels/svm"]) == ("vae/lpft", "pixels/svm")
    with pytest.raises(InputError, match='Did you mean "vae/lpft"'):
        parse_arms(["vae/lptf"])
    with pytest.raises(InputError, match="INIT/STRATEGY"):
        parse_arms(["vae"])
    with pytest.raises(InputError, match="named twice"):
        parse_arms(["vae/lpft", "vae/lpft"])
    with pytest.raises(InputError, match="No arm"):
        parse_arms([])


def test_arms_by_default_compare_pretraining_with_scratch_and_with_baselines(data):
    plan = make_plan(data, label_counts=[6])
    assert plan.arms == DEFAULT_ARMS
    # Where no side of an image is up, there is no orientation to learn.
    upless = make_plan(data, label_counts=[6], kind="microscopy")
    assert upless.arms == tuple(arm for arm in DEFAULT_ARMS if arm.init != "rotation")
    named = make_plan(data, label_counts=[6], kind="microscopy", arms=["rotation/lpft"])
    assert named.pretraining["rotation"].kind == "microscopy"
    inits, strategies = ({arm.split("/")[part] for arm in plan.arms} for part in (0, 1))
    assert {"gan", "vae", "scratch", "scratch-long", "kmeans", "pixels"} <= inits
    assert {"finetune", "lpft", "selftrain", "spread_finetune", "svm"} <= strategies
    # Every pretrained arm that reads unlabeled images has its counterpart beside it.
    assert {control_of(arm) for arm in plan.arms} - {None} <= set(plan.arms)


def test_default_arms_have_one_that_can_train_on_generated_images(data):
    plan = make_plan(data, label_counts=[6], unlabeled_from="generated")
    assert "vae/selftrain" in plan.arms and "rotation/selftrain" not in plan.arms


def test_arms_that_read_unlabeled_images_bring_their_controls(data):
    asked = ["vae/selftrain", "vae/lpft", "gan/label_spreading", "kmeans/label_spreading"]
    plan = make_plan(data, arms=[*asked, "scratch/finetune"], label_counts=[6])
    controls = ("scratch/selftrain", "pixels/label_spreading")
    assert plan.arms == (*asked, "scratch/finetune", *controls)
    # Scratch, which saw labelled images alone, is no rival of pretrained arms that see others.
    families = {family.id: family.pairs for family in list_families(plan.arms)}
    assert families == {
        "pretraining": (("vae/lpft", "scratch/finetune"),),
        "unlabeled": tuple(
            (arm, "scratch/finetune")
            for arm in ("kmeans/label_spreading", "scratch/selftrain", "pixels/label_spreading")
        ),
        "rivals": (
            ("vae/selftrain", "scratch/selftrain"),
            ("gan/label_spreading", "pixels/label_spreading"),
        ),
    }
    again = make_plan(data, arms=plan.arms, label_counts=[6])
    assert again.arms == plan.arms


def test_pixels_go_with_no_strategy_that_trains_a_network():
    with pytest.raises(InputError, match="pixels/finetune"):
        parse_arms(["pixels/finetune"])


def test_keys_change_with_everything_that_decides_a_cell_and_nothing_else(data):
    plan = make_plan(data, label_counts=[6, 12], seeds=3)
    cell = CellSpec(arm="vae/lpft", num_labels=6, replicate=1)
    key = plan.cell_key(cell)
    assert key.startswith("vae-lpft-6-1-")
    longer = make_plan(data, label_counts=[6, 12], seeds=3, epochs=99)
    assert longer.cell_key(cell) != key
    scratch = CellSpec(arm="scratch/finetune", num_labels=6, replicate=1)
    # Pretraining does not decide a scratch cell, nor do more seeds or other arms decide any.
    assert longer.cell_key(scratch) == plan.cell_key(scratch)
    other = make_plan(data, arms=["vae/lpft"], label_counts=[6], seeds=9)
    assert other.cell_key(cell) == key
    keys = {plan.cell_key(each) for each in plan.cells()}
    # scratch-long runs at the largest count alone.
    assert len(keys) == len(plan.cells()) == (len(plan.arms) * 2 - 1) * 3


def test_another_encoder_architecture_changes_the_keys(data):
    import keras

    own = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()], name="own")
    cell = CellSpec(arm="scratch/finetune", num_labels=6, replicate=0)
    plain, changed = (
        make_plan(data, label_counts=[6]),
        make_plan(data, label_counts=[6], encoder=own),
    )
    assert plain.cell_key(cell) != changed.cell_key(cell)
    with pytest.raises(InputError, match="The encoder maps"):
        make_plan(data, encoder=keras.Sequential([keras.Input((9, 8, 1)), keras.layers.Flatten()]))


@pytest.mark.parametrize("asked", [{"seeds": 0}, {"epochs": 0}])
def test_counts_below_one_are_refused(data, asked):
    with pytest.raises(InputError, match="expected at least 1"):
        make_plan(data, **asked)


def test_balanced_subsets_have_cells_of_their_own(data):
    natural, balanced = (
        make_plan(dataclasses.replace(data, balanced=choice), label_counts=[6], seeds=3)
        for choice in (False, True)
    )
    assert balanced.data.balanced and not natural.data.balanced
    keys = [{plan.cell_key(cell) for cell in plan.cells()} for plan in (natural, balanced)]
    assert not keys[0] & keys[1]
    assert plan_difference(natural.to_json(), balanced.to_json()) == [
        "data.balanced: false there, true now"
    ]


def test_the_plans_of_earlier_recipes_are_read():
    common = {"steps": 5, "batch_size": 2, "augment": True, "kind": "digits"}
    common["class_weights"] = False
    assert TransferPlan.model_validate({**common, "round_steps": None}).unlabeled_steps is None
    assert TransferPlan.model_validate({**common, "round_steps": 40}).unlabeled_steps == 80
