"""How long a study will take, from what was timed of each kind of work."""

from __future__ import annotations

import dataclasses
import heapq
import math
from collections.abc import Iterable

from tfzero.common.arm import Arm
from tfzero.study.inits import read_init, read_learner
from tfzero.study.inits.timing import Timing
from tfzero.study.planning.plan import CellSpec, StudyPlan, TransferPlan
from tfzero.study.readings.maps import mapped_inits
from tfzero.study.readings.networks import num_reading_images, wants_reading
from tfzero.transfer import STRATEGIES
from tfzero.transfer.budget import Budget
from tfzero.transfer.strategies.base import Strategy, Training, Work

NETWORK = "network"
# Seconds that a job costs beside its steps: loading, building and writing. Small beside the rest
# of any study, so constants do.
_CELL_OVERHEAD = 0.15
# Of a classical strategy: blocks, settings, folds.
_FITS_PER_CHOICE = 25
# Seconds from the last cell to the end: saving, exporting and verifying a model, the report.
_ENDING = 9.0
# And for each encoder's map in the report, on all workers: t-SNE, most of it.
_MAP = 2.0


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
        timing = self._timing(_timed_instead(plan, method))
        return read_learner(method).seconds(plan.pretraining[method], plan.counts, timing)

    def cell(self, plan: StudyPlan, cell: CellSpec) -> float:
        """Returns the expected seconds of one cell."""
        given = read_init(cell.init).is_given
        seconds = self._reading_given(plan, cell) if given else self._reading(plan, cell)
        return _CELL_OVERHEAD + seconds + self._fitting(plan, cell)

    def _work(self, plan: StudyPlan, cell: CellSpec) -> Work:
        budget = Budget(**plan.transfer_for(cell).model_dump())
        return STRATEGIES[cell.strategy].work(budget, plan.data.num_pool)

    def _fitting(self, plan: StudyPlan, cell: CellSpec) -> float:
        """Returns the seconds of all that a strategy fits."""
        work, init = self._work(plan, cell), read_init(cell.init)
        own, network = self._timing(cell.arm), self._timing(cell.init if init.is_given else NETWORK)
        seconds = sum(self._training(plan, network, training) for training in work.trainings)
        seconds += work.looks * network.seconds_per_image
        if work.spreads:
            seconds += self._spreading(plan, cell, own)
        if work.whole:
            seconds += _whole_fit(own, cell.num_labels, searched=work.searched)
        return seconds

    def _training(self, plan: StudyPlan, timing: Timing, training: Training) -> float:
        """Returns the seconds of one training of a network."""
        timed = timed_settings(plan).batch_size
        step = timing.seconds_per_step * training.batch_size / timed
        if training.batch_size == plan.transfer[plan.data.num_train].batch_size != timed:
            step = timing.seconds_per_large_step or step
        return timing.fit_seconds + training.steps * step

    def _reading(self, plan: StudyPlan, cell: CellSpec) -> float:
        """Returns the seconds in which labelled, test and shown images are read."""
        work = self._work(plan, cell)
        timing = self._timing(NETWORK if work.network else cell.arm)
        images = plan.data.num_test + (cell.num_labels if work.network else 0)
        if wants_reading(plan, cell):
            images += num_reading_images(plan)
        return images * timing.seconds_per_image

    def _reading_given(self, plan: StudyPlan, cell: CellSpec) -> float:
        """Returns the same of an encoder that came ready, which may be large."""
        work = self._work(plan, cell)
        images = plan.data.num_test + cell.num_labels + (plan.data.num_pool if work.spreads else 0)
        if not STRATEGIES[cell.strategy].trains_encoder or work.spreads:
            # Read once: labelled images per replicate, all others per study.
            images /= plan.seeds * len(plan.label_counts)
        return images * self._timing(cell.init).seconds_per_image

    def _spreading(self, plan: StudyPlan, cell: CellSpec, timing: Timing) -> float:
        """Returns the seconds of a cell with its share of the graph that its arm's cells share."""
        cells = plan.seeds * len(plan.label_counts)
        if plan.reads_generated(cell):
            graphs = cells  # images of its own in each
        elif reads_no_encoder(cell.arm) or read_init(cell.init).is_given:
            graphs = 1
        else:
            graphs = plan.num_encoders if cell.init in plan.pretraining else plan.seeds
        share = graphs / cells
        seconds = timing.fits[0][1] if timing.fits else 0.0
        return seconds + share * timing.seconds_per_step

    def ending(self, plan: StudyPlan, *, workers: int) -> float:
        """Returns the expected seconds from the last cell to the end."""
        maps = _MAP * -(-len(mapped_inits(plan)) // workers)
        if not plan.network_arms():
            return _ENDING / 3 + maps  # the report alone
        settings = plan.transfer[plan.data.num_train]
        training = Training(settings.steps, settings.batch_size)
        return _ENDING + maps + self._training(plan, self._timing(NETWORK), training)

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
    given = dict.fromkeys(arm.init for arm in plan.arms if read_init(arm.init).is_given)
    networks = [NETWORK] if any(arm.init not in given for arm in plan.network_arms()) else []
    others = [arm for arm in plan.arms if _is_timed_apart(STRATEGIES[arm.strategy])]
    return [*given, *learning, *networks, *others]


def _is_timed_apart(strategy: Strategy) -> bool:
    """Returns whether updates of a network do not tell what a cell takes."""
    return strategy.spreads or not strategy.trains_network


def _timed_instead(plan: StudyPlan, word: str) -> str:
    """Returns the init whose updates take as long, and which is timed for all such."""

    def cost(each: str):
        return read_learner(each).timed_as(plan.pretraining[each])

    return next(each for each in plan.pretraining if cost(each) == cost(word))


def reads_no_encoder(arm: Arm) -> bool:
    """Returns whether a graph is of the pixels: the network has learnt nothing, or there is none.

    Features of random weights are further from what an image shows than its pixels are.
    """
    init = read_init(arm.init)
    return init.reads_pixels or (init.is_random and STRATEGIES[arm.strategy].spreads)


def _whole_fit(timing: Timing, num_labels: int, *, searched: int | None) -> float:
    """Returns the seconds of a fit that was timed as a whole."""
    seconds = _extrapolate(timing.fits, num_labels)
    if searched is not None and num_labels > searched:
        # A part of the labels makes the choice, and all are fitted once.
        seconds = _extrapolate(timing.fits, searched) + seconds / _FITS_PER_CHOICE
    return seconds


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
