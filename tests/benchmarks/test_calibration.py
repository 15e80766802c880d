"""A small version of benchmarks/calibration, on the built-in digits."""

import dataclasses

import numpy as np
import pytest

import tfzero
from benchmarks.calibration import features, images, old_judge, rows, scenarios, studies
from tfzero.study.verdict.family import BETTER, WORSE
from tfzero.study.verdict.pairing import Seen, judge_pairs

STUDIES = 100
PARTS = (500, 600, 697)


@pytest.fixture(scope="module")
def bank():
    return images.make_bank(tfzero.load_data("digits"), side=8, parts=PARTS)


@pytest.fixture(scope="module")
def population(bank):
    return features.fit_features(bank, (50, 200), encoders=30, fits=3, arms=features.ARMS[:3])


@pytest.fixture
def measure(population):
    def run(seeds=4, early_stop=False, **settings):
        scenario = scenarios.Scenario("digits", seeds, 400, early_stop, **settings)
        return scenarios.measure(scenario, population, studies=STUDIES)

    return run


def test_without_a_difference_few_studies_claim_one(measure):
    figures = measure()
    # 4 % of families: 11 of 100 or more come once in 450 such tests.
    for truth in ("null", "margin", "mixed", "gain"):
        assert figures[truth] < 11 / STUDIES
    assert figures["old null"] < 8 / STUDIES
    for coverage in ("null counts", "null averages", "old counts"):
        assert 0.9 < figures[coverage] <= 1
    assert figures["null together"] > 0.9


def test_stopping_early_saves_seeds_and_claims_no_more(measure):
    figures = measure(seeds=10, early_stop=True)
    for truth in ("null", "margin", "mixed", "gain"):
        assert figures[truth] < 11 / STUDIES
    assert 3 <= figures["seeds"] < 10
    assert figures["average 5"] > 0.9 and figures["old width"] > 0
    for header, row in (
        (rows.FALSE_HEADER, rows.show_false(rows.ROWS[0], figures)),
        (rows.POWER_HEADER, rows.show_power(rows.ROWS[0], figures)),
    ):
        assert row.count("|") == header.splitlines()[0].count("|")


def test_a_judge_that_is_overconfident_is_found_out(measure, monkeypatch):
    # What this benchmark is for: break the judge, and see it.
    from tfzero.study.verdict import shrinkage

    def overconfident(components, ratio):
        found = judge(components, ratio)
        return dataclasses.replace(found, by_replicates=found.by_replicates / 9)

    judge = shrinkage.judge_components
    monkeypatch.setattr(shrinkage, "judge_components", overconfident)
    figures = measure()
    assert figures["null counts"] < 0.9 and figures["null"] > 0.1


@pytest.mark.parametrize("encoders", [None, 3])
def test_arms_are_measured_as_judge_pairs_does(population, encoders):
    generator = np.random.default_rng(0)
    sample = studies.draw_sample(
        population, seeds=7, images=300, encoders=encoders, generator=generator
    )
    study = studies.Study(sample, population.truths, population.truths)
    right = {
        (arm, count): {s: sample.cells[a, c, s] for s in range(7)}
        for a, arm in enumerate((studies.SCRATCH, *studies.ARMS[:2]))
        for c, count in enumerate(population.counts)
    }
    seen = Seen(right, population.counts, sample.classes, encoders=encoders)
    assert judge_pairs(seen, study.pairs) == study.judge([7, 7])


def test_a_study_is_moved_to_the_truth_that_is_asked(population):
    generator = np.random.default_rng(1)
    sample = studies.draw_sample(
        population, seeds=10, images=600, encoders=None, generator=generator
    )
    study = studies.Study(sample, population.truths, population.truths)
    course = study.play(np.full((2, 2), -30.0), early_stop=True)
    assert course.truths == pytest.approx([-30.0] * 6) and not course.false and not course.better
    assert all(c.claimed == WORSE and abs(c.difference.mean + 30) < 5 for c in course.last)
    course = study.play(np.full((2, 2), 30.0), early_stop=True)
    assert course.seeds == 3 and set(course.better) == {p for p in study.places}
    # Moved as if these were the truth, they are 30 points off: then every claim is false.
    off = studies.Study(sample, population.truths - 30, population.truths)
    assert off.play(np.full((2, 2), 30.0), early_stop=True).false


