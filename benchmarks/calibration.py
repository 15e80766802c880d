"""How often the judge is wrong, on studies whose truth is known.

    python benchmarks/calibration.py /usr/share/datasets/fashion-mnist

Real images, real classifiers, known answers. Features of all images are computed once (whitened
principal components, random projection, rectified). An arm is a ridge classifier on a random
subset of the features, drawn anew for each replicate like an encoder; arms that draw as many
features are equally good, and more features plant a difference. A thousand replicates of each arm
are fitted and scored on a large bank of held-out images: their mean over replicates and bank is
the truth. A study then draws its replicates and its test images afresh, and the judge, with the
very functions that `tfzero compare` uses, decides a family of two transfer arms at three label
counts. Takes about 45 minutes of one core and 4 GB for 60,000 images.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
import types

import numpy as np

import tfzero
from tfzero.common.arm import Arm
from tfzero.study.planning.plan import SCRATCH
from tfzero.study.verdict import judge as judging
from tfzero.study.verdict.family import (
    CANNOT_TELL,
    NO_DIFFERENCE,
    SCRATCH_BETTER,
    TRANSFER_BETTER,
    judge_family,
    level_of_look,
)
from tfzero.study.verdict.forecast import forecast_settlement

ARMS = (Arm("vae", "lpft"), Arm("gan", "lpft"))
MARGIN = 1.0
NUM_FEATURES, NUM_COMPONENTS = 1024, 100
# Features of the arms that are equally good.
BASE_FEATURES = 60


@dataclasses.dataclass(frozen=True)
class Bank:
    """Features `(F, N)` and labels; `num_train` images to learn from, the rest held out."""

    features: np.ndarray
    labels: np.ndarray
    num_train: int

    @property
    def held_out(self) -> int:
        """How many images are held out."""
        return len(self.labels) - self.num_train


def make_bank(data: tfzero.data.ImageData, *, num_train: int, most: int = 40_000) -> Bank:
    """Returns features of at most `most` images, test and training part shuffled together."""
    generator = np.random.default_rng(0)
    images = np.concatenate([data.train_images, data.test_images])
    labels = np.concatenate([data.train_labels, data.test_labels])
    chosen = generator.permutation(len(images))[:most]
    pixels = images[chosen].reshape(len(chosen), -1).astype(np.float32) / 255
    pixels -= pixels.mean(axis=0)
    _, values, rows = np.linalg.svd(pixels[:5000], full_matrices=False)
    keep = min(NUM_COMPONENTS, int((values > values[0] * 1e-3).sum()))
    components = pixels @ rows[:keep].T / np.sqrt(values[:keep] / np.sqrt(min(len(pixels), 5000)))
    directions = generator.normal(size=(keep, NUM_FEATURES)).astype(np.float32)
    features = np.maximum(components @ directions / np.sqrt(keep), 0)
    return Bank(np.ascontiguousarray(features.T, np.float32), labels[chosen], num_train)


def fit_replicate(bank: Bank, size: int, subset: np.ndarray, generator) -> np.ndarray:
    """Returns which held-out images a ridge classifier on random features gets right."""
    rows = bank.features[generator.choice(NUM_FEATURES, size, replace=False)]
    known = rows[:, subset].T
    mean = known.mean(axis=0)
    known = known - mean
    classes = int(bank.labels.max()) + 1
    targets = np.eye(classes, dtype=np.float32)[bank.labels[subset]] - 1 / classes
    strength = len(subset) / 10 * known.var()
    head = np.linalg.solve(known.T @ known + strength * np.eye(size), known.T @ targets)
    scores = (rows[:, bank.num_train :].T - mean) @ head.astype(np.float32)
    return scores.argmax(axis=1) == bank.labels[bank.num_train :]


def size_for(bank: Bank, count: int, gap: float, *, draws: int) -> int:
    """Returns how many features score about `gap` points more than the base."""
    if gap == 0:
        return BASE_FEATURES
    few = bank.num_train + 3000  # held-out images enough for a rough answer
    bank = Bank(bank.features[:, :few], bank.labels[:few], bank.num_train)

    def mean(size):
        generator = np.random.default_rng(7)
        return 100 * np.mean(
            [
                fit_replicate(
                    bank, size, generator.permutation(bank.num_train)[:count], generator
                ).mean()
                for _ in range(draws)
            ]
        )

    sizes = [int(BASE_FEATURES * factor) for factor in (1, 1.08, 1.17, 1.35, 1.7, 2.2, 3)]
    means = np.maximum.accumulate([mean(size) for size in sizes])
    return int(np.interp(means[0] + gap, means, sizes))


def make_population(bank: Bank, count: int, sizes: list[int], *, replicates: int) -> np.ndarray:
    """Returns bool `(arms, replicates, held out)`; a replicate's arms share their labels."""
    right = np.empty((len(sizes), replicates, bank.held_out), bool)
    for replicate in range(replicates):
        subset = np.random.default_rng([1, replicate]).permutation(bank.num_train)[:count]
        for place, size in enumerate(sizes):
            generator = np.random.default_rng([2, count, place, replicate])
            right[place, replicate] = fit_replicate(bank, size, subset, generator)
    return right


