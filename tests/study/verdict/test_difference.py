import numpy as np
import pytest
from scipy import stats

from tests.study.studies import draw_arms
from tfzero.study.verdict.components import measure_components
from tfzero.study.verdict.difference import Difference
from tfzero.study.verdict.shrinkage import ArmComponents, judge_arms


def make_difference(mean=0.0, *, by_replicates=1.0, by_images=0.0, freedom=4.0):
    return Difference(
        mean=mean,
        by_replicates=by_replicates,
        by_images=by_images,
        freedom=freedom,
        units=5,
        images=1000,
        of_replicates=0.0,
        of_images=0.0,
        of_rest=0.0,
    )


def judge(first, second, *, num_classes=10):
    """Judges one comparison alone."""
    points = 100.0 * (first.astype(float) - second.astype(float))
    components = measure_components(points, np.arange(points.shape[1]) % num_classes)
    return judge_arms({"arm": ArmComponents({6: components})})["arm"].counts[6]


@pytest.mark.parametrize("freedom", [2, 4, 9])
@pytest.mark.parametrize("alpha", [0.05, 0.004])
def test_without_image_noise_the_interval_is_students(freedom, alpha):
    found = make_difference(by_images=1e-12, freedom=freedom).interval(alpha)
    assert found[1] == pytest.approx(stats.t.isf(alpha / 2, freedom), rel=1e-3)
    assert found[0] == -found[1]


def test_degrees_of_freedom_need_not_be_whole():
    found = make_difference(by_images=1e-12, freedom=7.3).interval(0.01)
    assert found[1] == pytest.approx(stats.t.isf(0.005, 7.3), rel=1e-3)
    assert make_difference().interval(1.0) == (0.0, 0.0)


def test_both_noises_have_the_tail_of_a_simulated_sum():
    generator = np.random.default_rng(0)
    draws = 2 * generator.standard_t(3, 10**6) + 3 * generator.standard_normal(10**6)
    found = make_difference(by_replicates=4.0, by_images=9.0, freedom=3)
    for alpha in (0.05, 0.005):
        size = found.interval(alpha)[1]
        assert np.mean(np.abs(draws) > size) == pytest.approx(alpha, rel=0.1)


def test_p_values_agree_with_the_intervals():
    found = make_difference(2.0, by_replicates=0.5, by_images=0.3, freedom=5)
    p = found.p_value
    low, high = found.interval(p)
    assert low == pytest.approx(0, abs=1e-6)
    # Two one-sided tests at level a: the interval at 2 a just reaches the margin.
    assert found.interval(2 * found.p_beyond(5.0))[1] == pytest.approx(5.0, abs=1e-6)
    assert found.p_beyond(2.0) == pytest.approx(0.5)
    assert found.p_beyond(0.5) > 0.5 and found.p_beyond(9.0) < found.p_beyond(5.0)


def test_the_same_gap_in_every_replicate_is_still_uncertain():
    first = np.zeros((3, 36), bool)
    second = first.copy()
    second[[0, 1, 2], [4, 9, 20]] = True
    found = judge(first, second)
    assert found.mean == pytest.approx(-100 / 36)
    low, high = found.interval(0.05)
    assert low < found.mean < high and found.p_value > 0.05


def test_identical_predictions_on_few_images_are_no_certainty():
    few = judge(np.ones((3, 36), bool), np.ones((3, 36), bool))
    assert few.mean == 0 and few.p_value == pytest.approx(1)
    assert few.interval(0.05)[1] > 100 / 36 and few.p_beyond(1.0) > 0.3
    many = judge(np.ones((3, 10_000), bool), np.ones((3, 10_000), bool))
    assert many.p_beyond(1.0) < 1e-6


@pytest.mark.parametrize("seeds", [3, 10])
def test_intervals_cover_the_truth_as_often_as_they_claim(seeds):
    generator = np.random.default_rng(seeds)
    covered = []
    for _ in range(400):
        low, high = judge(*draw_arms(generator, seeds, 300, seeds=0.02, images=0.15)).interval(0.05)
        covered.append(low <= 0 <= high)
    # 95 %, with three standard errors of 400 draws: 92 to 98; wider is allowed, narrower is not.
    assert np.mean(covered) > 0.92
