"""What a family of comparisons tells of each one's variance.

A variance between three to five replicates is hardly known. W of `Components` estimates the same
with ten times as many degrees of freedom, but for a ratio rho = V / W, which differs from study
to study. The family's comparisons tell rho together, and each one's variance is drawn towards
rho W as far as its own few replicates cannot tell (Smyth 2004, Statistical Applications in Genetics
and Molecular Biology 3:3, does so with the variances of genes).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable, Mapping
from typing import NamedTuple, TypeVar

from tfzero.study.verdict.components import Components
from tfzero.study.verdict.difference import Difference

Name = TypeVar("Name", bound=Hashable)

# The constants were chosen by simulation (docs/benchmarks/calibration.md).
# What a ratio starts from, and how many degrees of freedom this counts.
_START, _START_FREEDOM = 1.0, 4.0
# Of a comparison that no other one stands beside. From 1.0, such claims were false in up to 5.6 %
# where the true ratio is 1.4 to 1.75; from 1.5, intervals are too wide where it is 0.9.
_START_ALONE = 1.25
# Of the family, an arm believes as many degrees of freedom as this, less where it differs.
_TRUSTED_FREEDOM = 6.0
# What a degree of freedom of another comparison counts: label counts of one arm vary alike; other
# arms and averages tell less.
_OF_COUNTS, _OF_ARMS = 0.9, 0.5
# One collapsed replicate of another arm must not decide.
_MOST_RATIO = 10.0
# How far the true ratios of comparisons scatter about the family's.
_SCATTER = 0.05


@dataclasses.dataclass(frozen=True)
class ArmComponents:
    """The components of one arm's comparisons.

    Attributes:
        counts: By label count.
        average: Of the average over label counts; None for a single count.
    """

    counts: Mapping[int, Components]
    average: Components | None = None


@dataclasses.dataclass(frozen=True)
class ArmDifferences:
    """The differences of one arm, judged: by label count, and of their average."""

    counts: dict[int, Difference]
    average: Difference | None = None


class _Ratio(NamedTuple):
    """An estimate of V / W, and the degrees of freedom that it is worth."""

    value: float
    freedom: float


def judge_arms(arms: Mapping[Name, ArmComponents]) -> dict[Name, ArmDifferences]:
    """Returns the differences of all arms of a family, each variance steadied by the others'."""
    judged = {}
    for arm, mine in arms.items():
        others = [other for name, other in arms.items() if name != arm]
        prior, trust = _read_family(mine, others)
        counts = {}
        for count, components in mine.counts.items():
            own = [each for other, each in mine.counts.items() if other != count]
            ratio = _pool(prior, _TRUSTED_FREEDOM * trust, _OF_COUNTS, own)
            counts[count] = judge_components(components, ratio)
        average = None
        if mine.average is not None:
            start = _pool(prior, _TRUSTED_FREEDOM * trust, _OF_COUNTS, mine.counts.values())
            averages = [other.average for other in others if other.average is not None]
            ratio = _pool(
                start.value, _TRUSTED_FREEDOM, _OF_ARMS * trust, averages, most=_MOST_RATIO
            )
            average = judge_components(mine.average, ratio)
        judged[arm] = ArmDifferences(counts, average)
    return judged


def _read_family(mine: ArmComponents, others: list[ArmComponents]) -> tuple[float, float]:
    """Returns the ratio that the other arms tell, and how far this arm may be judged by it.

    An arm whose replicates vary far more than its family's is judged by itself.
    """
    found = [components for other in others for components in other.counts.values()]
    start = _START if found or len(mine.counts) > 1 else _START_ALONE
    prior = _pool(start, _START_FREEDOM, _OF_ARMS, found, most=_MOST_RATIO).value
    own = [components.ratio for components in mine.counts.values()]
    mean = sum(own) / len(own)
    return prior, min(1.0, 2 * prior / mean) ** 2 if mean > 0 else 1.0


def _pool(
    start: float,
    freedom: float,
    weight: float,
    found: Iterable[Components],
    *,
    most: float = float("inf"),
) -> _Ratio:
    """Returns the mean of a start and of found ratios, weighted by degrees of freedom."""
    found = list(found)
    counted = [weight * components.freedom for components in found]
    ratios = [min(components.ratio, most) for components in found]
    total = freedom + sum(counted)
    if total == 0:
        return _Ratio(start, 0.0)
    summed = sum(count * ratio for count, ratio in zip(counted, ratios, strict=True))
    return _Ratio((freedom * start + summed) / total, total)


def judge_components(components: Components, ratio: _Ratio) -> Difference:
    """Returns the difference with its replicates' variance drawn towards ratio W.

    With P = max(ratio W, F) the squared standard error is

        SE^2 = theta / U + max(Q - F / U, (100 / I)^2 - theta / U, 0),
        theta = max((d0 P + (U - 1) V) / (d0 + U - 1), F),
        d0 = 1 / (1 / f_W + (0.05 + 1 / omega) (1 - F / P)).

    The second part is the test images'. It is floored by the weight of one test image: two arms
    that answer all alike on few images may differ on the next.
    """
    units, images = components.units, components.images
    expected = max(ratio.value * components.by_class, components.rest)
    prior = _freedom_of_prior(components, ratio, expected)
    freedom = prior + components.freedom
    drawn = (prior * expected + components.freedom * components.between_units) / freedom
    variance = max(drawn, components.rest)
    by_replicates = variance / units
    by_images = components.of_images - components.rest / units
    rest = components.rest * images
    return Difference(
        mean=components.mean,
        by_replicates=by_replicates,
        by_images=max(by_images, (100.0 / images) ** 2 - by_replicates, 0.0),
        freedom=freedom,
        units=units,
        images=images,
        of_replicates=max(variance - components.rest, 0.0),
        of_images=max(by_images * images, 0.0),
        of_rest=rest,
    )


def _freedom_of_prior(components: Components, ratio: _Ratio, expected: float) -> float:
    if components.freedom_by_class == 0 or expected == 0:
        return 0.0
    scatter = _SCATTER + (1 / ratio.freedom if ratio.freedom else float("inf"))
    beyond_rest = 1 - components.rest / expected
    uncertain = scatter * beyond_rest if beyond_rest > 0 else 0.0
    return 1 / (1 / components.freedom_by_class + uncertain)