@dataclasses.dataclass(frozen=True)
class Scenario:
    """Studies of one kind.

    Attributes:
        name: What the table calls it.
        gaps: Points planted for the two transfer arms.
        seeds: Replicates.
        images: Test images.
        collapse: Share of replicates that answer one class only, in every arm.
        looks: 2 to follow the advice of "cannot tell" and look again.
        encoders: Encoders a method; None for one a replicate.
    """

    name: str
    gaps: tuple[float, float] = (0.0, 0.0)
    seeds: int = 10
    images: int = 500
    collapse: float = 0.0
    looks: int = 1
    encoders: int | None = None


SCENARIOS = [
    *(Scenario("no difference", seeds=s, images=i) for s in (3, 5, 10) for i in (500, 5000)),
    Scenario("no difference, 10 % collapse", seeds=5, collapse=0.1),
    Scenario("no difference, 10 % collapse", seeds=10, collapse=0.1),
    Scenario("no difference, more seeds as advised", seeds=5, looks=2),
    *(Scenario("1 point", (1, 1), s, i) for s, i in ((10, 500), (10, 5000))),
    *(Scenario("2 points", (2, 2), s, i) for s, i in ((10, 500), (10, 5000))),
    *(Scenario("5 points", (5, 5), s, i) for s in (3, 5, 10) for i in (500, 5000)),
    Scenario("5 points, more seeds as advised", (5, 5), seeds=5, looks=2),
    Scenario("one arm 0, one 1 point", (0, 1), seeds=10, images=5000),
    Scenario("one arm 0, one 1 point", (0, 1), seeds=20, images=20_000),
]


class Populations:
    """Fitted replicates by (label count, gap), made once."""

    def __init__(
        self, bank: Bank, counts: tuple[int, ...], gaps, *, replicates: int, draws: int = 800
    ):
        self.counts = counts
        self.bank = bank
        self.right: dict[tuple[int, float], np.ndarray] = {}
        for count in counts:
            sizes = [size_for(bank, count, gap, draws=draws) for gap in gaps]
            # Scratch first; then two arms of each gap.
            drawn = make_population(
                bank, count, [BASE_FEATURES, *np.repeat(sizes, 2)], replicates=replicates
            )
            self.right[count, -1.0] = drawn[:1]
            for place, gap in enumerate(gaps):
                self.right[count, gap] = drawn[1 + 2 * place : 3 + 2 * place]

    def truth(self, count: int, gap: float, place: int) -> float:
        """Returns an arm's true difference from scratch, in points; exactly 0 for equal arms."""
        if gap == 0:
            return 0.0
        return 100.0 * float(
            self.right[count, gap][place].mean() - self.right[count, -1.0][0].mean()
        )


def draw_study(populations: Populations, scenario: Scenario, seeds: int, generator):
    """Returns `Right` of a study: replicates and test images drawn afresh."""
    some = next(iter(populations.right.values()))
    # With replacement: independent draws from a population whose mean is known exactly.
    images = generator.integers(some.shape[2], size=scenario.images)
    replicates = generator.integers(some.shape[1], size=seeds)
    chance = 1 / (int(populations.bank.labels.max()) + 1)
    right = {}
    for count in populations.counts:
        drawn = [populations.right[count, -1.0][0]]
        drawn += [populations.right[count, gap][place] for place, gap in enumerate(scenario.gaps)]
        cells = [[population[r][images] for r in replicates] for population in drawn]
        equal = [0, *(place + 1 for place, gap in enumerate(scenario.gaps) if gap == 0)]
        for replicate in range(seeds):  # equally good arms change places: no truth but 0
            order = generator.permutation(equal)
            swapped = [cells[place][replicate] for place in order]
            for place, cell in zip(equal, swapped, strict=True):
                cells[place][replicate] = cell
        for arm, values in zip((SCRATCH, *ARMS), cells, strict=True):
            right[arm, count] = {
                r: generator.random(len(images)) < chance
                if generator.random() < scenario.collapse
                else value
                for r, value in enumerate(values)
            }
    return right


