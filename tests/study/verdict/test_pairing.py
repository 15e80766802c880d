import numpy as np
import pytest

from tests.study.studies import SCRATCH, make_right
from tfzero.common.arm import Arm
from tfzero.study.verdict.pairing import Seen, group_replicates, judge_pairs, pair_replicates

VAE, BASELINE = Arm("vae", "lpft"), Arm.parse(SCRATCH)
BASE = [80.0, 81.0, 79.0, 80.5, 79.5]


def see(accuracy, *, counts=(6,), num_test=1000, **others):
    classes = np.arange(num_test) % 10
    return Seen(make_right(accuracy, num_test=num_test), counts, classes, **others)


def test_only_replicates_that_both_arms_have_are_paired():
    right = make_right({(VAE, 6): BASE, (SCRATCH, 6): BASE[:4]})
    del right[VAE, 6][1]
    replicates, (ours, theirs) = pair_replicates(right, (VAE, 6), (SCRATCH, 6))
    assert replicates == [0, 2, 3] and ours.shape == theirs.shape == (3, 1000)
    assert pair_replicates(right, ("gan/lpft", 6), (SCRATCH, 6))[0] == []


def test_shared_encoders_are_the_units_from_three_on():
    vae = [80 + 2 * (r % 3) + 0.1 * r for r in range(9)]
    accuracy = {(SCRATCH, 6): [79.0] * 9, (VAE, 6): vae}
    found = {
        encoders: judge_pairs(see(accuracy, encoders=encoders), [(VAE, BASELINE)])
        for encoders in (None, 1, 2, 3)
    }
    units = {n: judged[VAE, BASELINE].counts[6].units for n, judged in found.items()}
    # Of one or two encoders replicates count: the claim is about these.
    assert units == {None: 9, 1: 9, 2: 9, 3: 3}
    differences = {n: judged[VAE, BASELINE].counts[6] for n, judged in found.items()}
    assert differences[3].p_value > differences[None].p_value == differences[1].p_value
    assert differences[3].mean == pytest.approx(differences[None].mean)


def test_what_learns_nothing_shares_nothing():
    assert group_replicates([0, 1, 2, 3], 3, ["scratch", "pixels"]) is None
    assert group_replicates([0, 1, 2, 3], 3, ["scratch", "vae"]).tolist() == [0, 1, 2, 0]
    assert group_replicates([0, 1, 2, 3], None, ["scratch", "vae"]) is None


def test_too_few_units_are_not_judged():
    two = {(SCRATCH, 6): BASE[:2], (VAE, 6): BASE[:2]}
    assert judge_pairs(see(two), [(VAE, BASELINE)]) == {}
    shared = {(SCRATCH, 6): BASE[:3], (VAE, 6): BASE[:3]}
    right = see(shared, encoders=3).right
    assert judge_pairs(Seen(right, (6,), np.arange(1000) % 2), [(VAE, BASELINE)]) != {}
    del right[VAE, 6][1]
    assert judge_pairs(Seen(right, (6,), np.arange(1000) % 2), [(VAE, BASELINE)]) == {}


def test_the_average_is_of_replicates_that_have_every_count():
    accuracy = {(arm, n): BASE for arm in (SCRATCH, VAE) for n in (6, 12)}
    accuracy[VAE, 12] = [value + 4 for value in BASE]
    seen = see(accuracy, counts=(6, 12))
    judged = judge_pairs(seen, [(VAE, BASELINE)])[VAE, BASELINE]
    assert judged.average.mean == pytest.approx(2.0)
    assert [judged.counts[n].mean for n in (6, 12)] == pytest.approx([0.0, 4.0])
    del seen.right[VAE, 6][0]
    judged = judge_pairs(seen, [(VAE, BASELINE)])[VAE, BASELINE]
    assert (judged.average.units, judged.counts[12].units) == (4, 5)
    # Without one of the counts there is no average over them.
    assert (
        judge_pairs(see(accuracy, counts=(6, 12, 24)), [(VAE, BASELINE)])[VAE, BASELINE].average
        is None
    )
    assert judge_pairs(see(accuracy), [(VAE, BASELINE)])[VAE, BASELINE].average is None


def test_scores_are_weighted_as_the_metric_says():
    accuracy = {(VAE, 6): [50.0]}  # the first half of the images
    weights = np.where(np.arange(1000) < 500, 0.5, 1.5)
    assert see(accuracy).scores(VAE, 6) == {0: pytest.approx(50.0)}
    assert see(accuracy, weights=weights).scores(VAE, 6) == {0: pytest.approx(25.0)}
    assert see(accuracy).scores(SCRATCH, 6) == {}


def test_replicates_are_counted_where_both_arms_have_them():
    accuracy = {(arm, n): BASE for arm in (SCRATCH, VAE) for n in (6, 12)}
    seen = see(accuracy, counts=(6, 12), encoders=3)
    del seen.right[VAE, 6][1], seen.right[SCRATCH, 12][4]
    pair = (VAE, BASELINE)
    assert [seen.count_replicates(pair, n) for n in (6, 12, None)] == [4, 4, 3]
