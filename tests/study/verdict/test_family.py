import numpy as np
import pytest

from tests.study.studies import SCRATCH, draw_arms, make_right
from tfzero.study.verdict.family import (
    CANNOT_TELL,
    NO_DIFFERENCE,
    SCRATCH_BETTER,
    TRANSFER_BETTER,
    has_verdict,
    holm,
    judge_family,
    level_of_look,
    pair_replicates,
)

BASE = [80.0, 81.0, 79.0, 80.5, 79.5]
# Of p between 2.5 and 5 %.
GAINS = (0.7, 5.0, 2.0, 6.5, 2.5)
FAMILY = [("vae/lpft", 6), ("gan/lpft", 6)]


def judge(accuracy, *, family=FAMILY, num_test=1000, **settings):
    settings = {"alpha": 0.05, "margin": 1.0, **settings}
    return judge_family(
        make_right(accuracy, num_test=num_test), family, baseline=SCRATCH, **settings
    )


def shifted(*steps):
    return [value + step for value, step in zip(BASE, steps, strict=True)]


def test_holm_by_hand():
    # Sorted 0.01, 0.02, 0.04: 3 * 0.01, 2 * 0.02, 1 * 0.04, then made monotone.
    assert holm([0.02, 0.04, 0.01]) == pytest.approx([0.04, 0.04, 0.03])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_looks_spend_less_than_the_whole_error_together():
    assert [level_of_look(look) for look in (1, 2, 3)] == pytest.approx(
        [0.025, 0.05 / 6, 0.05 / 12]
    )
    assert sum(level_of_look(look) for look in range(1, 10_000)) < 0.05


def test_an_interval_agrees_with_what_holms_procedure_claims():
    accuracy = {
        (SCRATCH, 6): BASE,
        ("vae/lpft", 6): shifted(9.0, 9.1, 9.2, 9.3, 9.4),
        ("gan/lpft", 6): shifted(*GAINS),
    }
    _, second = judge(accuracy)
    open_still = second.difference.interval(0.05 / 2)
    assert open_still[0] < 0 < open_still[1] and 0.025 < second.difference.p_value < 0.05
    assert second.outcome == TRANSFER_BETTER
    assert second.interval == (0.0, open_still[1])
    # The same the other way round.
    accuracy["gan/lpft", 6] = shifted(*(-gain for gain in GAINS))
    _, second = judge(accuracy)
    assert second.outcome == SCRATCH_BETTER
    assert second.interval[0] < 0 and second.interval[1] == 0.0


def test_all_four_outcomes():
    accuracy = {
        (SCRATCH, 6): BASE,
        (SCRATCH, 12): BASE,
        ("vae/lpft", 6): shifted(5.0, 5.1, 5.2, 5.3, 5.4),
        ("gan/lpft", 6): shifted(-4.0, -4.1, -4.2, -4.3, -4.4),
        ("vae/lpft", 12): shifted(0.0, 0.1, 0.0, -0.1, 0.1),
        ("gan/lpft", 12): shifted(2.0, -2.0, 1.5, -1.0, 0.5),
    }
    family = [(arm, count) for count in (6, 12) for arm in ("vae/lpft", "gan/lpft")]
    found = judge(accuracy, family=family)
    outcomes = [comparison.outcome for comparison in found]
    assert outcomes == [TRANSFER_BETTER, SCRATCH_BETTER, NO_DIFFERENCE, CANNOT_TELL]
    first = found[0]
    assert first.difference.mean == pytest.approx(5.2)
    assert first.p_holm == pytest.approx(4 * first.difference.p_value)
    assert first.interval == pytest.approx(first.difference.interval(0.05 / 4))
    assert first.single == pytest.approx(first.difference.interval(0.05))
    assert first.interval[0] < first.single[0] < 5.2 < first.single[1] < first.interval[1]


