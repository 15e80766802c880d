import pytest

from tests.study.studies import SCRATCH, plan_study
from tfzero.common.checks import InputError
from tfzero.study.minutes import fit_minutes, kept_arms, settle_seeds
from tfzero.study.planning.plan import DEFAULT_ARMS
from tfzero.study.planning.resolve import resize_plan
from tfzero.study.work.counted import Machine
from tfzero.study.work.estimate import Estimate, estimate_plan

# So slow that what every study has at its end takes no part of the time.
ESTIMATE = Estimate(Machine(speed=1.0))
NO_NETWORK = {"kmeans/svm", "kmeans/label_spreading", "pixels/svm"}


@pytest.fixture(scope="module")
def plan():
    return plan_study(arms=None, seeds=10)


def minutes_of(plan):
    return estimate_plan(plan, ESTIMATE, workers=2) / 60


def fit(plan, minutes, **others):
    return fit_minutes(plan, ESTIMATE, minutes=minutes, workers=2, **others)


def resize(plan, seeds):
    return resize_plan(plan, arms=plan.arms, label_counts=plan.label_counts, seeds=seeds)


def test_a_study_that_fits_is_left_alone(plan):
    fitted = fit(plan, minutes_of(plan) + 0.1)
    assert fitted == plan.model_copy(update={"provisional": True})


def test_with_less_time_there_are_fewer_seeds_before_fewer_arms(plan):
    fewer = fit(plan, 0.8 * minutes_of(plan))
    assert 5 <= fewer.seeds < 10 and fewer.arms == plan.arms
    assert fewer.dropped == (f"{10 - fewer.seeds} of 10 seeds",)
    assert minutes_of(fewer) <= 0.8 * minutes_of(plan) < minutes_of(resize(fewer, fewer.seeds + 1))


def test_arms_are_added_as_far_as_they_fit_and_the_others_are_named(plan):
    minutes = 0.3 * minutes_of(plan)
    fitted = fit(plan, minutes)
    assert minutes_of(fitted) <= minutes and fitted.seeds >= 5
    missing = set(plan.arms) - set(fitted.arms)
    assert missing and {f"arm {arm}" for arm in missing} <= set(fitted.dropped)
    assert fitted.arms == tuple(arm for arm in plan.arms if arm in fitted.arms)
    # Twice the time holds more of what tells something.
    assert set(fitted.arms) < set(fit(plan, 2 * minutes).arms)


def test_pretraining_is_shortened_before_an_arm_is_dropped():
    plan = plan_study(arms=None, seeds=5, num_images=30_000)  # it takes most of the time
    whole = minutes_of(plan)
    shares = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
    shortened = [f for f in (fit(plan, share * whole) for share in shares) if is_short(f)]
    assert shortened
    for fitted in shortened:
        for word, settings in fitted.pretraining.items():
            epochs = getattr(plan.pretraining[word], "epochs", 4)
            assert getattr(settings, "epochs", 4) >= epochs // 4
    # Passes that were asked for stay.
    assert not any(is_short(fit(plan, share * whole, shorten=False)) for share in shares)


def is_short(plan):
    return "epochs of" in " ".join(plan.dropped)


def test_what_has_to_be_in_stays_however_little_time_there_is(plan):
    least = fit(plan, 1e-3)
    assert least.seeds == 3 and NO_NETWORK | {SCRATCH} < set(least.arms)
    pretrained = [arm for arm in least.arms if arm in ("vae/lpft", "gan/lpft", "rotation/lpft")]
    # One that generates images, and the cheapest if that is another.
    assert 1 <= len(pretrained) <= 2 and {"vae/lpft", "gan/lpft"} & set(pretrained)
    assert minutes_of(least) > 1e-3


def test_what_was_asked_for_by_name_is_never_dropped():
    arms = ["gan/lpft", "vae/lpft", SCRATCH, "scratch/selftrain"]
    plan = plan_study(arms=arms, seeds=10)
    kept = kept_arms(plan.arms, arms)
    assert kept == list(plan.arms)
    assert fit(plan, 1e-3, kept=kept).arms == plan.arms
    # Of the default arms nothing was; of a source's, all.
    assert kept_arms(DEFAULT_ARMS, None) == []
    assert kept_arms((*DEFAULT_ARMS, "file/lpft"), None) == ["file/lpft"]


def test_few_seeds_asked_for_are_kept_while_arms_are_dropped(plan):
    few = resize(plan, 3)
    smaller = fit(few, 0.4 * minutes_of(few))
    assert smaller.seeds == 3 and len(smaller.arms) < len(plan.arms)


