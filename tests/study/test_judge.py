import numpy as np
import pytest
from scipy import stats

from tfzero.data import from_arrays
from tfzero.study import words
from tfzero.study.difference import judge_difference
from tfzero.study.judge import holm, judge, t_half_width
from tfzero.study.study import make_plan

SCRATCH = "scratch/finetune"


@pytest.fixture
def plan():
    images = np.random.default_rng(0).integers(0, 256, (90, 8, 8, 1), np.uint8)
    data = from_arrays(images, np.arange(90) % 3)
    return make_plan(data, arms=["vae/lpft", "gan/lpft", SCRATCH], label_counts=[6, 12], seeds=5)


NUM_TEST = 1000


def call_judge(plan, accuracy, encoders=()):
    """The verdict for {(arm, count): accuracies in percent by replicate}, a multiple of 0.1.

    The images that an arm gets right are the first so many: arms differ as little as they can.
    """
    records = [
        {
            "spec": {"arm": arm, "num_labels": count, "replicate": replicate},
            "cost": {"seconds": 1.5},
        }
        for (arm, count), values in accuracy.items()
        for replicate in range(len(values))
    ]
    right = {
        place: {r: np.arange(NUM_TEST) < round(10 * value) for r, value in enumerate(values)}
        for place, values in accuracy.items()
    }
    return judge(plan, records, list(encoders), right)


ENCODERS = [{"spec": {"method": "vae", "replicate": r}, "cost": {"seconds": 4.0}} for r in range(5)]
BASE = [80.0, 81.0, 79.0, 80.5, 79.5]


def test_half_width_is_the_t_interval_of_scipy():
    values = np.array(BASE)
    low, high = stats.t.interval(0.95, 4, values.mean(), stats.sem(values))
    assert t_half_width(values) == pytest.approx((high - low) / 2)
    assert t_half_width(values[:1]) is None


def draw(generator, seeds, images, *, gap=0.0, seed_spread=0.0, image_spread=0.0):
    """Two arms' (S, I): accuracy 0.8 and 0.8 + gap, moved by replicate and by image."""
    by_seed = generator.normal(0, seed_spread, (2, seeds, 1))
    by_image = generator.normal(0, image_spread, (2, 1, images))
    chance = 0.8 + by_seed + by_image + np.array([gap, 0.0])[:, None, None]
    return generator.random((2, seeds, images)) < chance


def test_difference_with_seed_noise_alone_is_the_paired_t_test_of_scipy():
    # Arms that differ on few of very many images: what varies is the replicates' means.
    counts = np.array([[400, 900, 650, 800, 500], [0, 0, 0, 0, 0]])
    images = np.arange(1_000_000)
    first, second = (images[None, :] < counts[:, :, None]).astype(bool)
    found = judge_difference(first, second)
    gaps = counts[0] / 1_000_000 * 100
    expected = stats.ttest_rel(gaps, np.zeros(5))
    low, high = expected.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((low, high), rel=0.02)
    assert found.p_value < 0.05 and found.low > 0


def test_difference_against_slow_loops():
    generator = np.random.default_rng(5)
    first, second = draw(generator, 4, 9, gap=0.1, seed_spread=0.1, image_spread=0.3)
    points = 100.0 * (first * 1.0 - second * 1.0)
    seeds, images = points.shape
    grand = sum(points.flat) / points.size
    by_seed = [sum(row) / images for row in points]
    by_image = [sum(column) / seeds for column in points.T]
    v_seed = sum((value - grand) ** 2 for value in by_seed) / (seeds - 1)
    v_image = sum((value - grand) ** 2 for value in by_image) / (images - 1)
    rest = sum(
        (points[s, i] - by_seed[s] - by_image[i] + grand) ** 2
        for s in range(seeds)
        for i in range(images)
    ) / ((seeds - 1) * (images - 1))
    parts = v_seed / seeds, v_image / images, rest / (seeds * images)
    error = (parts[0] + parts[1] - parts[2]) ** 0.5
    assert error**2 > max(parts[0], parts[1])  # or another branch would be tested
    freedom = error**4 / (parts[0] ** 2 / 3 + parts[1] ** 2 / 8 + parts[2] ** 2 / 24)
    found = judge_difference(first, second)
    assert found.mean == pytest.approx(grand)
    half_width = stats.t.ppf(0.975, max(freedom, 3)) * error
    assert found.high - grand == pytest.approx(half_width)
    assert grand - found.low == pytest.approx(half_width)
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(grand) / error, max(freedom, 3)))


