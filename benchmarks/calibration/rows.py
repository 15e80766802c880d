"""The rows of the tables."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator

from benchmarks.calibration.population import Population
from benchmarks.calibration.scenarios import GAINS, Change, Scenario


@dataclasses.dataclass(frozen=True)
class Row:
    """One row: a scenario, and how many times the usual number of studies."""

    scenario: Scenario
    weight: int = 1

    @property
    def text(self) -> str:
        """What the tables call it, with seeds and test images."""
        s = self.scenario
        looks = "up to " if s.early_stop else ""
        return f"{s}; {looks}{s.seeds} seeds, {s.images:,} images"


def _collapse(population: Population) -> Population:
    return population.collapse((1,), 0.1)


def _shake(population: Population) -> Population:
    return population.shake((1,), 2.5)


_TEN = (50, 200, 1000)
# In a tenth of its replicates one arm answers one class only. Replicates that do not are as good
# as the baseline: the arm is worse on average.
_COLLAPSED = Change("one arm collapses", _collapse, moves_truth=True)
# All replicates together are as good as the baseline.
_LEVELLED = Change("one arm collapses and gains as much", _collapse)
_SHAKEN = Change("seeds vary more than classes show", _shake)


def _list_rows() -> Iterator[Row]:
    for population in ("features, 10 classes", "networks, 10 classes"):
        ten = functools.partial(Scenario, population, counts=_TEN)
        for seeds in (3, 5, 10):
            for images in (500, 5000):
                yield Row(ten(seeds, images), 2 if images == 500 else 1)
        yield Row(ten(10, 500, True), 2)
        yield Row(ten(10, 5000, True))
        yield Row(ten(5, 500, encoders=3))
        yield Row(ten(10, 500, True, encoders=3))
        yield Row(ten(10, 500, True, encoders=5))
        yield Row(ten(5, 500, change=_COLLAPSED))
        yield Row(ten(10, 500, True, change=_COLLAPSED))
        yield Row(ten(10, 500, True, change=_LEVELLED))
        for counts in ((20, 5000), (20, 200, 5000)):
            yield Row(Scenario(population, 5, 500, counts=counts))
            yield Row(Scenario(population, 10, 500, True, counts=counts))
        for arms, counts in (((1,), (200,)), ((3,), (1000,)), ((2,), (50,))):
            for seeds in (3, 5, 10):
                yield Row(Scenario(population, seeds, 500, counts=counts, arms=arms), 2)
        yield Row(Scenario(population, 10, 500, True, counts=(200,), arms=(1,)), 2)
        one = functools.partial(Scenario, population, counts=(200,), arms=(1,), change=_SHAKEN)
        for seeds in (3, 5, 10):
            yield Row(one(seeds, 500), 2)
            yield Row(one(seeds, 5000))
        yield Row(one(10, 500, True), 2)
    for population in (
        "features, 2 classes",
        "features, 3 classes",
        "features, uneven classes",
        "features, 100 classes",
        "networks, 2 classes",
        "networks, uneven classes",
        "networks, 100 classes",
        "convolutions, 10 classes",
    ):
        yield Row(Scenario(population, 3, 500))
        yield Row(Scenario(population, 5, 500))
        yield Row(Scenario(population, 10, 500, True))


ROWS = tuple(_list_rows())

FALSE_HEADER = (
    "| studies | V / W | no difference | at the margin | mixed | one arm better | old "
    "| counts | averages | all | one better: counts | averages | all | old |\n"
    + "| --- " * 14
    + "|"
)
POWER_HEADER = (
    f"| studies | old counts at {', '.join(map(str, GAINS))} | counts | averages "
    "| seeds used | half-width old | half-width |\n" + "| --- " * 7 + "|"
)


def show_false(row: Row, figures: dict[str, float]) -> str:
    """Returns a row of false claims in percent of families, and of coverage."""
    names = ("null", "margin", "mixed", "gain", "old null")
    names += ("null counts", "null averages", "null together")
    names += ("gain counts", "gain averages", "gain together", "old counts")
    shares = [_percent(figures[name]) for name in names]
    ratio = f"{figures['least ratio']:.2f} to {figures['most ratio']:.2f}"
    return f"| {row.text} | {ratio} | {' | '.join(shares)} |"


def show_power(row: Row, figures: dict[str, float]) -> str:
    """Returns a row of power in percent, by gain, and of half-widths in points."""
    powers = [
        "/".join(_percent(figures[f"{name} {gain}"], 0) for gain in GAINS)
        for name in ("old", "count", "average")
    ]
    widths = f"{figures['old width']:.1f} | {figures['width']:.1f}"
    return f"| {row.text} | {' | '.join(powers)} | {figures['seeds']:.1f} | {widths} |"


def _percent(share: float, digits: int = 1) -> str:
    return "" if share != share else f"{100 * share:.{digits}f}"
