"""How much error each look at a growing study may spend."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
from scipy import interpolate, optimize, special

# Of the 5 % that a family of claims may be wrong in, what the planned looks spend. Seeds that are
# added later (`more_seeds`) spend the rest: 0.5 %, 0.25 %, ...
PLANNED, _FIRST_EXTENSION = 0.04, 0.005
_NODES = 60


def extension_level(number: int) -> float:
    """Returns the error that extension `number`, counted from 1, may spend.

    Over any number of extensions the sum stays below 1 %.
    """
    return _FIRST_EXTENSION / 2 ** (number - 1)


@functools.lru_cache(maxsize=4096)
def nominal_levels(fractions: tuple[float, ...], alpha: float) -> tuple[float, ...]:
    """Returns the two-sided level of each look, so that all looks together spend `alpha`.

    After a fraction t of all seeds alpha t^2 is spent. The level of a look is such that, with no
    difference, the test rejects there and at no look before with the probability that it adds:
    for tests of normal means with independent increments.

    Args:
        fractions: Rising shares of all seeds at the looks, in (0, 1].
        alpha: What all looks together spend, in (0, 1).

    Reference:
        Lan and DeMets 1983, Biometrika 70:659 (spending); Kim and DeMets 1987, Biometrika 74:149
        (the power family); Armitage, McPherson and Rowe 1969, JRSS A 132:235 (the recursion).
    """
    levels: list[float] = []
    time, spent = 0.0, 0.0
    places, density = np.zeros(1), np.ones(1)  # a Brownian motion that has not crossed yet
    for fraction in fractions:
        scale = (fraction - time) ** 0.5
        adds = alpha * fraction**2 - spent

        def crossing(bound: float, scale=scale, places=places, density=density) -> float:
            above, below = (places - bound) / scale, (-bound - places) / scale
            return float(density @ (special.ndtr(above) + special.ndtr(below)))

        # At most what the first look alone would need; at least nothing.
        far = fraction**0.5 * 40.0
        bound = optimize.brentq(lambda bound, adds=adds: crossing(bound) - adds, 0.0, far)
        levels.append(float(2 * special.ndtr(-bound / fraction**0.5)))
        nodes, weights = np.polynomial.legendre.leggauss(_NODES)
        new = bound * nodes
        steps = (new[:, None] - places[None, :]) / scale
        kernel = np.exp(-(steps**2) / 2) / (scale * (2 * np.pi) ** 0.5)
        places, density = new, (kernel @ density) * bound * weights
        time, spent = fraction, alpha * fraction**2
    return tuple(levels)


def level_at_look(looks: tuple[int, ...], look: int, alpha: float) -> float:
    """Returns the two-sided level of a look that spends its part of `alpha`.

    Args:
        looks: Numbers of seeds at all looks.
        look: Which, counted from 1.
        alpha: What all looks together spend, in (0, 1].
    """
    return float(np.exp(_curves(looks)[look - 1].level(np.log(min(alpha, _ALPHAS[-1])))))


def spent_by(looks: tuple[int, ...], look: int, p_value: float) -> float:
    """Returns the smallest `alpha` of all looks together at which this look rejects.

    Args:
        looks: Numbers of seeds at all looks.
        look: Which, counted from 1.
        p_value: Two-sided, at this look alone.
    """
    curve = _curves(looks)[look - 1]
    if p_value <= np.exp(curve.least):
        return 0.0
    log_p = np.log(p_value)
    return 1.0 if log_p > curve.most else float(np.exp(curve.alpha(log_p)))


# Between these the curves are interpolated in logarithms.
_ALPHAS = np.concatenate([np.geomspace(1e-12, 0.5, 36), np.linspace(0.55, 0.999, 10)])


class _Curve(NamedTuple):
    """A look's level by the alpha of all looks, and back, both in logarithms."""

    level: interpolate.PchipInterpolator
    alpha: interpolate.PchipInterpolator
    least: float
    most: float


@functools.lru_cache(maxsize=64)
def _curves(looks: tuple[int, ...]) -> list[_Curve]:
    fractions = tuple(seeds / looks[-1] for seeds in looks)
    levels = np.log(
        [nominal_levels(fractions, float(alpha)) for alpha in _ALPHAS]
    )  # (alphas, looks)
    alphas = np.log(_ALPHAS)
    return [
        _Curve(
            interpolate.PchipInterpolator(alphas, column),
            interpolate.PchipInterpolator(column, alphas),
            column[0],
            column[-1],
        )
        for column in levels.T
    ]