def run_study(populations: Populations, scenario: Scenario, generator) -> dict[str, float]:
    """Returns what the judge got right and wrong in one study."""
    family = [(arm, count) for count in populations.counts for arm in ARMS]
    truths = {
        (arm, count): populations.truth(count, scenario.gaps[place], place)
        for count in populations.counts
        for place, arm in enumerate(ARMS)
    }
    most = scenario.seeds if scenario.looks == 1 else 4 * scenario.seeds
    right = draw_study(populations, scenario, most, generator)
    seeds, false = scenario.seeds, 0
    for look in range(1, scenario.looks + 1):
        seen = {place: {r: cells[r] for r in range(seeds)} for place, cells in right.items()}
        alpha = level_of_look(look)
        judged = judge_family(
            seen, family, baseline=SCRATCH, alpha=alpha, margin=MARGIN, encoders=scenario.encoders
        )
        false |= any(is_false(c.outcome, truths[c.arm, c.num_labels]) for c in judged)
        if look < scenario.looks:
            seeds = min(most, max(seeds + 1, _advised(judged, len(family), look)))
    pairs = [(c, truths[c.arm, c.num_labels]) for c in judged]
    plan = types.SimpleNamespace(arms=(SCRATCH, *ARMS), encoders=scenario.encoders)
    kept = [
        max((SCRATCH, *ARMS), key=lambda arm: (truths.get((arm, count), 0.0), arm != SCRATCH))
        in judging._best(plan, seen, count, set(), alpha)["arms"]
        for count in populations.counts
    ]
    return {
        "false": float(false),
        "coverage": np.mean([c.single[0] <= truth <= c.single[1] for c, truth in pairs]),
        "together": float(all(c.interval[0] <= truth <= c.interval[1] for c, truth in pairs)),
        "better": np.mean([c.outcome == TRANSFER_BETTER for c, _ in pairs]),
        "nothing": np.mean([c.outcome == NO_DIFFERENCE for c, _ in pairs]),
        "best": np.mean(kept),
        "seeds": seeds,
    }


def _advised(judged, size: int, look: int) -> int:
    """Returns the seeds that the most hopeful "cannot tell" asks for."""
    alpha = level_of_look(look + 1) / size
    asked = [
        forecast.seeds[0]
        for c in judged
        if c.outcome == CANNOT_TELL
        for forecast in [forecast_settlement(c.difference, margin=MARGIN, alpha=alpha)]
        if forecast.seeds
    ]
    return min(asked, default=0)


def is_false(outcome: str, truth: float) -> bool:
    """Returns whether an outcome claims what is not so."""
    return (
        (outcome == TRANSFER_BETTER and truth <= 0)
        or (outcome == SCRATCH_BETTER and truth >= 0)
        or (outcome == NO_DIFFERENCE and abs(truth) >= MARGIN)
    )


def measure(populations: Populations, scenario: Scenario, *, studies: int) -> dict[str, float]:
    """Returns the mean of `run_study` over many studies."""
    generator = np.random.default_rng(11)
    found = [run_study(populations, scenario, generator) for _ in range(studies)]
    return {name: float(np.mean([study[name] for study in found])) for name in found[0]}


def show(scenario: Scenario, rates: dict[str, float]) -> str:
    """Returns one row of the table."""
    names = ("false", "coverage", "together", "better", "nothing", "best")
    shares = [f"{100 * rates[name]:.1f}" for name in names]
    seeds = (
        f"{scenario.seeds}" if scenario.looks == 1 else f"{scenario.seeds}, {rates['seeds']:.1f}"
    )
    return f"| {scenario.name} | {seeds} | {scenario.images:,} | {' | '.join(shares)} |"


HEADER = (
    "| scenario | seeds | test images | false verdict in family | interval covers | all cover "
    "| transfer better | no difference | best arm in set |\n" + "| --- " * 9 + "|"
)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", help="what tfzero.load_data takes")
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--replicates", type=int, default=1000)
    parser.add_argument("--label-counts", default="50,200,1000")
    arguments = parser.parse_args()
    began = time.monotonic()
    bank = make_bank(tfzero.load_data(arguments.data), num_train=15_000)
    counts = tuple(int(count) for count in arguments.label_counts.split(","))
    populations = Populations(bank, counts, (0, 1, 2, 5), replicates=arguments.replicates)
    for gap in (1, 2, 5):
        planted = [populations.truth(count, gap, place) for count in counts for place in (0, 1)]
        print(f"planted {gap}: {', '.join(f'{value:.2f}' for value in planted)} points")
    print(f"{time.monotonic() - began:.0f} s to fit\n\n{HEADER}", flush=True)
    for scenario in SCENARIOS:
        print(show(scenario, measure(populations, scenario, studies=arguments.studies)), flush=True)
    print(f"\n{time.monotonic() - began:.0f} s in all")


if __name__ == "__main__":
    main()
