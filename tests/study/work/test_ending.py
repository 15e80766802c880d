import pytest

from tests.study.studies import SCRATCH, plan_study
from tfzero.common.arm import Arm
from tfzero.study.planning.parts import CellSpec
from tfzero.study.work.counted import Machine
from tfzero.study.work.ending import plan_training
from tfzero.study.work.estimate import Estimate, Kind, Seen

ARM = Arm.parse(SCRATCH)


@pytest.fixture
def plan():
    counts, arms = [20, 200], [SCRATCH, "pixels/svm"]
    return plan_study(num_images=6000, label_counts=counts, arms=arms, minutes=None)


def choose(plan, *, beside=0, cores=1, has_threads=False):
    """20 labels a second."""
    return plan_training(
        plan,
        lambda count: count / 20,
        lambda count: beside,
        cores=cores,
        has_threads=has_threads,
    )


def test_a_fifth_of_the_minutes_decides_how_many_labels_are_learnt_from(plan):
    given = plan.model_copy(update={"minutes": 4.0})  # 48 seconds, of which 8 are for the rest
    assert choose(plan).most == plan.data.num_train == 4200
    assert 700 < choose(given).most <= 800
    hasty = plan.model_copy(update={"minutes": 0.1})
    assert choose(hasty).most == 200  # what the study had anyway


def test_cores_are_shared_by_the_networks_that_are_trained(plan):
    one, two, four = (choose(plan, cores=n, has_threads=True) for n in (1, 2, 4))
    assert (one.threads, two.threads, four.threads) == (1, 2, 4)
    assert (one.seconds, four.seconds) == pytest.approx((210, 105))
    assert choose(plan, cores=4).threads == 1
    beside = choose(plan, cores=4, beside=1, has_threads=True)
    assert (beside.num_beside, beside.threads) == (1, 2)
    assert choose(plan, cores=2, beside=5).seconds == pytest.approx(3 * 210)
    # A short training takes longer in a process of its own.
    few = plan.model_copy(update={"data": plan.data.model_copy(update={"num_train": 400})})
    assert choose(few, cores=4, has_threads=True).threads == 1


def test_the_training_s_seconds_are_told_by_the_arm_s_cells_at_other_counts(plan):
    estimate = Estimate(Machine(speed=148.0, operations=300_000))
    counted = estimate.training(plan, ARM, 4200)
    cell = CellSpec(arm=ARM, num_labels=200, replicate=0)
    estimate.seen[Kind(SCRATCH, 200)] = {"a": Seen(3 * estimate.machine.cell(plan, cell), 0)}
    assert estimate.training(plan, ARM, 4200) == pytest.approx(3 * counted)
    assert counted > 0
