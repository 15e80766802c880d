import numpy as np
import pytest

from tests.study.studies import draw_arms
from tests.study.verdict.vectors import CASES
from tfzero.common.checks import InputError
from tfzero.study.verdict.components import measure_components


def draw_points(generator, units, num_images, **noise):
    first, second = draw_arms(generator, units, num_images, **noise)
    return 100.0 * (first * 1.0 - second * 1.0)


def test_the_parts_against_slow_loops():
    generator = np.random.default_rng(5)
    points = draw_points(generator, 4, 9, gap=0.1, seeds=0.1, images=0.3)
    classes = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2])
    units, images = points.shape
    means = [sum(row) / images for row in points]
    grand = sum(means) / units
    by_image = [sum(column) / units for column in points.T]
    rest = sum(
        (points[s, i] - means[s] - by_image[i] + grand) ** 2
        for s in range(units)
        for i in range(images)
    ) / ((units - 1) * (images - 1))
    variances, shares = [], []
    for k in range(3):
        members = [i for i in range(images) if classes[i] == k]
        share = len(members) / images
        parts = [sum(points[s, i] for i in members) / images for s in range(units)]
        left = [part - share * mean for part, mean in zip(parts, means, strict=True)]
        variances.append(np.var(left, ddof=1))
        shares.append(share)
    found = measure_components(points, classes)
    assert found.mean == pytest.approx(grand)
    assert found.between_units == pytest.approx(np.var(means, ddof=1))
    assert found.rest == pytest.approx(rest / images)
    assert found.of_images == pytest.approx(np.var(by_image, ddof=1) / images)
    assert found.by_class == pytest.approx(sum(variances) / (1 - sum(s**2 for s in shares)))
    freedom = 3 * 2 / 3 * sum(variances) ** 2 / sum(v**2 for v in variances)
    assert found.freedom_by_class == pytest.approx(freedom)
    assert (found.units, found.images) == (4, 9)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_parts_of_known_cases(case):
    for points, expected in case.matrices():
        found = measure_components(points, case.classes)
        values = {
            "V": found.between_units,
            "W": found.by_class,
            "f_W": found.freedom_by_class,
            "F": found.rest,
            "Q": found.of_images,
            "U": found.units,
        }
        assert values == pytest.approx(expected)


def test_units_that_differ_by_class_alone_tell_the_variance_between_units():
    # Each unit gains or loses in each class independently: V and W estimate the same.
    generator = np.random.default_rng(1)
    classes = np.repeat(np.arange(10), 50)
    found = [
        measure_components(generator.normal(0, 5, (4, 10))[:, classes], classes) for _ in range(400)
    ]
    between, by_class = (
        np.mean([getattr(each, name) for each in found]) for name in ("between_units", "by_class")
    )
    assert by_class == pytest.approx(between, rel=0.1)
    # And W is known far better.
    spread = [np.std([getattr(e, n) for e in found]) for n in ("between_units", "by_class")]
    assert spread[1] < spread[0] / 2


def test_weights_make_classes_count_alike():
    classes = np.array([0] * 90 + [1] * 10)
    points = np.tile(np.where(classes == 1, 100.0, 0.0), (3, 1))
    weights = np.where(classes == 1, 5.0, 100 / 180)
    assert measure_components(points, classes).mean == pytest.approx(10)
    assert measure_components(points, classes, weights=weights).mean == pytest.approx(50)


def test_one_class_and_equal_units_tell_nothing_by_class():
    points = draw_points(np.random.default_rng(0), 3, 20)
    alone = measure_components(points, np.zeros(20, int))
    assert alone.freedom_by_class == 0 and alone.ratio == 1
    equal = measure_components(np.ones((3, 20)), np.arange(20) % 2)
    assert equal.freedom_by_class == 0 and equal.between_units == 0


def test_a_single_unit_is_refused():
    with pytest.raises(InputError, match="at least 2 replicates"):
        measure_components(np.zeros((1, 5)), np.zeros(5, int))


def test_units_that_differ_alike_in_every_class_tell_nothing_by_class():
    # Each unit gains the same in each class: the variance by class is one of rounding.
    points = np.zeros((3, 300))
    for unit, gain in enumerate((1, 2, 4)):
        points[unit, : 30 * gain] = 100.0
    found = measure_components(points, np.arange(300) % 3)
    assert found.between_units > 100 and (found.by_class, found.freedom_by_class) == (0, 0)
