"""Studies drawn from a population, and what the judge makes of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from benchmarks.calibration import old_judge
from benchmarks.calibration.population import Population
from tfzero.common.arm import Arm
from tfzero.study.planning.families import Family
from tfzero.study.planning.looks import choose_looks
from tfzero.study.planning.plan import SCRATCH
from tfzero.study.verdict.claims import Claim
from tfzero.study.verdict.components import measure_components
from tfzero.study.verdict.family import BETTER, CANNOT_TELL, WORSE, Comparison, decide_family
from tfzero.study.verdict.look import Earlier, Look
from tfzero.study.verdict.shrinkage import ArmComponents, ArmDifferences, judge_arms

MARGIN = 1.0
# Names for the arms of a population, in its order after the baseline.
ARMS = tuple(Arm(init, "lpft") for init in ("vae", "gan", "simclr", "rotation"))


@dataclasses.dataclass(frozen=True)
class Sample:
    """The replicates and test images of a study.

    Attributes:
        cells: bool `(A, C, S, T)`, as in `Population`.
        classes: int `(T,)`.
        counts: Label counts.
        encoders: How many encoders per method, shared by turns; None for one per replicate.
    """

    cells: np.ndarray
    classes: np.ndarray
    counts: tuple[int, ...]
    encoders: int | None = None

    def points(self, arm: int, seeds: int) -> np.ndarray:
        """Returns float `(C, U, T)`: by how many points an arm is better, in each unit."""
        first, second = self.cells[1 + arm, :, :seeds], self.cells[0, :, :seeds]
        points = 100.0 * (first.astype(np.float64) - second)
        if self.encoders is None:
            return points
        return np.stack(
            [points[:, e :: self.encoders].mean(axis=1) for e in range(self.encoders)], 1
        )

    def measure(self, arm: int, seeds: int) -> ArmComponents:
        """Returns what `judge_arms` reads, of the first `seeds` replicates."""
        points = self.points(arm, seeds)
        counts = {
            count: measure_components(each, self.classes)
            for count, each in zip(self.counts, points, strict=True)
        }
        if len(counts) == 1:
            return ArmComponents(counts)
        return ArmComponents(counts, measure_components(points.mean(axis=0), self.classes))


def draw_sample(
    population: Population, *, seeds: int, images: int, encoders: int | None, generator
) -> Sample:
    """Draws a study with replacement, so that the population's mean is its exact truth."""
    if encoders is None:
        replicates = generator.integers(len(population.encoders), size=seeds)
    else:
        names = generator.choice(np.unique(population.encoders), size=encoders)
        replicates = np.array(
            [
                generator.choice(np.flatnonzero(population.encoders == names[s % encoders]))
                for s in range(seeds)
            ]
        )
    chosen = generator.integers(len(population.classes), size=images)
    cells = np.take(population.right[:, :, replicates], chosen, axis=-1)
    return Sample(cells, population.classes[chosen], population.counts, encoders)


@dataclasses.dataclass(frozen=True)
class Course:
    """How a study went.

    Attributes:
        false: Whether any look claimed what is not so.
        last: The comparisons as the last look has them.
        truths: The truth of each, in the same order.
        seeds: Replicates at the last look.
        better: The comparisons that any look claimed as better.
    """

    false: bool
    last: list[Comparison]
    truths: list[float]
    seeds: int
    better: set[Claim]


