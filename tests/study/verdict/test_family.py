import numpy as np
import pytest

from tests.study.studies import SCRATCH, draw_arms, make_right
from tfzero.common.arm import Arm
from tfzero.study.planning.families import Family
from tfzero.study.verdict.claims import AVERAGE, Claim
from tfzero.study.verdict.family import (
    BETTER,
    CANNOT_TELL,
    NO_DIFFERENCE,
    WORSE,
    decide_family,
)
from tfzero.study.verdict.levels import PLANNED, extension_level
from tfzero.study.verdict.look import Earlier, Look
from tfzero.study.verdict.pairing import Seen, judge_pairs

BASE = [80.0, 81.0, 79.0, 80.5, 79.5]
BASELINE, VAE, GAN = Arm.parse(SCRATCH), Arm("vae", "lpft"), Arm("gan", "lpft")
FAMILY = Family("pretraining", ((VAE, BASELINE), (GAN, BASELINE)))
ONE_LOOK = Look((5,), 1)
# Against BASE: p about 0.028, and about 0.007.
GAINS, SURE_GAINS = (1.2, 3.7, -1.9, 3.1, -0.7), (1.4, 3.9, -1.8, 3.3, -0.5)


def decide(accuracy, *, counts=(6,), look=ONE_LOOK, margin=1.0, num_test=1000, family=FAMILY):
    right = make_right(accuracy, num_test=num_test)
    seen = Seen(right, counts, np.arange(num_test) % 10)
    judged = judge_pairs(seen, family.pairs)
    return decide_family(family, judged, counts, look, margin=margin)


def shifted(*steps):
    return [value + step for value, step in zip(BASE, steps, strict=True)]


def by_place(found):
    return {(c.arm, c.num_labels): c for c in found}


def test_all_four_outcomes():
    accuracy = {
        (SCRATCH, 6): BASE,
        (SCRATCH, 12): BASE,
        (VAE, 6): shifted(5.0, 5.1, 5.2, 5.3, 5.4),
        (GAN, 6): shifted(-4.0, -4.1, -4.2, -4.3, -4.4),
        (VAE, 12): shifted(0.0, 0.1, 0.0, -0.1, 0.1),
        (GAN, 12): shifted(4.0, -4.0, 3.0, -2.0, 1.0),
    }
    found = by_place(decide(accuracy, counts=(6, 12)))
    outcomes = {place: comparison.outcome for place, comparison in found.items()}
    assert outcomes == {
        (VAE, 6): BETTER,
        (VAE, 12): NO_DIFFERENCE,
        (VAE, AVERAGE): BETTER,
        (GAN, 6): WORSE,
        (GAN, 12): CANNOT_TELL,
        (GAN, AVERAGE): WORSE,
    }
    first = found[VAE, 6]
    assert first.difference.mean == pytest.approx(5.2)
    # Two arms, of each half for two counts.
    assert first.interval == pytest.approx(first.difference.interval(PLANNED / 8), rel=1e-3)
    average = found[VAE, AVERAGE]
    assert average.difference.mean == pytest.approx(2.61)
    assert average.interval == pytest.approx(average.difference.interval(PLANNED / 4), rel=1e-3)
    assert first.single == pytest.approx(first.difference.interval(0.05))
    assert first.interval[0] < first.single[0] < 5.2 < first.single[1] < first.interval[1]


def test_an_interval_agrees_with_what_is_claimed_beyond_it():
    accuracy = {
        (SCRATCH, 6): BASE,
        (VAE, 6): shifted(9.0, 9.1, 9.2, 9.3, 9.4),
        (GAN, 6): shifted(*GAINS),
    }
    found = by_place(decide(accuracy))[GAN, 6]
    open_still = found.difference.interval(PLANNED / 2)
    p_value = found.difference.p_value
    assert PLANNED / 2 < p_value < PLANNED and open_still[0] < 0
    # The first arm is done with its share, and passes it on.
    assert found.outcome == BETTER and found.interval[0] == 0.0
    assert found.interval[1] == pytest.approx(open_still[1], rel=1e-3)
    accuracy[GAN, 6] = [2 * b - a for a, b in zip(accuracy[GAN, 6], BASE, strict=True)]
    found = by_place(decide(accuracy))[GAN, 6]
    assert found.outcome == WORSE and found.interval[0] < found.interval[1] <= 0


