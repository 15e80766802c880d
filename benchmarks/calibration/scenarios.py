"""Kinds of studies, and the figures of many of each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from benchmarks.calibration.population import Population
from benchmarks.calibration.studies import MARGIN, Course, OldStudy, Study, draw_sample

GAINS = (1, 2, 3, 5)


@dataclasses.dataclass(frozen=True)
class Change:
    """Something that happens to a population.

    Attributes:
        words: What the tables call it.
        apply: Returns the changed population.
        moves_truth: Whether the truth is what the changed population has. Else the means are
            moved anew, so that the truth is what a row asks for, whatever changed.
    """

    words: str
    apply: Callable[[Population], Population]
    moves_truth: bool = False


@dataclasses.dataclass(frozen=True)
class Scenario:
    """Studies of one kind.

    Attributes:
        population: Its name.
        seeds: Most replicates.
        images: Test images.
        early_stop: Whether the judge looks at 3, 5, 7, ... replicates and may stop.
        counts: Label counts; None for all of the population's.
        arms: Of the population, from 1; None for all.
        encoders: Encoders per method, where replicates share them.
        change: What else happens to the population.
    """

    population: str
    seeds: int
    images: int
    early_stop: bool = False
    counts: tuple[int, ...] | None = None
    arms: tuple[int, ...] | None = None
    encoders: int | None = None
    change: Change | None = None

    def __str__(self) -> str:
        parts = [self.population]
        if self.counts is not None:
            parts.append(f"{' and '.join(f'{count:,}' for count in self.counts)} labels")
        if self.arms is not None and len(self.arms) == 1:
            parts.append("one arm")
        if self.encoders is not None:
            parts.append(f"{self.encoders} encoders")
        if self.change is not None:
            parts.append(self.change.words)
        return ", ".join(parts)


def play_study(scenario: Scenario, changed: Population, reference, generator) -> dict[str, float]:
    """Returns what one study gives, under several truths.

    - "null": no arm differs from the baseline.
    - "margin": each arm is better or worse by exactly the margin.
    - "mixed": each comparison is one of the three.
    - a gain of 1, 2, 3 or 5 points: one arm has it at every count, the others have nothing.
    """
    sample = draw_sample(
        changed,
        seeds=scenario.seeds,
        images=scenario.images,
        encoders=scenario.encoders,
        generator=generator,
    )
    study = Study(sample, changed.truths, reference)
    shape = reference.shape
    margin = MARGIN * generator.choice([-1, 1], size=(shape[0], 1)) * np.ones(shape)
    mixed = MARGIN * generator.integers(-1, 2, size=shape)
    null = study.play(np.zeros(shape), early_stop=scenario.early_stop)
    figures = {
        "null": null.false,
        "margin": study.play(margin, early_stop=scenario.early_stop).false,
        "mixed": study.play(mixed, early_stop=scenario.early_stop).false,
        **coverage_of(null, "null"),
    }
    lucky = int(generator.integers(shape[0]))
    for gain in GAINS:
        asked = np.zeros(shape)
        asked[lucky] = gain
        course = study.play(asked, early_stop=scenario.early_stop)
        figures |= _power(course, study.pairs[lucky], gain)
        if gain == 2:
            figures |= {"gain": course.false, "seeds": course.seeds, **coverage_of(course, "gain")}
    ratios = [
        (each.between_units, each.by_class)
        for arm in range(shape[0])
        for each in study.measure(arm, scenario.seeds).counts.values()
    ]
    figures |= {f"V{k}": v for k, (v, _) in enumerate(ratios)}
    figures |= {f"W{k}": w for k, (_, w) in enumerate(ratios)}
    return figures | _old(study, lucky)


def coverage_of(course: Course, name: str) -> dict[str, float]:
    """Returns the shares of intervals that hold the truth, each alone and all together."""
    held = np.array(
        [c.single[0] <= t <= c.single[1] for c, t in zip(course.last, course.truths, strict=True)]
    )
    averages = np.array([c.num_labels is None for c in course.last])
    together = all(
        c.interval[0] < t < c.interval[1] for c, t in zip(course.last, course.truths, strict=True)
    )
    return {
        f"{name} counts": float(held[~averages].mean()),
        f"{name} averages": float(held[averages].mean()) if averages.any() else np.nan,
        f"{name} together": float(together),
    }


def _power(course: Course, pair, gain: int) -> dict[str, float]:
    places = [place for place in course.better if place.arm == pair]
    ours = [c for c in course.last if (c.arm, c.baseline) == pair]
    averages = [c for c in ours if c.num_labels is None]
    counts = len(ours) - len(averages)
    figures = {
        f"count {gain}": sum(place.count is not None for place in places) / counts,
        f"average {gain}": float(any(place.count is None for place in places))
        if averages
        else np.nan,
    }
    if gain == 2:
        heads = averages or ours
        figures["width"] = float(np.mean([np.subtract(*c.single[::-1]) / 2 for c in heads]))
    return figures


def _old(study: Study, lucky: int) -> dict[str, float]:
    old = OldStudy(study)
    shape = study.reference.shape
    figures = {"old null": old.claims(np.zeros(shape))[1], "old counts": old.covers()}
    for gain in GAINS:
        asked = np.zeros(shape)
        asked[lucky] = gain
        figures[f"old {gain}"] = float(old.claims(asked)[0][lucky].mean())
    heads = old.averages if shape[1] > 1 else [arm[0] for arm in old.judged]
    figures["old width"] = heads[lucky].half_width(0.05)
    return figures


def measure(scenario: Scenario, population: Population, *, studies: int) -> dict[str, float]:
    """Returns the means of many studies, and medians of half-widths."""
    population = population.take(scenario.arms, scenario.counts)
    reference, changed = population.truths, population
    if scenario.change is not None:
        changed = scenario.change.apply(population)
        reference = reference if scenario.change.moves_truth else changed.truths
    generator = np.random.default_rng(11)
    found = [play_study(scenario, changed, reference, generator) for _ in range(studies)]
    figures = {
        name: float((np.median if "width" in name else np.mean)([each[name] for each in found]))
        for name in found[0]
    }
    ratios = [figures[name] / figures[f"W{name[1:]}"] for name in figures if name[0] == "V"]
    return figures | {"least ratio": min(ratios), "most ratio": max(ratios)}