def test_what_is_kept_has_the_keys_of_the_whole_plan(plan):
    small = fit(plan, 0.35 * minutes_of(plan), shorten=False)
    same = [arm for arm in small.arms if arm != "scratch-long/finetune"]
    assert {small.cell_key(cell) for cell in small.cells() if cell.arm in same} < {
        plan.cell_key(cell) for cell in plan.cells()
    }


def test_scratch_trains_for_no_more_than_the_pretraining_that_is_left():
    arms = ["gan/lpft", "vae/lpft", SCRATCH, "scratch-long/finetune"]
    plan = plan_study(arms=arms, seeds=5, epochs=10)
    counts = plan.label_counts

    def without(plan, name):
        arms = tuple(arm for arm in plan.arms if arm != name)
        return resize_plan(plan, arms=arms, label_counts=counts, seeds=plan.seeds)

    smaller = without(plan, "gan/lpft")
    alone = plan_study(arms=["vae/lpft", SCRATCH, "scratch-long/finetune"], seeds=5, epochs=10)
    assert smaller.extra_steps == alone.extra_steps
    assert smaller.extra_steps[12] < plan.extra_steps[12]
    # With less pretraining, too.
    short = {word: each.shorten(0.5) for word, each in plan.pretraining.items()}
    shorter = resize_plan(plan, arms=plan.arms, label_counts=counts, seeds=5, pretraining=short)
    assert shorter.extra_steps[12] == pytest.approx(plan.extra_steps[12] / 2, abs=1)
    # Of a study without any pretraining, what it might have cost.
    baselines = plan_study(arms=[SCRATCH, "scratch-long/finetune", "pixels/svm"], epochs=10)
    assert without(baselines, "pixels/svm").extra_steps == baselines.extra_steps


def test_controls_come_with_what_they_control(plan):
    for share in (0.2, 0.4, 0.6, 0.8):
        arms = fit(plan, share * minutes_of(plan)).arms
        assert "rotation/selftrain" not in arms or "scratch/selftrain" in arms


@pytest.mark.parametrize(
    ("asked", "minutes"), [({}, 30.0), ({"minutes": 5}, 5.0), ({"minutes": None}, None)]
)
def test_minutes_have_a_default_and_none_lifts_it(asked, minutes):
    assert plan_study(**asked).minutes == minutes


@pytest.mark.parametrize("minutes", [0, -2, float("inf"), float("nan")])
def test_minutes_that_are_no_time_are_refused(minutes):
    with pytest.raises(InputError, match="`minutes` is .*; expected a positive number"):
        plan_study(minutes=minutes)


def settle(plan, asked, *, seconds, per_seed=10.0):
    return settle_seeds(plan, asked, lambda each: per_seed * (each.seeds - 3), seconds=seconds)


def test_once_the_first_seeds_were_timed_as_many_are_planned_as_fit(plan):
    guess = resize(plan, 5).model_copy(update={"provisional": True, "dropped": ("5 of 10 seeds",)})
    more = settle(guess, plan, seconds=45)  # four more
    assert (more.looks, more.provisional) == ((3, 5, 7), False)
    assert more.dropped == ("3 of 10 seeds",)
    whole = settle(guess, plan, seconds=1000)
    assert whole.looks == plan.looks and whole.dropped == ()
    # What was done is not dropped, and a verdict takes three.
    assert settle(guess, plan, seconds=-5).looks == (3,)
    # Dropped arms stay dropped, and are named.
    fewer = guess.model_copy(update={"arms": plan.arms[:-1]})
    assert settle(fewer, plan, seconds=1000).dropped == (f"arm {plan.arms[-1]}",)


def test_encoders_that_a_first_guess_left_out_come_back(plan):
    asked = plan.model_copy(update={"encoders": 5})
    guess = resize(asked, 3)
    assert guess.encoders == 3
    assert settle(guess, asked, seconds=1000).encoders == 5
    assert settle(guess, asked, seconds=10).encoders == 4
    assert settle(resize(plan, 3), plan, seconds=10).encoders is None


def test_pretraining_of_what_has_to_be_in_is_shortened_where_it_would_not_fit():
    plan = plan_study(arms=None, seeds=3, num_images=3000)
    least = fit(plan, 1e-3)  # what has to be in, as short as it gets
    assert is_short(least)
    whole = {word: plan.pretraining[word] for word in least.pretraining}
    assert least.pretraining == {word: each.shorten(0.25) for word, each in whole.items()}
    assert minutes_of(least) < minutes_of(least.model_copy(update={"pretraining": whole}))
    fitted = fit(plan, minutes_of(least) * 1.02)
    assert minutes_of(fitted) <= minutes_of(least) * 1.02
    assert fit(plan, 1e-3, shorten=False).pretraining == whole
