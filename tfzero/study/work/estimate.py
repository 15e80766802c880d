"""How long a study will take, from what was timed of each kind of work."""

from __future__ import annotations

import dataclasses
import heapq
import math
from collections.abc import Iterable
from typing import NamedTuple

from tfzero.study.planning.arms import init_of
from tfzero.study.planning.inits import GIVEN_INITS, NETWORK_INITS, PIXELS, THEN, read_init
from tfzero.study.planning.plan import (
    CellSpec,
    KMeansPlan,
    StudyPlan,
    TransferPlan,
)
from tfzero.study.readings.write import mapped_inits, num_reading_images, wants_reading
from tfzero.transfer import STRATEGIES, Strategy, trains_on_unlabeled
from tfzero.transfer.budget import POOL_ROUNDS, Budget
from tfzero.transfer.folds import MOST_LABELS

NETWORK = "network"
# Seconds that a job costs beside its steps: loading, building and writing. Small beside the rest
# of any study, so constants do.
_CELL_OVERHEAD, _PRETRAINING_OVERHEAD = 0.15, 0.7
# Of a classical strategy: blocks, settings, folds.
_FITS_A_CHOICE = 25
# Seconds from the last cell to the end: saving, exporting and verifying a model, the report.
_ENDING = 9.0
# And for each encoder's map in the report, on all workers: t-SNE, most of it.
_MAP = 2.0


class Timing(NamedTuple):
    """What was timed of one kind of work, on one core, with the other cores at work.

    Attributes:
        seconds_per_step: Of an update; of the network's at the batch size of the label counts; of
            all that is done once an encoder, where there are no updates.
        seconds_per_large_step: Of the network's at the batch size of training on all labels.
        fit_seconds: What a fit costs beside its updates.
        trace_seconds: What the first call in a process costs more: building its graph.
        seconds_per_image: Of predicting an image.
        fits: (labels, seconds) of whole fits, for strategies that train no network.
    """

    seconds_per_step: float = 0.0
    seconds_per_large_step: float = 0.0
    fit_seconds: float = 0.0
    trace_seconds: float = 0.0
    seconds_per_image: float = 0.0
    fits: tuple[tuple[int, float], ...] = ()