def test_no_difference_is_claimed_only_within_the_margin():
    accuracy = {
        (SCRATCH, 6): BASE,
        ("vae/lpft", 6): shifted(0.5, 0.6, 0.5, 0.4, 0.6),
        ("gan/lpft", 6): BASE,
    }
    sure = {"num_test": 100_000}
    # It is surely there, and surely smaller than a point: not worth having.
    assert judge(accuracy, **sure)[0].outcome == NO_DIFFERENCE
    assert judge(accuracy, margin=0.3, **sure)[0].outcome == TRANSFER_BETTER
    assert judge(accuracy, margin=0.55, **sure)[0].outcome == TRANSFER_BETTER
    few = judge(accuracy, num_test=100)
    assert few[1].difference.mean == 0 and few[1].outcome == CANNOT_TELL


def test_holm_withholds_a_win_that_one_comparison_alone_would_claim():
    accuracy = {(SCRATCH, 6): BASE, ("gan/lpft", 6): BASE}
    accuracy["vae/lpft", 6] = shifted(1.6, 2.0, 0.3, 1.5, 0.6)
    [alone] = judge(accuracy, family=FAMILY[:1])
    assert alone.outcome == TRANSFER_BETTER
    both = judge(accuracy, alpha=0.025)[0]
    assert both.difference.p_value < 0.025 < both.p_holm and both.outcome == CANNOT_TELL


def test_a_comparison_without_results_still_counts_for_the_correction():
    accuracy = {(SCRATCH, 6): BASE, ("vae/lpft", 6): shifted(1.0, 2.0, 0.2, 1.5, 0.3)}
    [found] = judge(accuracy)
    assert found.p_holm == pytest.approx(2 * found.difference.p_value)


def test_shared_encoders_decide_the_degrees_of_freedom():
    vae = [80 + 2 * (r % 3) + 0.1 * r for r in range(9)]
    accuracy = {(SCRATCH, 6): [79.0] * 9, ("vae/lpft", 6): vae}
    each, three, one = (
        judge(accuracy, family=FAMILY[:1], encoders=encoders)[0] for encoders in (None, 3, 1)
    )
    assert three.difference.samples == (3, 1000) and each.difference.samples == (9, 1000)
    assert three.difference.p_value > each.difference.p_value
    assert one == each  # of this one encoder, replicates count
    assert judge(accuracy, family=FAMILY[:1], encoders=2) == []
    assert has_verdict([0, 1, 2], None) and not has_verdict([0, 1], None)
    assert not has_verdict([0, 3, 6], 3) and has_verdict([0, 4, 2], 3)


def test_only_replicates_that_both_arms_have_are_paired():
    right = make_right({("vae/lpft", 6): BASE, (SCRATCH, 6): BASE[:4]})
    del right["vae/lpft", 6][1]
    replicates, (ours, theirs) = pair_replicates(right, ("vae/lpft", 6), (SCRATCH, 6))
    assert replicates == [0, 2, 3] and ours.shape == theirs.shape == (3, 1000)
    assert pair_replicates(right, ("gan/lpft", 6), (SCRATCH, 6))[0] == []


def test_an_all_null_family_is_seldom_called():
    generator = np.random.default_rng(7)
    false = 0
    for _ in range(300):
        drawn = [draw_arms(generator, 4, 200, seeds=0.03, images=0.1) for _ in range(2)]
        right = {
            place: dict(enumerate(values))
            for place, values in zip(
                [("vae/lpft", 6), ("gan/lpft", 6), (SCRATCH, 6)],
                [drawn[0][0], drawn[1][0], drawn[0][1]],
                strict=True,
            )
        }
        found = judge_family(right, FAMILY, baseline=SCRATCH, alpha=0.05, margin=1.0)
        false += any(c.outcome in (TRANSFER_BETTER, SCRATCH_BETTER) for c in found)
    # 5 % family-wise: at most 27 of 300 in 999 of 1000 such tests.
    assert false <= 27
