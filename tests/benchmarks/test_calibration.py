"""A small version of benchmarks/calibration.py, on the built-in digits."""

import dataclasses

import numpy as np
import pytest

import tfzero
from benchmarks import calibration

STUDIES = 150


@pytest.fixture(scope="module")
def populations():
    bank = calibration.make_bank(tfzero.load_data("digits"), num_train=600)
    return calibration.Populations(bank, (50, 200), (0, 5), replicates=80, draws=40)


@pytest.fixture
def measure(populations):
    def run(**settings):
        scenario = calibration.Scenario("test", images=400, **settings)
        return calibration.measure(populations, scenario, studies=STUDIES)

    return run


def test_without_a_difference_few_studies_claim_one(measure):
    rates = measure(seeds=5)
    # The level of a first look is 2.5 %; 10 of 150 or more come once in 1,000 such tests.
    assert rates["false"] < 10 / STUDIES
    assert 0.91 < rates["coverage"] <= 1 and rates["together"] > 0.9 and rates["best"] > 0.9


def test_following_the_advice_to_add_seeds_claims_no_more(measure):
    rates = measure(seeds=4, looks=2)
    # 5 % over all looks: 16 of 150 or more come once in 500 such tests.
    assert rates["false"] < 16 / STUDIES
    assert rates["seeds"] > 4


def test_five_points_are_seen_with_ten_seeds(measure, populations):
    planted = [populations.truth(count, 5, place) for count in (50, 200) for place in (0, 1)]
    assert 3 < min(planted) and max(planted) < 7
    rates = measure(gaps=(5, 5), seeds=10)
    assert rates["better"] > 0.8 and rates["false"] < 0.05
    row = calibration.show(calibration.Scenario("test"), rates)
    assert row.count("|") == calibration.HEADER.splitlines()[0].count("|")


def test_a_judge_that_ignores_the_replicates_noise_is_found_out(measure, monkeypatch):
    # What this benchmark is for: break the judge, and see it.
    from tfzero.study.verdict import family

    def overconfident(first, second, *, groups=None):
        found = judge(first, second, groups=groups)
        return dataclasses.replace(found, by_replicates=found.by_replicates / 25)

    judge = family.judge_difference
    monkeypatch.setattr(family, "judge_difference", overconfident)
    rates = measure(seeds=5)
    assert rates["coverage"] < 0.9 and rates["false"] > 0.1


def test_what_is_false_is_told_from_what_is_true():
    false = calibration.is_false
    assert false(calibration.TRANSFER_BETTER, 0.0) and not false(calibration.TRANSFER_BETTER, 0.5)
    assert false(calibration.SCRATCH_BETTER, 0.0) and not false(calibration.SCRATCH_BETTER, -2.0)
    assert false(calibration.NO_DIFFERENCE, -1.0) and not false(calibration.NO_DIFFERENCE, 0.9)
    assert not false(calibration.CANNOT_TELL, np.inf)
