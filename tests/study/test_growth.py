import numpy as np
import pytest

from tests.study.small import at
from tests.study.studies import SCRATCH, plan_study
from tfzero.common.arm import Arm
from tfzero.common.files import write_arrays, write_json
from tfzero.study.growth import Growth, read_growth, take_look
from tfzero.study.planning.resolve import add_to_plan
from tfzero.study.records import RunFolder

VAE, GAN, BASELINE, SVM = (
    Arm("vae", "lpft"),
    Arm("gan", "lpft"),
    Arm.parse(SCRATCH),
    Arm("pixels", "svm"),
)
ARMS = [VAE, GAN, BASELINE, SVM]


def make_growth(*taken, seeds=10, extensions=(), **asked):
    plan = plan_study(arms=ARMS, seeds=seeds, **asked)
    for total in extensions:
        plan = plan.extended(total)
    return Growth(plan, tuple(taken))


def look(number, seeds, *, still=(VAE, GAN, BASELINE, SVM), stops=False):
    return {
        "number": number,
        "seeds": seeds,
        "comparisons": [],
        "open": list(still),
        "stops": stops,
    }


def seeds_of(growth):
    return [growth.seeds_of(arm) for arm in ARMS]


def test_a_study_begins_with_the_first_looks_seeds():
    growth = make_growth()
    assert growth.plan.looks == (3, 5, 7, 10)
    assert growth.next_number == 1 and growth.seeds == 3 and seeds_of(growth) == [3] * 4
    assert len(growth.cells()) == 3 * 4 * 2


def test_only_open_arms_get_more_seeds():
    growth = make_growth(look(1, 3, still=[VAE, BASELINE, SVM]))
    assert growth.next_number == 2 and seeds_of(growth) == [5, 3, 5, 5]
    later = make_growth(look(1, 3, still=[VAE, BASELINE, SVM]), look(2, 5, still=[BASELINE, SVM]))
    assert later.next_number == 3 and seeds_of(later) == [5, 3, 7, 7]
    # Replicate by replicate: early results are of all arms.
    order = [cell.replicate for cell in later.cells()]
    assert order == sorted(order)


def test_what_may_still_be_asked_for_is_of_open_arms():
    def most(growth):
        cells = growth.possible_cells()
        return [max(c.replicate for c in cells if c.arm == arm) + 1 for arm in ARMS]

    assert most(make_growth()) == [10] * 4
    assert most(make_growth(look(1, 3, still=[VAE, BASELINE, SVM]))) == [10, 3, 10, 10]
    assert most(make_growth(look(1, 3, stops=True))) == [3] * 4


def test_a_study_that_stopped_asks_for_nothing_more():
    growth = make_growth(look(1, 3), look(2, 5, still=[VAE, BASELINE], stops=True))
    assert growth.next_number is None and growth.seeds == 5 and seeds_of(growth) == [5] * 4
    ended = make_growth(look(1, 3), look(2, 4), seeds=4)
    assert ended.next_number is None and seeds_of(ended) == [4] * 4


def test_added_seeds_are_of_all_arms_and_have_a_look_of_their_own():
    stopped = look(1, 3, still=[VAE, BASELINE], stops=True)
    growth = make_growth(stopped, extensions=[6])
    assert growth.next_number == 5 and growth.seeds == 6 and seeds_of(growth) == [6] * 4
    assert growth.look().is_extension
    done = make_growth(stopped, look(5, 6, still=[VAE]), extensions=[6])
    assert done.next_number is None and seeds_of(done) == [6] * 4 and done.seeds == 6
    again = make_growth(stopped, look(5, 6, still=[VAE]), extensions=[6, 8])
    assert again.next_number == 6 and seeds_of(again) == [8] * 4


def test_without_early_stop_there_is_one_look():
    growth = make_growth(early_stop=False)
    assert growth.plan.looks == (10,) and growth.seeds == 10


def test_what_is_added_after_a_look_is_judged_from_the_next_seeds_on():
    denoising = Arm("denoising", "lpft")
    plan = plan_study(arms=ARMS, seeds=10)
    wider = plan_study(arms=[*ARMS, denoising], label_counts=[6, 12, 24], seeds=10)
    stopped = look(1, 3, still=[VAE, BASELINE], stops=True)
    grown = add_to_plan(plan, wider, [denoising], looked=True)
    growth = Growth(grown, (stopped,))
    assert growth.next_number is None and growth.seeds_of(denoising) == 3
    # The new arm at all counts, the others at the new one.
    new = set(growth.cells()) - set(Growth(plan, (stopped,)).cells())
    assert len(new) == 3 * 3 + 3 * 4
    assert grown.judged_at(1).arms == plan.arms and grown.judged_at(1).label_counts == (6, 12)
    later = grown.extended(6)
    assert later.judged_at(5).arms == grown.arms and later.judged_at(5).label_counts == (6, 12, 24)
    assert Growth(later, (stopped,)).seeds_of(denoising) == 6
    # Records keep their keys.
    assert {plan.cell_key(c) for c in plan.cells()} < {grown.cell_key(c) for c in grown.cells()}
    # Before any look, it is as if it had been asked for at first.
    early = add_to_plan(plan, wider, [denoising], looked=False)
    assert early.judged_at(1).arms == early.arms and not early.added_arms


