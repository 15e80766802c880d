import numpy as np
import pytest

from tests.study.studies import draw_arms, plan_study
from tests.study.verdict.test_difference import judge
from tfzero.study.verdict import words
from tfzero.study.verdict.forecast import detectable_difference, forecast_settlement

ALPHA = 0.01


def test_a_forecast_is_kept():
    # Studies as large as the forecast asks see the difference about as often as it says.
    generator = np.random.default_rng(3)
    noise = {"seeds": 0.03, "images": 0.0}
    found = judge(*draw_arms(generator, 12, 400, gap=0.03, **noise))
    forecast = forecast_settlement(found, margin=3.0, alpha=ALPHA)
    low, high = forecast.seeds
    truth = 100 * 0.03
    seen = {
        seeds: np.mean(
            [
                judge(*draw_arms(generator, seeds, 400, gap=0.03, **noise)).p_value < ALPHA
                for _ in range(200)
            ]
        )
        for seeds in (low, high)
    }
    assert forecast.points >= truth
    assert seen[low] < 0.95 and seen[high] > 0.55 and 12 <= low < high


def test_what_cannot_help_is_said():
    # Every replicate agrees image by image: only the test set is small.
    generator = np.random.default_rng(0)
    one = np.repeat(generator.random((1, 60)) < 0.8, 5, axis=0)
    other = np.repeat(generator.random((1, 60)) < 0.8, 5, axis=0)
    by_images = forecast_settlement(judge(one, other), margin=1.0, alpha=ALPHA)
    assert by_images.seeds is None and by_images.images[0] > 60
    said = words.describe_settlement(vars(by_images))
    assert "test images (more seeds alone are not enough)" in said and "seeds or" not in said
    # Replicates differ as wholes, on very many images: only seeds are few.
    steps = np.array([0.0, 0.1, -0.1, 0.06, -0.05])[:, None]
    first = np.linspace(0, 1, 10_000)[None, :] < 0.8 + steps
    second = np.linspace(0, 1, 10_000)[None, :] < np.full((5, 1), 0.8)
    by_seeds = forecast_settlement(judge(first, second), margin=1.0, alpha=ALPHA)
    assert by_seeds.images is None and by_seeds.seeds[0] > 5
    assert "more test images alone are not enough" in words.describe_settlement(vars(by_seeds))


@pytest.mark.parametrize("more", ["seeds", "images"])
def test_detectable_difference_shrinks_with_seeds_and_with_images(more):
    size = {"seeds": 5, "images": 200}
    larger = {**size, more: 10 * size[more]}
    few, many = (
        detectable_difference(4.0, 900.0, 100.0, alpha=ALPHA, prior=8.0, **each)
        for each in (size, larger)
    )
    assert many < few


def test_what_the_family_tells_of_the_variance_makes_smaller_differences_seen():
    size = {"seeds": 3, "images": 5000, "alpha": ALPHA}
    alone, told = (detectable_difference(4.0, 30.0, 700.0, prior=p, **size) for p in (0.0, 10.0))
    assert told < alone / 2


def say(*, seeds, num_images=90, arms=2, units=None):
    plan = plan_study(seeds=seeds, num_images=num_images)
    return words.smallest_difference(plan, arms=arms, units=units or seeds)


def test_the_plan_says_how_small_a_difference_it_sees():
    def points(sentence):
        return float(sentence.partition("about ")[2].split()[0])

    assert points(say(seeds=3)) > 2 * points(say(seeds=20, num_images=3000))
    assert points(say(seeds=6, units=3)) > points(say(seeds=6))
    assert points(say(seeds=6, arms=9)) > points(say(seeds=6))
    assert "gives figures without intervals" in say(seeds=1)
