import pytest

from tests.study.studies import SCRATCH, plan_study
from tfzero.common.checks import InputError
from tfzero.study.minutes import _spare_arms, _with, fit_minutes
from tfzero.study.work.counted import Machine
from tfzero.study.work.estimate import Estimate, estimate_plan

# So slow that what every study has at its end takes no part of the time.
ESTIMATE = Estimate(Machine(speed=1.0))


@pytest.fixture
def plan():
    arms = ["gan/lpft", "vae/lpft", SCRATCH, "pixels/svm"]
    return plan_study(arms=arms, seeds=10, epochs=10)


def minutes_of(plan):
    return estimate_plan(plan, ESTIMATE, workers=2) / 60


def fit(plan, minutes):
    return fit_minutes(plan, ESTIMATE, minutes=minutes, workers=2)


def test_a_study_that_fits_is_left_alone(plan):
    assert fit(plan, minutes_of(plan) + 0.1) == plan


def test_seeds_go_first_then_arms_then_label_counts_and_all_is_named(plan):
    whole = minutes_of(plan)
    fewer = fit(plan, 0.7 * whole)
    assert 5 <= fewer.seeds < 10 and fewer.arms == plan.arms
    assert fewer.dropped == (f"{10 - fewer.seeds} of 10 seeds",)
    assert minutes_of(fewer) <= 0.7 * whole
    without = fit(plan, 0.45 * whole)
    # The most expensive arm, with its pretraining; scratch and one transfer arm stay.
    assert without.arms == ("vae/lpft", SCRATCH, "pixels/svm")
    # What that spares goes to the seeds, as many as fit.
    assert 5 < without.seeds < 10 and minutes_of(without) <= 0.45 * whole
    more = _with(without, seeds=without.seeds + 1)
    assert minutes_of(more) > 0.45 * whole
    assert set(without.pretraining) == {"vae"}
    assert without.family == (("vae/lpft", 6), ("vae/lpft", 12))
    assert "arm gan/lpft" in without.dropped
    least = plan_study(arms=["vae/lpft", SCRATCH], label_counts=[6], seeds=5, epochs=10)
    smallest = fit(plan, minutes_of(least))
    assert set(smallest.arms) == {"vae/lpft", SCRATCH} and smallest.label_counts == (6,)
    assert {"arm pixels/svm", "12 labels", "arm gan/lpft", "5 of 10 seeds"} == set(smallest.dropped)


def test_it_does_not_go_under_three_encoders(plan):
    least = plan_study(arms=["vae/lpft", SCRATCH], label_counts=[6], seeds=3, epochs=10)
    assert fit(plan, minutes_of(least) + 1e-6).seeds == 3
    with pytest.raises(InputError, match="0.5 minutes do not suffice.*3 seeds.*`minutes=15`"):
        fit(plan, 0.5)


def test_few_seeds_asked_for_are_kept_while_arms_are_dropped():
    arms = ["gan/lpft", "vae/lpft", SCRATCH, "pixels/svm"]
    plan = plan_study(arms=arms, seeds=3, epochs=10)
    smaller = fit(plan, 0.6 * minutes_of(plan))
    assert smaller.seeds == 3 and "arm gan/lpft" in smaller.dropped


def test_what_is_kept_has_the_keys_of_the_whole_plan(plan):
    small = fit(plan, 0.35 * minutes_of(plan))
    assert {small.cell_key(cell) for cell in small.cells()} < {
        plan.cell_key(cell) for cell in plan.cells()
    }


def test_scratch_trains_for_no_more_than_the_pretraining_that_is_left():
    arms = ["gan/lpft", "vae/lpft", SCRATCH, "scratch-long/finetune"]
    plan = plan_study(arms=arms, seeds=5, epochs=10)
    smaller = _with(plan, without="gan/lpft")
    alone = plan_study(arms=["vae/lpft", SCRATCH, "scratch-long/finetune"], seeds=5, epochs=10)
    assert smaller.extra_steps == alone.extra_steps
    assert smaller.extra_steps[6] < plan.extra_steps[6]
    # Of a study without any pretraining, what it might have cost.
    baselines = plan_study(arms=[SCRATCH, "scratch-long/finetune", "pixels/svm"], epochs=10)
    assert _with(baselines, without="pixels/svm").extra_steps == baselines.extra_steps


def test_controls_stay_as_long_as_what_they_control():
    plan = plan_study(arms=["vae/selftrain", SCRATCH, "pixels/svm"], seeds=5, epochs=10)
    assert "scratch/selftrain" in plan.arms
    assert _spare_arms(plan) == ["pixels/svm"]
