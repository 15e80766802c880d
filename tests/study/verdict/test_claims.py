import numpy as np
import pytest
from scipy import stats

from tfzero.study.verdict.claims import AVERAGE, Claim, adjust, bonferroni_share, claim


def same(share):
    return share


def claimed(p_values, alpha=0.04, already=frozenset()):
    found = claim(p_values, alpha, same, set(already))
    return {(place.arm, place.count) for place in found}


def test_one_arm_shares_between_its_average_and_its_counts():
    # 0.02 for the average, 0.02 by Holm over two counts: 0.01, then 0.02.
    arm = {6: 0.009, 12: 0.019, AVERAGE: 0.5}
    assert claimed({"a": arm}) == {("a", 6), ("a", 12)}
    assert claimed({"a": {**arm, 6: 0.011}}) == set()
    # Once all counts are claimed, the average has the whole share.
    assert claimed({"a": {**arm, AVERAGE: 0.035}}) == {("a", 6), ("a", 12), ("a", AVERAGE)}
    # And the other way round: the counts have 0.04, by Holm 0.02, then 0.04.
    first = {6: 0.019, 12: 0.039, AVERAGE: 0.019}
    assert claimed({"a": first}) == {("a", 6), ("a", 12), ("a", AVERAGE)}
    assert claimed({"a": {**first, AVERAGE: 0.021}}) == set()


def test_the_share_of_a_finished_arm_goes_to_the_others():
    done = {6: 1e-6, 12: 1e-6, AVERAGE: 1e-6}
    waits = {6: 0.9, 12: 0.9, AVERAGE: 0.015}
    assert claimed({"b": waits, "c": {6: 1.0, 12: 1.0, AVERAGE: 1.0}}) == set()
    assert ("b", AVERAGE) in claimed({"a": done, "b": waits})
    assert ("b", AVERAGE) not in claimed({"a": {**done, 12: 0.9}, "b": waits})


def test_a_single_count_has_the_arms_whole_share():
    assert claimed({"a": {6: 0.019}, "b": {6: 0.021}}) == {("a", 6), ("b", 6)}
    assert claimed({"a": {6: 0.021}, "b": {6: 0.021}}) == set()


def test_what_was_claimed_before_stays_and_passes_its_share_on():
    p_values = {"a": {6: 0.9}, "b": {6: 0.03}}
    assert claimed(p_values) == set()
    assert claimed(p_values, already={Claim("a", 6)}) == {("a", 6), ("b", 6)}


def test_a_looks_level_decides_instead_of_the_share():
    p_values = {"a": {6: 0.02}}
    assert claim(p_values, 0.04, lambda share: share / 4, set()) == set()
    assert claim(p_values, 0.04, lambda share: share / 2, set()) == {Claim("a", 6)}


def test_adjusted_p_values_are_the_smallest_alpha_that_claims():
    p_values = {"a": {6: 0.001, 12: 0.02, AVERAGE: 0.004}, "b": {6: 0.3, 12: 0.5, AVERAGE: 0.03}}
    adjusted = adjust(p_values, same)
    for place, alpha in adjusted.items():
        below, above = (claim(p_values, alpha * factor, same, set()) for factor in (0.999, 1.001))
        assert place not in below
        assert alpha == 1.0 or place in above
    # 4 arms' halves for the first: 0.001 * 2 counts * 2 halves * 2 arms.
    assert adjusted[Claim("a", 6)] == pytest.approx(0.008, rel=1e-3)


def test_without_a_difference_any_claim_is_rare():
    generator = np.random.default_rng(0)
    false = 0
    for _ in range(2000):
        # Averages go along with their counts, as they do in studies.
        scores = generator.normal(size=(3, 2))
        averages = scores.sum(axis=1) / 2**0.5

        p = 2 * stats.norm.sf(np.abs(np.column_stack([scores, averages])))
        false += bool(claimed({k: {6: r[0], 12: r[1], AVERAGE: r[2]} for k, r in enumerate(p)}))
    assert 0.02 < false / 2000 < 0.053


def test_shares_before_anything_is_claimed_sum_to_alpha():
    shares = [bonferroni_share(c, arms=3, counts=2, alpha=0.04) for c in (6, 12, AVERAGE)]
    assert sum(3 * share for share in shares) == pytest.approx(0.04)
    assert bonferroni_share(6, arms=4, counts=1, alpha=0.04) == pytest.approx(0.01)
