import pytest

from tests.study.small import at, open_small_run
from tests.study.studies import SCRATCH, plan_study
from tfzero.common.checks import InputError
from tfzero.study.minutes import _spare_arms, _with, fit_minutes
from tfzero.study.planning.plan import CellSpec
from tfzero.study.work import timing as timed
from tfzero.study.work.estimate import NETWORK, Estimate, Timing, estimate_plan, timed_kinds

ESTIMATE = Estimate(
    {
        "vae": Timing(seconds_per_step=1.0),
        "gan": Timing(seconds_per_step=3.0),
        NETWORK: Timing(seconds_per_step=0.1, seconds_per_large_step=0.15),
        "pixels/svm": Timing(fits=((6, 0.1), (12, 0.2))),
    }
)


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
    with pytest.raises(InputError, match="0.5 minutes do not suffice.*3 seeds.*`minutes=3`"):
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


def test_expected_seconds_by_hand(plan):
    vae = 0.7 + 10 * 2 * 1.0  # 63 images in batches of 63: see the plan
    per_epoch = -(-plan.data.num_pool // plan.pretraining["vae"].batch_size)
    assert ESTIMATE.pretraining(plan, "vae") == pytest.approx(0.7 + 10 * per_epoch * 1.0)
    assert ESTIMATE.pretraining(plan, "vae") <= vae
    cell = CellSpec(arm=SCRATCH, num_labels=6, replicate=0)
    assert ESTIMATE.cell(plan, cell) == pytest.approx(0.15 + plan.transfer[6].steps * 0.1)
    probe = CellSpec(arm="scratch/probe", num_labels=6, replicate=0)
    assert ESTIMATE.cell(plan, probe) == pytest.approx(0.15)
    long = CellSpec(arm="scratch-long/finetune", num_labels=6, replicate=0)
    extra = plan.extra_steps[6]
    assert extra > 0
    assert ESTIMATE.cell(plan, long) - ESTIMATE.cell(plan, cell) == pytest.approx(extra * 0.1)
    # The network that is exported is trained on all labels, at another batch size.
    few, large = plan.transfer[12], plan_study(num_images=3000).transfer[2100]
    assert large.batch_size == 2 * few.batch_size
    of_large = plan.model_copy(update={"transfer": {12: few, plan.data.num_train: large}})
    inits = {arm.partition("/")[0] for arm in plan.arms} - {"scratch-long"}
    seconds = 9 + 2 * len(inits) + large.steps * 0.15  # each init has a map in the report
    assert ESTIMATE.ending(of_large, workers=1) == pytest.approx(seconds)
    # Twice the labels took twice as long; four times take four times.
    svm = CellSpec(arm="pixels/svm", num_labels=12, replicate=0)
    assert ESTIMATE.cell(plan, svm) == pytest.approx(0.15 + 0.2)


def test_a_graph_is_shared_by_the_cells_of_its_encoder(plan):
    timing = Timing(seconds_per_step=60.0, fits=((12, 2.0),))
    inits = ("pixels", "scratch", "vae")
    arms = [f"{init}/label_spreading" for init in inits]
    estimate = Estimate({arm: timing for arm in arms})
    plan = plan_study(arms=arms, seeds=10, encoders=5)
    # 20 cells an arm; pixels have one graph, 10 random and 5 pretrained encoders one each.
    for arm, graphs in zip(arms, (1, 10, 5), strict=True):
        cell = CellSpec(arm=arm, num_labels=6, replicate=0)
        assert estimate.cell(plan, cell) == pytest.approx(0.15 + 2.0 + 60.0 * graphs / 20)


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


def test_no_more_than_so_many_labels_are_timed(tmp_path, monkeypatch):
    monkeypatch.setattr(timed, "_MOST_TIMED_LABELS", 12)
    plan, run = open_small_run(tmp_path, arms=["pixels/svm"], label_counts=(40,))
    kind, timing = timed.time_kind(at(plan, run), "pixels/svm")
    assert [labels for labels, _ in timing.fits] == [12]


def test_networks_trained_on_spread_labels_pay_for_their_graph(plan):
    arms = ["scratch/spread_finetune", "vae/spread_finetune"]
    timing = Timing(seconds_per_step=60.0, fits=((12, 2.0),))
    plan = plan_study(arms=arms, seeds=10, encoders=5)
    assert timed_kinds(plan) == ["vae", NETWORK, *arms]
    for arm, graphs in zip(arms, (1, 5), strict=True):
        cell = CellSpec(arm=arm, num_labels=6, replicate=0)
        without, with_graph = (Estimate(t).cell(plan, cell) for t in ({}, {arm: timing}))
        assert with_graph - without == pytest.approx(2.0 + 60.0 * graphs / 20)


def test_many_labels_do_not_make_the_choice_longer():
    plan = plan_study(arms=["kmeans/svm"])
    [settings, *_] = plan.transfer.values()
    many = {"transfer": {2000: settings, 20_000: settings}, "extra_steps": {2000: 0, 20_000: 0}}
    plan = plan.model_copy(update=many)
    estimate = Estimate({"kmeans/svm": Timing(fits=((500, 1.0), (1000, 4.0)))})
    seconds = [
        estimate.cell(plan, CellSpec(arm="kmeans/svm", num_labels=count, replicate=0)) - 0.15
        for count in (2000, 20_000)
    ]
    # By the square; of 20,000 labels 2,000 make the choice, and one of 25 fits reads them all.
    assert seconds == [pytest.approx(16.0), pytest.approx(16.0 + 1600 / 25)]


def test_more_workers_end_sooner_but_not_before_the_longest_job(plan):
    one, two, many = (estimate_plan(plan, ESTIMATE, workers=n) for n in (1, 2, 1000))
    assert one > two > many
    assert many >= ESTIMATE.pretraining(plan, "gan") + ESTIMATE.cell(plan, plan.cells()[0])


def test_only_what_the_plan_needs_is_timed(plan):
    assert timed_kinds(plan) == ["gan", "vae", NETWORK, "pixels/svm"]
    assert timed_kinds(plan_study(arms=["pixels/svm"])) == ["pixels/svm"]