@dataclasses.dataclass(frozen=True)
class Estimate:
    """Expected seconds of a study's jobs.

    A kind that was not timed counts 0, which only makes its share of the progress small.

    Attributes:
        timings: By init that learns, `NETWORK`, init of an encoder that came ready, or arm that
            spreads labels or trains no network.
    """

    timings: dict[str, Timing]

    def _timing(self, kind: str) -> Timing:
        return self.timings.get(kind, Timing())

    def pretraining(self, plan: StudyPlan, method: str) -> float:
        """Returns the expected seconds of one pretraining."""
        settings = plan.pretraining[method]
        timing = self._timing(_timed_instead(plan, method))
        if isinstance(settings, KMeansPlan):
            return _PRETRAINING_OVERHEAD + timing.seconds_per_step
        steps = settings.epochs * -(-plan.num_learnt_from(method) // settings.batch_size)
        return _PRETRAINING_OVERHEAD + timing.fit_seconds + steps * timing.seconds_per_step

    def cell(self, plan: StudyPlan, cell: CellSpec) -> float:
        """Returns the expected seconds of one cell."""
        if cell.init in GIVEN_INITS:
            return _CELL_OVERHEAD + self._given_cell(plan, cell)
        if not STRATEGIES[cell.strategy].trains_network:
            timing = self._timing(cell.arm)
            if STRATEGIES[cell.strategy].reads_graph:
                return _CELL_OVERHEAD + self._spreading(plan, cell, timing)
            seconds = _extrapolate(timing.fits, cell.num_labels)
            if STRATEGIES[cell.strategy].reads_blocks and cell.num_labels > MOST_LABELS:
                # A part of the labels makes the choice, and all are fitted once.
                seconds = _extrapolate(timing.fits, MOST_LABELS) + seconds / _FITS_A_CHOICE
        else:
            timing = self._timing(NETWORK)
            seconds = cell.num_labels * timing.seconds_per_image
            if cell.strategy != "probe":
                seconds += self._fit(plan, plan.transfer_for(cell))
            if trains_on_unlabeled(cell.strategy):
                seconds += self._fit_unlabeled(plan, plan.transfer_for(cell), timing)
            if STRATEGIES[cell.strategy].spreads:
                seconds += self._spreading(plan, cell, self._timing(cell.arm))
        images = plan.data.num_test + (num_reading_images(plan) if wants_reading(plan, cell) else 0)
        return _CELL_OVERHEAD + seconds + images * timing.seconds_per_image

    def _fit_unlabeled(self, plan: StudyPlan, settings: TransferPlan, timing: Timing) -> float:
        """Returns the seconds of the rounds on unlabeled images, of twice as large batches."""
        budget = Budget(**settings.model_dump())
        round_seconds = timing.fit_seconds + 2 * budget.pool_steps * timing.seconds_per_step
        looking = 2 * plan.data.num_pool * timing.seconds_per_image
        return POOL_ROUNDS * (round_seconds + looking)

    def _spreading(self, plan: StudyPlan, cell: CellSpec, timing: Timing) -> float:
        """Returns the seconds of a cell with its share of the graph that its arm's cells share."""
        cells = plan.seeds * len(plan.label_counts)
        if plan.reads_generated(cell):
            graphs = cells  # images of its own in each
        elif cell.init in (PIXELS, *GIVEN_INITS) or spreads_by_pixels(cell.arm):
            graphs = 1
        else:
            graphs = plan.num_encoders if cell.init in plan.pretraining else plan.seeds
        share = graphs / cells
        seconds = timing.fits[0][1] if timing.fits else 0.0
        return seconds + share * timing.seconds_per_step

    def _given_cell(self, plan: StudyPlan, cell: CellSpec) -> float:
        """Returns the expected seconds of a cell whose encoder came ready, and may be large."""
        timing = self._timing(cell.init)
        reading = plan.data.num_test + cell.num_labels
        strategy = STRATEGIES[cell.strategy]
        if strategy.reads_graph or strategy.spreads:
            reading += plan.data.num_pool
        if strategy.reads_features or strategy.reads_graph or strategy.spreads:
            # Read once: of labelled images a replicate, of all others a study.
            reading /= plan.seeds * len(plan.label_counts)
        seconds = reading * timing.seconds_per_image
        if strategy.reads_graph:
            return seconds + self._spreading(plan, cell, self._timing(cell.arm))
        if strategy.spreads:
            seconds += self._spreading(plan, cell, self._timing(cell.arm))
        if strategy.trains_network and cell.strategy != "probe":
            settings = plan.transfer_for(cell)
            seconds += timing.fit_seconds + settings.steps * timing.seconds_per_step
        return seconds + _extrapolate(self._timing(cell.arm).fits, cell.num_labels)

    def ending(self, plan: StudyPlan, *, workers: int) -> float:
        """Returns the expected seconds from the last cell to the end."""
        maps = _MAP * -(-len(mapped_inits(plan)) // workers)
        if not plan.network_arms():
            return _ENDING / 3 + maps  # the report alone
        return _ENDING + maps + self._fit(plan, plan.transfer[plan.data.num_train])

    def _fit(self, plan: StudyPlan, settings: TransferPlan) -> float:
        timing = self._timing(NETWORK)
        large = settings.batch_size != timed_settings(plan).batch_size
        step = timing.seconds_per_large_step if large else timing.seconds_per_step
        return timing.fit_seconds + settings.steps * step

    def total(self, plan: StudyPlan, *, pretraining, cells, workers: int) -> float:
        """Returns the expected seconds of a study's missing jobs, to its end.

        Args:
            plan: The study.
            pretraining: (method, replicate) of each encoder to come.
            cells: The cells to come.
            workers: Processes that work at once.
        """
        first = sorted((self.pretraining(plan, method) for method, _ in pretraining), reverse=True)
        first += [self.cell(plan, cell) for cell in cells if cell.init not in plan.pretraining]
        then = [self.cell(plan, cell) for cell in cells if cell.init in plan.pretraining]
        kinds = {method for method, _ in pretraining} | ({NETWORK} if cells else set())
        # Every worker builds every graph; timing has built each in one of them.
        tracing = sum(self._timing(kind).trace_seconds for kind in kinds) * (workers - 1) / workers
        return (
            tracing
            + _span(first, workers)
            + _span(then, workers)
            + self.ending(plan, workers=workers)
        )


def estimate_plan(plan: StudyPlan, estimate: Estimate, *, workers: int) -> float:
    """Returns the expected seconds of a whole plan, nothing of which is done."""
    pretraining = [(method, r) for method in plan.pretraining for r in range(plan.num_encoders)]
    return estimate.total(plan, pretraining=pretraining, cells=plan.cells(), workers=workers)


def timed_settings(plan: StudyPlan) -> TransferPlan:
    """Returns the settings of the network fits that are timed."""
    return plan.transfer[max(plan.label_counts)]


def timed_kinds(plan: StudyPlan) -> list[str]:
    """Returns what is worth timing before the study, the longest to time first."""
    learning = dict.fromkeys(_timed_instead(plan, init) for init in plan.pretraining)
    given = dict.fromkeys(init_of(arm) for arm in plan.arms if init_of(arm) in GIVEN_INITS)
    networks = [NETWORK] if any(init_of(a) not in given for a in plan.network_arms()) else []
    others = [arm for arm in plan.arms if _is_timed_apart(STRATEGIES[arm.partition("/")[2]])]
    return [*given, *learning, *networks, *others]


def _is_timed_apart(strategy: Strategy) -> bool:
    """Returns whether updates of a network do not tell what a cell takes."""
    return strategy.spreads or not strategy.trains_network


def _timed_instead(plan: StudyPlan, init: str) -> str:
    """Returns the init whose updates take as long, and which is timed for all such."""

    def cost(word: str):
        given = word.partition(THEN)[0] in GIVEN_INITS
        batch_size = getattr(plan.pretraining[word], "batch_size", None)
        return read_init(word).learner, batch_size, given

    return next(each for each in plan.pretraining if cost(each) == cost(init))


def spreads_by_pixels(arm: str) -> bool:
    """Returns whether an arm's network has learnt nothing when its labels are spread."""
    return STRATEGIES[arm.partition("/")[2]].spreads and init_of(arm) in NETWORK_INITS


def _extrapolate(fits: tuple[tuple[int, float], ...], count: int) -> float:
    """Returns the seconds of a fit on `count` labels, by a power law through the last two."""
    if not fits:
        return 0.0
    labels, seconds = fits[-1]
    power = 1.0
    if len(fits) > 1:
        fewer, shorter = fits[-2]
        power = math.log(max(seconds, 1e-3) / max(shorter, 1e-3)) / math.log(labels / fewer)
    # Between a linear pass and the kernel methods' cube.
    return seconds * (count / labels) ** min(3.0, max(1.0, power))


def _span(seconds: Iterable[float], workers: int) -> float:
    """Returns when the last job ends if each free worker takes the next."""
    free = [0.0] * workers
    for length in seconds:
        heapq.heappush(free, heapq.heappop(free) + length)
    return max(free)
