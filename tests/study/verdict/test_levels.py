import ast

import numpy as np
import pytest
from scipy import stats

from tests.study.verdict.vectors import LEVELS
from tfzero.study.planning.looks import choose_looks
from tfzero.study.verdict.levels import (
    PLANNED,
    extension_level,
    level_at_look,
    nominal_levels,
    spent_by,
)

LOOKS = (3, 5, 7, 10)


@pytest.mark.parametrize("name", LEVELS)
def test_levels_of_known_cases(name):
    fractions, _, alpha = name.partition(" alpha ")
    found = nominal_levels(tuple(ast.literal_eval(fractions)), float(alpha))
    assert found == pytest.approx(LEVELS[name], rel=1e-4)


def test_looks_together_reject_as_often_as_they_may():
    generator = np.random.default_rng(0)
    steps = np.diff([0, *LOOKS])
    sums = np.cumsum(generator.normal(size=(400_000, 4)) * steps**0.5, axis=1)
    scores = np.abs(sums) / np.array(LOOKS) ** 0.5

    bounds = stats.norm.isf(np.array([level_at_look(LOOKS, k, 0.05) for k in (1, 2, 3, 4)]) / 2)
    crossed = np.maximum.accumulate(scores > bounds, axis=1).mean(axis=0)
    # alpha t^2 after each look; three standard errors of the simulation.
    assert crossed == pytest.approx(0.05 * (np.array(LOOKS) / 10) ** 2, abs=1.1e-3)


@pytest.mark.parametrize("look", [1, 2, 3, 4])
@pytest.mark.parametrize("alpha", [1e-6, 0.003, 0.04])
def test_what_a_look_spends_is_the_inverse_of_its_level(look, alpha):
    level = level_at_look(LOOKS, look, alpha)
    assert spent_by(LOOKS, look, level) == pytest.approx(alpha, rel=1e-3)
    assert level == pytest.approx(
        nominal_levels(tuple(s / 10 for s in LOOKS), alpha)[look - 1], rel=1e-3
    )


def test_ends_of_what_can_be_spent():
    assert spent_by(LOOKS, 1, 0.9) == 1.0 and spent_by(LOOKS, 1, 0.0) == 0.0
    # A single look spends what it tests at.
    assert spent_by((10,), 1, 0.03) == pytest.approx(0.03, rel=1e-3)


def test_later_looks_spend_less_than_what_is_left():
    assert [extension_level(k) for k in (1, 2, 3)] == [0.005, 0.0025, 0.00125]
    assert PLANNED + sum(extension_level(k) for k in range(1, 100)) <= 0.05 + 1e-12


@pytest.mark.parametrize(
    ("most", "looks"),
    [(1, (1,)), (3, (3,)), (4, (3, 4)), (10, (3, 5, 7, 10)), (12, (3, 5, 7, 10, 12))],
)
def test_looks_end_with_all_seeds(most, looks):
    assert choose_looks(most) == looks
    assert choose_looks(most, early_stop=False) == (most,)
