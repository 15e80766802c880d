import dataclasses

import pytest

from tests.study.verdict.vectors import CASES
from tfzero.study.verdict.components import Components, measure_components
from tfzero.study.verdict.shrinkage import ArmComponents, judge_arms


def measure(case):
    return {
        arm: ArmComponents(
            {place: measure_components(each, case.classes) for place, each in enumerate(points)},
            measure_components(points.mean(axis=0), case.classes),
        )
        for arm, points in case.points.items()
    }


def list_judgements(case):
    """Each judged difference with what is expected of it."""
    judged = judge_arms(measure(case))
    for arm, expected in case.judged.items():
        yield from zip(judged[arm].counts.values(), expected["counts"], strict=True)
        if expected["average"] is not None:
            yield judged[arm].average, expected["average"]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_judgements_of_known_cases(case):
    judgements = list(list_judgements(case))
    assert len(judgements) >= 3
    for found, expected in judgements:
        assert found.mean == pytest.approx(expected["mean"])
        assert found.by_replicates == pytest.approx(expected["by_seeds"])
        assert found.by_images == pytest.approx(expected["by_images"], abs=1e-12)
        assert found.freedom == pytest.approx(expected["df"])
        # The expected tails were integrated more coarsely.
        assert found.p_value == pytest.approx(expected["p"], abs=3e-4)
        assert found.p_beyond(1.0) == pytest.approx(expected["p_beyond_margin_1"], abs=3e-4)
        assert found.interval(0.05) == pytest.approx(expected["interval_95"], abs=0.02)


def make_components(between=1.0, *, by_class=1.0, units=3):
    return Components(
        mean=2.0,
        units=units,
        images=5000,
        between_units=between,
        rest=0.01,
        of_images=0.02,
        by_class=by_class,
        freedom_by_class=15.0,
    )


def make_arm(*between, **others):
    counts = {place: make_components(each, **others) for place, each in enumerate(between)}
    return ArmComponents(counts, make_components(between[0], **others))


def test_a_variance_that_is_small_by_chance_is_drawn_up():
    family = {"a": make_arm(0.001, 1.0), "b": make_arm(1.1, 0.9), "c": make_arm(0.8, 1.2)}
    found = judge_arms(family)["a"].counts[0]
    assert found.by_replicates > 0.5 / 3 and found.freedom > 3 * 2
    alone = judge_arms({"a": ArmComponents({0: make_components(0.001)})})["a"].counts[0]
    # Its own label counts tell it nothing here, but W does.
    assert alone.by_replicates > 0.2 / 3


def test_an_arm_that_varies_more_than_its_family_is_judged_by_itself():
    calm = {name: make_arm(1.0, 1.0) for name in "bcde"}
    wild = make_arm(16.0, 16.0)
    found = judge_arms({"a": wild, **calm})["a"].counts[0]
    assert found.by_replicates > 10 / 3
    # Believing the family, it would be far less.
    tame = judge_arms({"a": make_arm(16.0, 1.0), **calm})["a"].counts[0]
    assert tame.by_replicates < found.by_replicates


def test_one_collapsed_replicate_of_another_arm_does_not_decide():
    usual = judge_arms({"a": make_arm(1.0, 1.0), "b": make_arm(1.0, 1.0)})["a"].counts[0]
    beside = judge_arms({"a": make_arm(1.0, 1.0), "b": make_arm(900.0, 900.0)})["a"].counts[0]
    capped = judge_arms({"a": make_arm(1.0, 1.0), "b": make_arm(10.0, 10.0)})["a"].counts[0]
    assert usual.by_replicates < beside.by_replicates == capped.by_replicates


def test_arms_with_fewer_replicates_count_for_less():
    def judged(units):
        other = make_arm(4.0, 4.0, units=units)
        return judge_arms({"a": make_arm(1.0, 1.0), "b": other})["a"].counts[0].by_replicates

    assert judged(3) < judged(20)


def test_where_classes_tell_nothing_replicates_do():
    silent = dataclasses.replace(make_components(2.0), by_class=0.0, freedom_by_class=0.0)
    found = judge_arms({"a": ArmComponents({6: silent})})["a"].counts[6]
    assert found.freedom == 2 and found.by_replicates == pytest.approx(2.0 / 3)


def test_a_comparison_alone_expects_a_larger_variance():
    beside = judge_arms({"a": make_arm(1.0, 1.0)})["a"].counts[0]
    alone = judge_arms({"a": ArmComponents({0: make_components(1.0)})})["a"].counts[0]
    assert alone.by_replicates > 1.1 * beside.by_replicates
