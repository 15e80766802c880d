import pytest

from tests.study.studies import SCRATCH, plan_study
from tfzero.common.arm import Arm
from tfzero.jobs.final_time import choose_labels, expect_seconds

SVM = Arm("pixels", "svm")
ARM = Arm.parse(SCRATCH)


def verdict_of(arm, seconds):
    table = [
        {"arm": arm, "num_labels": count, "transfer_seconds": each}
        for count, each in seconds.items()
    ]
    return {"table": table}


@pytest.fixture
def plan():
    return plan_study(num_images=6000, label_counts=[20, 200], arms=[SCRATCH, "pixels/svm"])


def test_a_network_s_seconds_grow_by_its_updates(plan):
    verdict = verdict_of(SCRATCH, {20: 2.0, 200: 3.0})
    assert expect_seconds(plan, verdict, ARM, 200) == pytest.approx(3.0)
    # Others are 1,000 of 64, or ten passes in calls of 20.
    studied = plan.transfer[200].steps * 64
    assert expect_seconds(plan, verdict, ARM, 1500) == pytest.approx(3 * 1000 * 96 / studied)
    assert expect_seconds(plan, verdict, ARM, 8000) == pytest.approx(3 * 1260 * 96 / studied)


def test_a_classical_head_s_seconds_grow_as_they_did(plan):
    assert expect_seconds(plan, verdict_of(SVM, {20: 0.1, 200: 10.0}), SVM, 2000) == pytest.approx(
        1000
    )
    assert expect_seconds(plan, verdict_of(SVM, {20: 0.1, 200: 0.1}), SVM, 2000) == pytest.approx(
        1.0
    )
    assert expect_seconds(plan, verdict_of(SVM, {200: 1.0}), SVM, 800) == pytest.approx(8.0)


def test_a_fifth_of_the_minutes_decides_how_many_labels_are_learnt_from(plan):
    verdict = verdict_of(SVM, {20: 1.0, 200: 10.0})  # 20 labels a second
    given = plan.model_copy(update={"minutes": 4.0})  # 48 seconds, of which 8 are for the rest
    assert choose_labels(plan, verdict, SVM, speed=1.0) == plan.data.num_train == 4200
    count = choose_labels(given, verdict, SVM, speed=1.0)
    assert 700 < count <= 800
    assert 1400 < choose_labels(given, verdict, SVM, speed=2.0) <= 1600
    hasty = plan.model_copy(update={"minutes": 0.1})
    assert choose_labels(hasty, verdict, SVM, speed=1.0) == 200  # what the study had anyway