def test_the_same_gap_in_every_replicate_is_still_uncertain():
    first = np.zeros((3, 36), bool)
    second = first.copy()
    second[[0, 1, 2], [4, 9, 20]] = True
    found = judge_difference(first, second)
    assert found.mean == pytest.approx(-100 / 36)
    assert found.low < found.mean < found.high and found.p_value > 0.05


def test_identical_predictions_differ_by_nothing():
    found = judge_difference(np.ones((3, 5), bool), np.ones((3, 5), bool))
    assert (found.mean, found.low, found.high, found.p_value) == (0.0, 0.0, 0.0, 1.0)


@pytest.mark.parametrize("seeds", [3, 10])
def test_intervals_cover_the_truth_as_often_as_they_claim(seeds):
    generator = np.random.default_rng(seeds)
    covered = [
        found.low <= 0 <= found.high
        for _ in range(400)
        for found in [
            judge_difference(*draw(generator, seeds, 300, seed_spread=0.02, image_spread=0.15))
        ]
    ]
    # 95 %, with three standard errors of 400 draws: 92 to 98; wider is allowed, narrower is not.
    assert np.mean(covered) > 0.92


def test_holm_by_hand():
    # Sorted 0.01, 0.02, 0.04: 3 * 0.01, 2 * 0.02, 1 * 0.04, then made monotone.
    assert holm([0.02, 0.04, 0.01]) == pytest.approx([0.04, 0.04, 0.03])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_verdict_finds_the_better_the_worse_and_the_open(plan):
    accuracy = {
        ("vae/lpft", 6): [value + 5 + 0.1 * i for i, value in enumerate(BASE)],
        ("gan/lpft", 6): [value - 4 - 0.1 * i for i, value in enumerate(BASE)],
        (SCRATCH, 6): BASE,
        ("vae/lpft", 12): [81.0, 79.0, 80.0, 79.5, 81.0],
        ("gan/lpft", 12): BASE[::-1],
        (SCRATCH, 12): BASE,
    }
    verdict = call_judge(plan, accuracy, ENCODERS)
    outcomes = {(c["arm"], c["num_labels"]): c["outcome"] for c in verdict["comparisons"]}
    assert outcomes == {
        ("vae/lpft", 6): "transfer better",
        ("gan/lpft", 6): "scratch better",
        ("vae/lpft", 12): "cannot tell",
        ("gan/lpft", 12): "cannot tell",
    }
    first = verdict["comparisons"][0]
    assert first["difference"] == pytest.approx(5.2)
    assert first["low"] < 5.2 < first["high"] and first["p_holm"] == pytest.approx(
        4 * first["p_value"]
    )
    best = {entry["num_labels"]: entry for entry in verdict["best"]}
    assert best[6] == {"num_labels": 6, "highest": "vae/lpft", "arms": ["vae/lpft"]}
    assert set(best[12]["arms"]) == {"vae/lpft", "gan/lpft", SCRATCH}
    row = verdict["table"][0]
    assert (row["pretrain_seconds"], row["transfer_seconds"]) == (4.0, 1.5)
    sentences = [words.describe_comparison(entry) for entry in verdict["comparisons"]]
    assert sentences[0].startswith(
        "At 6 labels transfer (vae/lpft) beats training from scratch by 5.2 points (95 % interval"
    )
    assert "training from scratch beats transfer (gan/lpft) by 4.2 points" in sentences[1]
    assert "cannot tell" in sentences[2] and "5 seeds" in sentences[2]
    headline = words.write_headline(verdict["comparisons"], arms=plan.arms, seeds=5)
    assert "pays at 6 labels" in headline and "At 12 labels this study cannot tell" in headline


