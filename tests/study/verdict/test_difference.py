import numpy as np
import pytest
from scipy import stats

from tests.study.studies import draw_arms
from tfzero.study.verdict.difference import Difference, judge_difference


def make_difference(mean=0.0, *, by_replicates=1.0, by_images=0.0, samples=(5, 100_000)):
    return Difference(mean, by_replicates, by_images, samples, 0.0, 0.0, 0.0)


def test_seed_noise_alone_is_the_paired_t_test_of_scipy():
    # Arms that differ on few of very many images: what varies is the replicates' means.
    counts = np.array([[400, 900, 650, 800, 500], [0, 0, 0, 0, 0]])
    images = np.arange(1_000_000)
    first, second = (images[None, :] < counts[:, :, None]).astype(bool)
    found = judge_difference(first, second)
    gaps = counts[0] / 1_000_000 * 100
    expected = stats.ttest_rel(gaps, np.zeros(5))
    low, high = expected.confidence_interval(0.95)
    assert found.interval(0.05) == pytest.approx((low, high), rel=0.02)
    assert found.p_value < 0.05


def test_the_parts_of_the_variance_against_slow_loops():
    first, second = draw_arms(np.random.default_rng(5), 4, 9, gap=0.1, seeds=0.1, images=0.3)
    points = 100.0 * (first * 1.0 - second * 1.0)
    seeds, images = points.shape
    grand = sum(points.flat) / points.size
    by_seed = [sum(row) / images for row in points]
    by_image = [sum(column) / seeds for column in points.T]
    v_seed = sum((value - grand) ** 2 for value in by_seed) / (seeds - 1)
    v_image = sum((value - grand) ** 2 for value in by_image) / (images - 1)
    v_rest = sum(
        (points[s, i] - by_seed[s] - by_image[i] + grand) ** 2
        for s in range(seeds)
        for i in range(images)
    ) / ((seeds - 1) * (images - 1))
    found = judge_difference(first, second)
    assert found.mean == pytest.approx(grand)
    assert found.by_replicates == pytest.approx(v_seed / seeds)
    error = v_seed / seeds + v_image / images - v_rest / (seeds * images)
    assert error > max(v_seed / seeds, v_image / images)  # or a floor would be tested
    assert found.by_replicates + found.by_images == pytest.approx(error)
    assert found.of_replicates == pytest.approx(v_seed - v_rest / images)
    assert found.of_images == pytest.approx(max(v_image - v_rest / seeds, 0))
    assert found.of_rest == pytest.approx(v_rest)


def test_each_one_way_variance_is_a_floor():
    generator = np.random.default_rng(2)
    for _ in range(50):
        first, second = draw_arms(generator, 3, 20, images=0.1)
        points = 100.0 * (first * 1.0 - second * 1.0)
        found = judge_difference(first, second)
        error = found.by_replicates + found.by_images
        assert error >= points.mean(axis=1).var(ddof=1) / 3 - 1e-9
        assert error >= points.mean(axis=0).var(ddof=1) / 20 - 1e-9


@pytest.mark.parametrize("freedom", [2, 4, 9])
@pytest.mark.parametrize("alpha", [0.05, 0.004])
def test_without_image_noise_the_interval_is_students(freedom, alpha):
    found = make_difference(by_images=1e-12, samples=(freedom + 1, 10**6)).interval(alpha)
    assert found[1] == pytest.approx(stats.t.isf(alpha / 2, freedom), rel=1e-3)
    assert found[0] == -found[1]


def test_without_seed_noise_the_interval_is_that_of_the_images():
    found = make_difference(by_replicates=0.0, by_images=4.0, samples=(3, 50)).interval(0.01)
    assert found[1] == pytest.approx(2 * stats.t.isf(0.005, 49), rel=1e-3)


def test_both_noises_have_the_tail_of_a_simulated_sum():
    generator = np.random.default_rng(0)
    draws = 2 * generator.standard_t(3, 10**6) + 3 * generator.standard_normal(10**6)
    found = make_difference(by_replicates=4.0, by_images=9.0, samples=(4, 10**6))
    for alpha in (0.05, 0.005):
        size = found.interval(alpha)[1]
        assert np.mean(np.abs(draws) > size) == pytest.approx(alpha, rel=0.1)


def test_p_values_agree_with_the_intervals():
    found = make_difference(2.0, by_replicates=0.5, by_images=0.3, samples=(6, 400))
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
    found = judge_difference(first, second)
    assert found.mean == pytest.approx(-100 / 36)
    low, high = found.interval(0.05)
    assert low < found.mean < high and found.p_value > 0.05


def test_identical_predictions_on_few_images_are_no_certainty():
    few = judge_difference(np.ones((3, 36), bool), np.ones((3, 36), bool))
    assert few.mean == 0 and few.p_value == pytest.approx(1)
    assert few.interval(0.05)[1] > 100 / 36 and few.p_beyond(1.0) > 0.3
    many = judge_difference(np.ones((3, 10_000), bool), np.ones((3, 10_000), bool))
    assert many.p_beyond(1.0) < 1e-6


def test_replicates_that_share_an_encoder_count_once():
    generator = np.random.default_rng(4)
    first, second = draw_arms(generator, 3, 200, gap=0.05, seeds=0.05)
    repeated = np.repeat(first, 4, axis=0), np.repeat(second, 4, axis=0)
    groups = np.repeat(np.arange(3), 4)
    assert judge_difference(*repeated, groups=groups) == judge_difference(first, second)
    assert judge_difference(*repeated).p_value < judge_difference(first, second).p_value


@pytest.mark.parametrize("seeds", [3, 10])
def test_intervals_cover_the_truth_as_often_as_they_claim(seeds):
    generator = np.random.default_rng(seeds)
    covered = []
    for _ in range(400):
        low, high = judge_difference(
            *draw_arms(generator, seeds, 300, seeds=0.02, images=0.15)
        ).interval(0.05)
        covered.append(low <= 0 <= high)
    # 95 %, with three standard errors of 400 draws: 92 to 98; wider is allowed, narrower is not.
    assert np.mean(covered) > 0.92