def test_no_difference_is_claimed_only_within_the_margin():
    accuracy = {(SCRATCH, 6): BASE, (VAE, 6): shifted(0.5, 0.6, 0.5, 0.4, 0.6), (GAN, 6): BASE}
    sure = {"num_test": 100_000}
    # It is surely there, and surely smaller than a point: not worth having.
    assert decide(accuracy, **sure)[0].outcome == NO_DIFFERENCE
    assert decide(accuracy, margin=0.3, **sure)[0].outcome == BETTER
    assert decide(accuracy, margin=0.55, **sure)[0].outcome == BETTER
    few = decide(accuracy, num_test=100)
    assert few[1].difference.mean == 0 and few[1].outcome == CANNOT_TELL


def test_more_arms_and_comparisons_without_results_count():
    accuracy = {(SCRATCH, 6): BASE, (VAE, 6): shifted(1.6, 2.0, 0.3, 1.5, 0.6)}
    alone = Family("pretraining", FAMILY.pairs[:1])
    [found] = decide(accuracy, family=alone)
    assert found.p_adjusted == pytest.approx(found.difference.p_value, rel=1e-2)
    [beside] = decide(accuracy)
    assert beside.p_adjusted == pytest.approx(2 * beside.difference.p_value, rel=1e-2)


def test_an_early_look_asks_for_more_than_the_last():
    accuracy = {(SCRATCH, 6): BASE, (VAE, 6): shifted(*SURE_GAINS)}
    early, last = (decide(accuracy, look=Look((5, 10), number))[0] for number in (1, 2))
    assert early.difference == last.difference and early.outcome == CANNOT_TELL
    assert last.outcome == BETTER
    assert early.interval[0] < last.interval[0] and early.p_adjusted > 3 * last.p_adjusted
    # Of itself alone it is what it is.
    assert early.single == last.single


def test_seeds_that_are_added_have_an_error_of_their_own():
    accuracy = {(SCRATCH, 6): BASE, (VAE, 6): shifted(*SURE_GAINS)}
    later = Look((3,), 2)
    assert later.is_extension and later.alpha == extension_level(1)
    [found] = decide(accuracy, look=later)
    assert found.outcome == CANNOT_TELL
    assert found.interval == pytest.approx(found.difference.interval(0.005 / 2))


def test_earlier_claims_stay_and_pass_their_share_on():
    accuracy = {
        (SCRATCH, 6): BASE,
        (VAE, 6): shifted(6.0, -5.0, 3.0, 2.0, -1.0),
        (GAN, 6): shifted(*GAINS),
    }
    claim = Claim((VAE, BASELINE), 6)
    outcomes = {}
    for name, earlier in {
        "none": {},
        "better": {claim: Earlier(BETTER, False)},
        "contradicted": {claim: Earlier(WORSE, False)},
        "equivalent": {claim: Earlier(None, True)},
    }.items():
        look = Look((3, 5), 2, {"pretraining": earlier})
        found = by_place(decide(accuracy, look=look, margin=2.0))
        outcomes[name] = found[VAE, 6].outcome, found[GAN, 6].outcome
    assert outcomes == {
        "none": (CANNOT_TELL, CANNOT_TELL),
        "better": (BETTER, BETTER),
        "contradicted": (CANNOT_TELL, BETTER),
        "equivalent": (NO_DIFFERENCE, CANNOT_TELL),
    }


def test_an_all_null_family_is_seldom_called():
    generator = np.random.default_rng(7)
    false = 0
    for _ in range(200):
        drawn = [draw_arms(generator, 4, 200, seeds=0.03, images=0.1) for _ in range(2)]
        cells = (drawn[0][0], drawn[1][0], drawn[0][1])
        right = {
            (arm, 6): dict(enumerate(values))
            for arm, values in zip((VAE, GAN, BASELINE), cells, strict=True)
        }
        judged = judge_pairs(Seen(right, (6,), np.arange(200) % 10), FAMILY.pairs)
        found = decide_family(FAMILY, judged, (6,), ONE_LOOK, margin=1.0)
        false += any(c.outcome != CANNOT_TELL for c in found)
    # 5 % family-wise: at most 20 of 200 in 999 of 1,000 such tests.
    assert false <= 20