def test_holm_withholds_a_win_that_one_comparison_alone_would_claim(plan):
    noisy = [value + step for value, step in zip(BASE, [1.0, 2.0, 0.2, 1.5, 0.3], strict=True)]
    accuracy = {(arm, count): BASE for arm in plan.arms for count in (6, 12)}
    accuracy["vae/lpft", 6] = noisy
    verdict = call_judge(plan, accuracy, ENCODERS)
    [entry] = [c for c in verdict["comparisons"] if c["p_value"] < 1]
    assert entry["p_value"] < 0.05 < entry["p_holm"]
    assert entry["outcome"] == "cannot tell"


def test_what_the_verdict_cannot_tell_apart_shares_the_best_set(plan):
    # One of four comparisons may have p = 0.02 and be undecided; one of two in the best set not.
    steps = [1.6, 2.0, 0.3, 1.5, 0.6]
    accuracy = {(arm, count): BASE for arm in plan.arms for count in (6, 12)}
    accuracy["vae/lpft", 6] = [value + step for value, step in zip(BASE, steps, strict=True)]
    verdict = call_judge(plan, accuracy)
    [entry] = [c for c in verdict["comparisons"] if c["p_value"] < 1]
    assert 0.0125 < entry["p_value"] < 0.025 and entry["outcome"] == "cannot tell"
    assert SCRATCH in verdict["best"][0]["arms"]
    assert verdict["best"][0]["highest"] == "vae/lpft"


def test_two_seeds_give_figures_and_no_verdict(plan):
    accuracy = {(arm, 6): BASE[:2] for arm in plan.arms}
    verdict = call_judge(plan, accuracy, ENCODERS)
    assert verdict["comparisons"] == []
    assert len(verdict["table"]) == 3
    assert set(verdict["best"][0]["arms"]) == set(plan.arms)
    assert "seeds are 2" in words.write_headline([], arms=plan.arms, seeds=2)
    assert "not among the arms" in words.write_headline([], arms=["vae/lpft"], seeds=9)


def test_an_all_null_family_is_seldom_called(plan):
    generator = np.random.default_rng(7)
    false = 0
    for _ in range(300):
        accuracy = {
            (arm, count): list(80 + generator.normal(0, 2, 5).round(1))
            for arm in plan.arms
            for count in (6, 12)
        }
        outcomes = call_judge(plan, accuracy)["comparisons"]
        false += any(entry["outcome"] != "cannot tell" for entry in outcomes)
    # 5 % family-wise: at most 27 of 300 in 999 of 1000 such tests.
    assert false <= 27


def test_recommendation_is_the_best_network_and_owns_up_to_a_better_baseline(plan):
    verdict = {
        "best": [{"num_labels": 6, "highest": "pixels/svm", "arms": ["pixels/svm"]}],
        "table": [
            {"arm": "pixels/svm", "num_labels": 6, "mean": 90.0, "half_width": 1.0},
            {"arm": SCRATCH, "num_labels": 6, "mean": 85.0, "half_width": 1.0},
            {"arm": "vae/lpft", "num_labels": 6, "mean": 86.0, "half_width": 1.0},
        ],
    }
    found = words.recommend(verdict, network_arms=[SCRATCH, "vae/lpft"])
    assert found["arm"] == "vae/lpft"
    assert "pixels/svm scored 4.0 points more at 6 labels" in found["notes"][0]
    assert words.recommend(verdict, network_arms=[]) is None


def test_smallest_difference_shrinks_with_seeds_and_images():
    few = words.smallest_difference(num_test=100, seeds=3)
    many = words.smallest_difference(num_test=10_000, seeds=20)
    assert "about 9.4 points" in few and "about 1.5 points" in many
