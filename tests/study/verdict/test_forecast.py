import numpy as np
import pytest

from tests.study.studies import draw_arms, plan_study
from tfzero.study.verdict import words
from tfzero.study.verdict.difference import judge_difference
from tfzero.study.verdict.forecast import detectable_difference, forecast_settlement

ALPHA = 0.01


def test_a_forecast_is_kept():
    # Studies as large as the forecast asks see the difference about as often as it says.
    generator = np.random.default_rng(3)
    noise = {"seeds": 0.03, "images": 0.0}
    found = judge_difference(*draw_arms(generator, 12, 400, gap=0.03, **noise))
    forecast = forecast_settlement(found, margin=3.0, alpha=ALPHA)
    low, high = forecast.seeds
    truth = 100 * 0.03
    seen = {
        seeds: np.mean(
            [
                judge_difference(*draw_arms(generator, seeds, 400, gap=0.03, **noise)).p_value
                < ALPHA
                for _ in range(200)
            ]
        )
        for seeds in (low, high)
    }
    assert forecast.points >= truth
    assert seen[low] < 0.95 and seen[high] > 0.65 and 12 <= low < high


def test_what_cannot_help_is_said():
    # Every replicate agrees image by image: only the test set is small.
    generator = np.random.default_rng(0)
    one = np.repeat(generator.random((1, 60)) < 0.8, 5, axis=0)
    other = np.repeat(generator.random((1, 60)) < 0.8, 5, axis=0)
    by_images = forecast_settlement(judge_difference(one, other), margin=1.0, alpha=ALPHA)
    assert by_images.seeds is None and by_images.images[0] > 60
    said = words.describe_settlement(vars(by_images))
    assert "test images (more seeds alone would not do)" in said and "seeds or" not in said
    # Replicates differ as wholes, on very many images: only seeds are few.
    steps = np.array([0.0, 0.1, -0.1, 0.06, -0.05])[:, None]
    first = np.linspace(0, 1, 10_000)[None, :] < 0.8 + steps
    second = np.linspace(0, 1, 10_000)[None, :] < np.full((5, 1), 0.8)
    by_seeds = forecast_settlement(judge_difference(first, second), margin=1.0, alpha=ALPHA)
    assert by_seeds.images is None and by_seeds.seeds[0] > 5
    assert "more test images alone would not do" in words.describe_settlement(vars(by_seeds))


@pytest.mark.parametrize("more", ["seeds", "images"])
def test_detectable_difference_shrinks_with_seeds_and_with_images(more):
    size = {"seeds": 5, "images": 200}
    larger = {**size, more: 10 * size[more]}
    few, many = (
        detectable_difference(4.0, 900.0, 100.0, alpha=ALPHA, **each) for each in (size, larger)
    )
    assert many < few


def test_the_plan_says_how_small_a_difference_it_sees():
    few = words.smallest_difference(plan_study(seeds=3))
    many = words.smallest_difference(plan_study(seeds=20, num_images=3000))

    def points(sentence):
        return float(sentence.partition("about ")[2].split()[0])

    assert points(few) > 2 * points(many)
    assert "gives figures without intervals" in words.smallest_difference(plan_study(seeds=1))


def test_the_plan_says_what_shared_encoders_cost():
    shared = words.smallest_difference(plan_study(seeds=6, encoders=3))
    own = words.smallest_difference(plan_study(seeds=6))
    alone = own.partition("about ")[2].split()[0]
    assert "3 encoders a method" in shared and f"it would be {alone}." in shared
    assert "--encoders" not in own
    # A single encoder is what the verdict is about, whatever the seeds.
    assert "--encoders" not in words.smallest_difference(plan_study(seeds=6, encoders=1))