def test_a_finished_arm_gets_no_more_replicates(population):
    generator = np.random.default_rng(2)
    sample = studies.draw_sample(
        population, seeds=10, images=600, encoders=None, generator=generator
    )
    study = studies.Study(sample, population.truths, population.truths)
    course = study.play(np.array([[-30.0, -30.0], [0.5, 0.5]]), early_stop=True)
    assert course.seeds > 3
    assert {c.arm: c.difference.units for c in course.last}[studies.ARMS[0]] == 3


def test_what_is_false_is_told_from_what_is_true():
    @dataclasses.dataclass
    class Claimed:
        claimed: str | None
        equivalent: bool = False

    def false(*claim, truth):
        return studies.is_false(Claimed(*claim), truth)

    assert false(BETTER, truth=0.0) and not false(BETTER, truth=0.5)
    assert false(WORSE, truth=0.0) and not false(WORSE, truth=-2.0)
    assert false(None, True, truth=-1.0) and not false(None, True, truth=0.9)
    assert false(BETTER, True, truth=1.0) and not false(BETTER, truth=1.0)
    assert not false(None, truth=np.inf)


def test_label_subsets_are_nested_and_stratified(bank):
    subset = bank.nested_labels(200, [1])
    assert len(set(subset)) == 200
    for count in (50, 200):
        shares = np.bincount(bank.labels[subset[:count]], minlength=10) / count
        assert np.abs(shares - np.bincount(bank.labels) / len(bank.labels)).max() < 0.045


def test_banks_of_some_classes_of_uneven_or_finer_ones():
    digits = tfzero.load_data("digits")
    two = images.make_bank(digits, side=8, parts=(50, 100, 100), classes=(3, 8))
    assert set(two.labels) == {0, 1} and two.num_classes == 2
    uneven = images.make_bank(digits, side=4, parts=(100, 100, 200), share_ratio=0.8)
    sizes = np.bincount(np.concatenate([uneven.labels, uneven.test_labels]), minlength=10)
    assert sizes[0] > 2 * sizes[9] and uneven.test_images.shape == (200, 4, 4)
    finer = images.make_bank(digits, side=8, parts=PARTS, cut=3)
    assert finer.num_classes == 30
    with pytest.raises(ValueError, match="`parts` ask for 3000"):
        images.make_bank(digits, side=8, parts=(1000, 1000, 1000))


def test_what_happens_to_a_population(population, tmp_path):
    population.save(tmp_path / "population.npz")
    loaded = population.load(tmp_path / "population.npz")
    assert (loaded.right == population.right).all() and loaded.counts == population.counts
    fallen = population.collapse((1,), 0.1)
    changed = (fallen.right != population.right).any(axis=(1, 3))  # (A, R)
    assert changed.sum(axis=1).tolist() == [0, 9, 0]  # 3 encoders of 3 fits
    assert fallen.right[1, 0, changed[1]].mean() < 0.2
    shaken = population.shake((2,), 3.0)
    spreads = [(p.right[2] * 1.0 - p.right[0]).mean(axis=-1).var() for p in (population, shaken)]
    assert 2 < spreads[1] / spreads[0] < 4 and (shaken.right <= population.right).all()
    part = population.take((2,), (200,))
    assert part.truths == pytest.approx(population.truths[1:, 1:])


def test_the_old_judge_claims_by_holm():
    assert old_judge.claim_by_holm([0.012, 0.005, 0.9]).tolist() == [True, True, False]
    assert old_judge.claim_by_holm([0.02, 0.013]).tolist() == [False, False]
    points = np.random.default_rng(0).choice([-100.0, 0.0, 100.0], size=(5, 400), p=[0.1, 0.6, 0.3])
    judged = old_judge.judge_points(points)
    assert judged.mean == pytest.approx(20, abs=5)
    assert judged.tail(judged.half_width(0.05)) == pytest.approx(0.05)