class Study:
    """One study, which the judge may see with any truth.

    What varies does not depend on the truth. So the means are moved to where the truth shall be:
    an exact 0, or exactly the margin, with arms whose answers differ as they do.
    """

    def __init__(self, sample: Sample, truths: np.ndarray, reference: np.ndarray):
        """Takes the population's truths `(A - 1, C)`, and those that are moved to what is asked."""
        self.sample, self.truths, self.reference = sample, truths, reference
        self.pairs = [(arm, SCRATCH) for arm in ARMS[: len(truths)]]
        self.family = Family("pretraining", tuple(self.pairs))
        self._measured: dict[tuple[int, int], ArmComponents] = {}
        self._judged: dict[tuple[int, ...], dict] = {}

    @property
    def places(self) -> list[Claim]:
        """All hypotheses of the family, the averages included."""
        counts = self.sample.counts
        every = [*counts, None] if len(counts) > 1 else [*counts]
        return [Claim(pair, count) for pair in self.pairs for count in every]

    def measure(self, arm: int, seeds: int) -> ArmComponents:
        """Returns an arm's components, measured once."""
        if (arm, seeds) not in self._measured:
            self._measured[arm, seeds] = self.sample.measure(arm, seeds)
        return self._measured[arm, seeds]

    def judge(self, seeds: Sequence[int]) -> dict:
        """Returns the judged differences, each arm with as many replicates as it has."""
        key = tuple(seeds)
        if key not in self._judged:
            self._judged[key] = judge_arms(
                {pair: self.measure(a, seeds[a]) for a, pair in enumerate(self.pairs)}
            )
        return self._judged[key]

    def play(self, asked: np.ndarray, *, early_stop: bool) -> Course:
        """Returns how the study goes with truths `(A - 1, C)` instead of `reference`.

        The judge looks at fixed numbers of seeds. The study ends when some arm's average is
        claimed to be better, or every average is decided. An arm with nothing open gets no more.
        """
        moves = asked - self.reference
        truths = {place: value for place, value in self._spread(self.truths + moves)}
        moved = {place: value for place, value in self._spread(moves)}
        looks = choose_looks(self.sample.cells.shape[2], early_stop=early_stop)
        have = [looks[0]] * len(self.pairs)
        earlier: dict[Claim, Earlier] = {}
        false, better, found, seeds = False, set(), [], 0
        for number, seeds in enumerate(looks, 1):
            open_pairs = {c.arm for c in found if c.outcome == CANNOT_TELL} if found else set(ARMS)
            have = [
                seeds if arm in open_pairs else n
                for n, (arm, _) in zip(have, self.pairs, strict=True)
            ]
            judged = _move(self.judge(have), moved)
            look = Look(looks, number, {self.family.id: earlier})
            found = decide_family(self.family, judged, self.sample.counts, look, margin=MARGIN)
            places = [Claim((c.arm, c.baseline), c.num_labels) for c in found]
            earlier = {
                place: Earlier(c.claimed, c.equivalent)
                for place, c in zip(places, found, strict=True)
            }
            false |= any(is_false(c, truths[p]) for p, c in zip(places, found, strict=True))
            better |= {p for p, c in zip(places, found, strict=True) if c.claimed == BETTER}
            heads = [c for c in found if c.num_labels is None] or found
            if any(c.claimed == BETTER for c in heads):
                break
            if all(c.outcome != CANNOT_TELL for c in heads):
                break
        return Course(false, found, [truths[p] for p in places], seeds, better)

    def _spread(self, values: np.ndarray):
        """Yields each hypothesis with its value, the averages' included."""
        for pair, row in zip(self.pairs, values, strict=True):
            for count, value in zip(self.sample.counts, row, strict=True):
                yield Claim(pair, count), float(value)
            yield Claim(pair, None), float(row.mean())


def _move(judged: dict, moved: dict[Claim, float]) -> dict:
    """Returns the judged differences with other means."""

    def move(pair, count, difference):
        if difference is None:
            return None
        return dataclasses.replace(difference, mean=difference.mean + moved[Claim(pair, count)])

    return {
        pair: ArmDifferences(
            {count: move(pair, count, each) for count, each in arm.counts.items()},
            move(pair, None, arm.average),
        )
        for pair, arm in judged.items()
    }


def is_false(comparison: Comparison, truth: float) -> bool:
    """Returns whether a comparison claims what is not so."""
    return (
        (comparison.claimed == BETTER and truth <= 1e-9)
        or (comparison.claimed == WORSE and truth >= -1e-9)
        or (comparison.equivalent and abs(truth) >= MARGIN - 1e-9)
    )


class OldStudy:
    """The same study as the old judge sees it, at one look at all replicates."""

    def __init__(self, study: Study):
        sample = study.sample
        seeds = sample.cells.shape[2]
        points = [sample.points(arm, seeds) for arm in range(len(study.pairs))]
        self.judged = [[old_judge.judge_points(each) for each in arm] for arm in points]
        # Without the average, which the old judge did not know, but for its width.
        self.averages = [old_judge.judge_points(arm.mean(axis=0)) for arm in points]
        self.truths, self.reference = study.truths, study.reference

    def claims(self, asked: np.ndarray) -> tuple[np.ndarray, bool]:
        """Returns bool `(A - 1, C)`, what is claimed to be better, and if any claim is false."""
        moves = asked - self.reference
        truths = self.truths + moves
        means = np.array([[each.mean for each in arm] for arm in self.judged]) + moves
        tails = [
            [each.tail(abs(mean)) for each, mean in zip(arm, row, strict=True)]
            for arm, row in zip(self.judged, means, strict=True)
        ]
        claimed = old_judge.claim_by_holm(np.ravel(tails)).reshape(means.shape)
        beyond = [
            [
                each.tail(MARGIN - abs(mean)) / 2 if abs(mean) < MARGIN else 1.0
                for each, mean in zip(arm, row, strict=True)
            ]
            for arm, row in zip(self.judged, means, strict=True)
        ]
        equivalent = np.array(beyond) * means.size < old_judge.FIRST_LOOK
        wrong = claimed & (np.sign(means) * truths <= 1e-9)
        false = (wrong | (equivalent & (abs(truths) >= MARGIN - 1e-9))).any()
        return claimed & (means > 0) & ~equivalent, bool(false)

    def covers(self) -> float:
        """Returns the share of 95 % intervals that hold the truth."""
        held = [
            each.tail(abs(each.mean - truth)) >= 0.05
            for arm, row in zip(self.judged, self.truths, strict=True)
            for each, truth in zip(arm, row, strict=True)
        ]
        return float(np.mean(held))
