import sys
import time

import pytest

from tests.study.studies import SCRATCH, plan_study
from tfzero.common.arm import Arm
from tfzero.study.planning.parts import CellSpec
from tfzero.study.work.counted import Machine, probe_speed, shares_once
from tfzero.transfer.budget import round_to_calls
from tfzero.transfer.strategies.base import Training

# Reads an image in a second, and needs no time for anything else that is counted.
SLOW = Machine(speed=1e9, operations=int(0.6e18 / 2))
NETWORK = Arm("scratch", "finetune")


def cell(arm, num_labels=6, replicate=0):
    return CellSpec(arm=Arm.parse(arm), num_labels=num_labels, replicate=replicate)


@pytest.fixture
def plan():
    return plan_study(arms=["gan/lpft", "vae/lpft", SCRATCH, "scratch-long/finetune"], epochs=10)


def test_the_machine_is_probed_in_half_a_second():
    start = time.perf_counter()
    assert 1 < probe_speed() < 10_000
    assert time.perf_counter() - start < 2


def test_trainings_by_hand(plan):
    assert SLOW.training(Training(10, 32), NETWORK) == pytest.approx(3 * 10 * 32)
    # Twice as slow a machine takes twice as long, whatever for.
    fast, half = Machine(speed=100.0), Machine(speed=50.0)
    for each in (cell("vae/lpft"), cell("scratch/selftrain"), cell("pixels/svm")):
        assert half.cell(plan, each) == pytest.approx(2 * fast.cell(plan, each))
    assert half.pretraining(plan, "vae") == pytest.approx(2 * fast.pretraining(plan, "vae"))


def test_a_cell_reads_its_own_and_the_test_images(plan):
    settings = plan.transfer[6]
    trained = 3 * settings.steps * settings.batch_size
    read = plan.data.num_test + 6
    assert SLOW.cell(plan, cell(SCRATCH)) == pytest.approx(trained + read, rel=1e-6)
    extra = SLOW.cell(plan, cell("scratch-long/finetune")) - SLOW.cell(plan, cell(SCRATCH))
    steps = round_to_calls(settings.steps + plan.extra_steps[6]) - settings.steps
    assert extra == pytest.approx(3 * steps * settings.batch_size)


def test_a_method_costs_what_was_measured_of_it(plan):
    from tfzero.pretrain import METHODS

    for word in ("gan", "vae"):
        images = METHODS[word].relative_cost * 10 * plan.data.num_pool
        assert SLOW.pretraining(plan, word) == pytest.approx(3 * images, rel=1e-4)


def test_what_the_cells_of_an_encoder_share_is_divided_among_them(plan):
    probe = cell("vae/probe")
    read = plan.data.num_test + 12  # features of the largest subset, by both label counts
    alone = plan.data.num_test + 6
    assert SLOW.cell(plan, probe) == pytest.approx(read / 2 + alone, rel=1e-6)
    arms = ["pixels/label_spreading", "scratch/spread_finetune", "file/svm"]
    assert all(shares_once(Arm.parse(arm)) for arm in arms)
    assert not shares_once(Arm.parse("kmeans/label_spreading")) and not shares_once(NETWORK)
    # All replicates of a taught network share its teacher's graph.
    assert shares_once(Arm.parse("distillation/spread_distill"))
    assert not shares_once(Arm.parse("distillation/lpft"))


def test_a_look_at_networks_is_paid_once(plan):
    most = max(plan.label_counts)
    assert SLOW.once(plan, cell("vae/lpft", most)) > plan.data.num_test
    for other in (cell("vae/lpft", most, 1), cell("vae/lpft"), cell("pixels/svm", most)):
        assert SLOW.once(plan, other) < 1e-3


def test_many_labels_do_not_make_the_choice_longer(plan):
    few = Machine(speed=148.0)._whole_fit(Arm.parse("kmeans/svm"), 2000, 2000)
    many = Machine(speed=148.0)._whole_fit(Arm.parse("kmeans/svm"), 8000, 2000)
    # By the power 1.5; of 8,000 labels 2,000 make the choice, and one of 25 fits reads them all.
    assert few == pytest.approx(6 * 2**1.5) and many == pytest.approx(few + few * 8 / 25)


def test_a_plan_is_counted_without_tensorflow():
    import subprocess

    code = "import sys, tfzero.study.work.counted; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_pool_is_read_by_what_decides_what_is_near(plan):
    machine, count = Machine(speed=100.0, operations=1000), plan.data.num_pool
    # 5 x 5 places of 4 x 4 pixels in images of 8 x 8, each compared with 100 centroids.
    patches = machine._products(count * 25 * 16 * 100)
    network = machine._reading(Arm.parse("vae/lpft"), count)

    def read(arm):
        return machine._read_nearness(plan, Arm.parse(arm))

    assert patches > 0 and read("scratch/spread_finetune") == pytest.approx(patches)
    assert read("vae/spread_finetune") == pytest.approx(patches + network)
    assert read("vae/label_spreading") == pytest.approx(network)
    assert read("pixels/label_spreading") == 0