def test_controls_come_with_the_arms_that_are_added_and_what_was_dropped_does_not():
    plan = plan_study(arms=[VAE, BASELINE], seeds=5)
    selftrain = Arm("vae", "selftrain")
    wider = plan_study(arms=[VAE, BASELINE, GAN, selftrain], seeds=5)
    plan = plan.model_copy(update={"dropped": ("arm gan/lpft", "arm vae/selftrain")})
    grown = add_to_plan(plan, wider, [selftrain], looked=False)
    assert grown.arms == (VAE, BASELINE, selftrain, Arm("scratch", "selftrain"))
    assert grown.dropped == ("arm gan/lpft",)


class Cells:
    """A run folder with made-up answers: of `accuracy` percent, nearly the same in every seed."""

    def __init__(self, folder, accuracy, **asked):
        self.plan = plan_study(arms=ARMS, num_images=3000, **asked)
        self.run = RunFolder(folder)
        self.run.create()
        self.classes = np.arange(600) % 3
        np.save(self.run.test_labels, self.classes)
        self.accuracy = accuracy
        self.workspace = at(self.plan, self.run)

    def fill(self, growth):
        for cell in growth.cells():
            generator = np.random.default_rng([cell.replicate, ARMS.index(cell.arm)])
            right = generator.random(600) < self.accuracy[cell.arm] / 100
            answers = np.where(right, self.classes, (self.classes + 1) % 3)
            key = self.plan.cell_key(cell)
            write_arrays(self.run.cells / f"{key}.npz", probabilities=np.eye(3)[answers])
            write_json(self.run.cells / f"{key}.json", {"key": key, "cost": {"seconds": 2.0}})

    def grow(self):
        growth = read_growth(self.workspace)
        while growth.next_number is not None:
            self.fill(growth)
            growth = take_look(self.workspace, growth)
        return growth


def test_a_clear_win_stops_the_study_at_its_first_look(tmp_path):
    cells = Cells(tmp_path, {VAE: 95, GAN: 70, BASELINE: 70, SVM: 80}, seeds=10)
    growth = cells.grow()
    assert [record["number"] for record in growth.taken] == [1] and growth.seeds == 3
    assert growth.taken[0]["stops"]
    # Taken again, it says the same, byte by byte.
    path = cells.run.looks / "1.json"
    before = path.read_bytes()
    path.unlink()
    assert cells.grow() == growth and path.read_bytes() == before


def test_a_settled_arm_gets_no_more_seeds_and_the_others_go_on(tmp_path):
    cells = Cells(tmp_path, {VAE: 71, GAN: 40, BASELINE: 70, SVM: 80}, seeds=5)
    growth = cells.grow()
    first = growth.taken[0]
    assert not first["stops"] and set(first["open"]) == {VAE, BASELINE, SVM}
    assert seeds_of(growth) == [5, 3, 5, 5] and growth.next_number is None
    # What the first look claimed stands at the second.
    worse = [e for e in growth.taken[1]["comparisons"] if e["arm"] == GAN]
    assert {entry["outcome"] for entry in worse} == {"worse"} and worse[0]["seeds"] == 3


def test_all_that_is_settled_stops_the_study(tmp_path):
    cells = Cells(tmp_path, {VAE: 40, GAN: 45, BASELINE: 70, SVM: 80}, seeds=10)
    growth = cells.grow()
    assert growth.taken[-1]["stops"] and growth.seeds == 3


@pytest.mark.parametrize("arms", [[BASELINE, SVM], [VAE]])
def test_a_study_that_claims_nothing_uses_all_its_seeds(tmp_path, arms):
    plan = plan_study(arms=arms, seeds=5)
    run = RunFolder(tmp_path)
    run.create()
    np.save(run.test_labels, np.arange(10) % 3)
    growth = read_growth(at(plan, run))
    while growth.next_number is not None:
        growth = take_look(at(plan, run), growth)
    assert growth.seeds == 5
