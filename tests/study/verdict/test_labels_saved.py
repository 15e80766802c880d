import dataclasses

import numpy as np
import pytest

from tests.study.studies import SCRATCH, make_right, plan_study
from tfzero.common.arm import Arm
from tfzero.study.verdict.judge import compare_arms, see
from tfzero.study.verdict.labels_saved import find_crossover, labels_saved
from tfzero.study.verdict.look import Look
from tfzero.study.verdict.remarks import describe_beside

COUNTS = [6, 12, 24, 48]
VAE = Arm("vae", "lpft")
NOISE = np.array([0.0, 0.2, -0.2, 0.1, -0.1])


PLAN = plan_study(arms=["vae/lpft", SCRATCH], label_counts=COUNTS, num_images=300)


def make_study(transfer, scratch=(60, 70, 80, 90), *, num_test=20_000):
    accuracy = {}
    for count, ours, theirs in zip(COUNTS, transfer, scratch, strict=True):
        accuracy["vae/lpft", count] = list(ours + NOISE)
        accuracy[SCRATCH, count] = list(theirs + NOISE[::-1])
    return see(PLAN, make_right(accuracy, num_test=num_test), np.arange(num_test) % 3)


def compare(seen, *, margin):
    plan = PLAN.model_copy(update={"margin": margin})
    return compare_arms(plan, seen, Look((5,), 1))


def test_labels_saved_are_interpolated_in_the_logarithm():
    found = labels_saved(make_study((75, 80, 85, 90)), VAE)
    by_count = {entry["num_labels"]: entry for entry in found}
    # 75 lies half-way between scratch at 12 and at 24 labels: the geometric mean.
    first = by_count[6]
    assert first["labels"] == pytest.approx((12 * 24) ** 0.5, rel=0.01)
    assert first["utility"] == pytest.approx(first["labels"] / 6 - 1)
    assert first["labels_low"] < first["labels"] < first["labels_high"] < 24
    assert by_count[12]["labels"] == pytest.approx(24, rel=0.02)
    # The interval of 48 labels reaches beyond the study: that end is not known.
    assert by_count[48]["labels_high"] is None and by_count[48]["labels_low"] < 48


def test_beyond_the_study_nothing_is_extrapolated():
    found = labels_saved(make_study((50, 95, 95, 95)), VAE)
    assert found[0]["bound"] == "at most" and found[0]["labels"] == 6
    assert found[1]["bound"] == "at least" and found[1]["labels"] == 48
    verdict = {"labels_saved": found}
    verdict |= dict.fromkeys(
        ("crossovers", "comparisons", "scratch_long", "added", "added_counts"), []
    )
    said = describe_beside(verdict)
    assert said[0] == (
        "vae/lpft with 6 labels is as accurate as scratch with fewer than 6, the fewest in this "
        "study."
    )
    assert "with more than 48, the most" in said[1]


def test_a_scratch_curve_that_dips_is_made_monotone():
    found = labels_saved(make_study((75, 80, 85, 90), (60, 72, 70, 90)), VAE)
    assert found[0]["bound"] is None and 24 < found[0]["labels"] < 48


def test_one_label_count_or_few_replicates_say_nothing():
    seen = make_study((75, 80, 85, 90))
    only = {place: cells for place, cells in seen.right.items() if place[1] == 6}
    assert labels_saved(dataclasses.replace(seen, right=only), VAE) == []
    two = {place: {r: cells[r] for r in (0, 1)} for place, cells in seen.right.items()}
    assert labels_saved(dataclasses.replace(seen, right=two), VAE) == []


def test_crossover_is_where_the_difference_falls_through_zero():
    seen = make_study((66, 74, 80, 84), (60, 70, 80.2, 90))
    found = find_crossover(compare(seen, margin=0.5), VAE)
    assert found["between"] == [12, 24] and not found["shown"]
    assert 20 < found["num_labels"] < 24
    shown = compare(make_study((66, 74, 70, 84), (60, 70, 80, 90)), margin=0.1)
    assert find_crossover(shown, VAE)["shown"]
    always = compare(make_study((66, 74, 85, 95)), margin=0.1)
    assert find_crossover(always, VAE) is None
