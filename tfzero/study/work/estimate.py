"""How long a study will take, from a few steps timed on this machine."""

from __future__ import annotations

import dataclasses
import heapq
import itertools
import math
import pathlib
import time
from collections.abc import Iterable
from typing import NamedTuple

from tfzero.study.planning.arms import init_of
from tfzero.study.planning.inits import GIVEN_INITS, NETWORK_INITS, PIXELS, THEN, read_init
from tfzero.study.planning.plan import (
    SCRATCH,
    CellSpec,
    KMeansPlan,
    StudyPlan,
    SupervisedPlan,
    TransferPlan,
)
from tfzero.study.readings.write import mapped_inits, num_reading_images, wants_reading
from tfzero.study.records import RunFolder
from tfzero.study.work import worker
from tfzero.study.work.graphs import time_graph
from tfzero.transfer import STRATEGIES, Strategy, trains_on_unlabeled
from tfzero.transfer.budget import POOL_ROUNDS, Budget, default_budget
from tfzero.transfer.choice import MOST_LABELS

NETWORK = "network"
_TIMED_CALLS = 2
# Two lengths of a fit tell what an update costs from what a fit costs.
_TIMED_STEPS = (20, 60)
_MOST_TIMED_IMAGES, _MOST_TIMED_LABELS = 1000, 1000
# Of what has no graph to trace, and may take long for an image.
_FEW_TIMED_IMAGES = 200
# Of an encoder that came ready: large networks see few images in a second.
_FEW_GIVEN_IMAGES, _GIVEN_STEPS = 16, (1, 3)
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
        elif cell.init in (PIXELS, *GIVEN_INITS) or _spreads_by_pixels(cell.arm):
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


def time_kind(
    folder: pathlib.Path, plan: StudyPlan, kind: str, custom_objects: dict
) -> tuple[str, Timing]:
    """Returns (kind, timing), timed in this process after its graph was traced.

    The traced graphs stay, so that the study's own jobs in this process need not trace them.
    """
    worker.prepare_process()
    run = RunFolder(folder)
    data = worker.open_data(run.cache_for(plan.data.fingerprint))
    settings = plan.pretraining.get(kind)
    if isinstance(settings, KMeansPlan):
        return kind, _time_kmeans(settings, worker.images_of(run, plan, kind))
    if isinstance(settings, SupervisedPlan):
        return kind, _time_supervised(run, plan, custom_objects)
    if settings is not None:
        return kind, _time_method(run, plan, kind, custom_objects)
    if kind in GIVEN_INITS:
        return kind, _time_given(run, plan, data, kind, custom_objects)
    if kind == NETWORK:
        return kind, _time_network(run, plan, data, custom_objects)
    return kind, _time_classical(run, plan, data, kind, custom_objects)


def _time_method(run, plan, kind, custom_objects) -> Timing:
    import keras

    from tfzero.pretrain import build_method
    from tfzero.pretrain.run import pretrain, steps_per_call

    settings = plan.pretraining[kind]
    budget = settings.to_budget()
    images = worker.images_of(run, plan, kind)
    per_call = steps_per_call(budget.steps_per_epoch(len(images)), images.shape[1:])
    few = images[: per_call * budget.batch_size]
    budget = dataclasses.replace(budget, epochs=_TIMED_CALLS + 1)
    began = time.perf_counter()
    marks: list[float] = []  # the first epoch traces; the time between marks does not
    clock = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: marks.append(time.perf_counter())
    )
    with keras.saving.custom_object_scope(custom_objects):
        # What it goes on from is not learnt yet; random weights take as long.
        given = kind.partition(THEN)[0] in GIVEN_INITS
        start = worker.start_of_stage(run, plan, kind, 0) if given else None
        start = start or worker.start_encoder(run, plan, 0)
        method = build_method(read_init(kind).learner, start, kind=settings.kind, seed=0)
        pretrain(method, few, budget=budget, callbacks=[clock])
    fastest = min(after - before for before, after in itertools.pairwise(marks))
    return Timing(
        seconds_per_step=fastest / budget.steps_per_epoch(len(few)),
        trace_seconds=max(0.0, marks[0] - began - fastest),
    )


def _time_supervised(run, plan, custom_objects) -> Timing:
    import keras

    def time_fit(steps: int) -> float:
        start = time.perf_counter()
        with keras.saving.custom_object_scope(custom_objects):
            worker.train_on_source(run, plan, 0, steps=steps, seed=0)
        return time.perf_counter() - start

    return _time_updates(time_fit, _TIMED_STEPS)


def _time_updates(time_fit, lengths: tuple[int, int]) -> Timing:
    """Returns what an update costs, and what a fit costs beside its updates.

    Args:
        time_fit: Returns the seconds of a fit of so many updates.
        lengths: Two numbers of updates.
    """
    short, long = lengths
    first = time_fit(short)  # traces
    fast = [min(time_fit(steps) for _ in range(_TIMED_CALLS)) for steps in (short, long)]
    step = max(0.0, fast[1] - fast[0]) / (long - short)
    return Timing(
        seconds_per_step=step,
        fit_seconds=max(0.0, fast[0] - short * step),
        trace_seconds=max(0.0, first - fast[0]),
    )


def _time_given(run, plan, data, init, custom_objects) -> Timing:
    """Times an encoder that came ready, which may be a thousand times as large as the study's."""
    import keras

    from tfzero.transfer.budget import Budget
    from tfzero.transfer.features import read_features

    with keras.saving.custom_object_scope(custom_objects):
        encoder = worker.load_encoder(run, plan, init, 0)
        few = data.test_images[:_FEW_GIVEN_IMAGES]
        read_features(encoder, few)  # traces
        start = time.perf_counter()
        read_features(encoder, few)
        seconds_per_image = (time.perf_counter() - start) / len(few)
    trained = [arm for arm in plan.network_arms() if init_of(arm) == init]
    trained = [arm for arm in trained if not STRATEGIES[arm.partition("/")[2]].reads_features]
    if not trained:
        return Timing(seconds_per_image=seconds_per_image)
    settings = timed_settings(plan)
    cell = CellSpec(arm=f"{init}/finetune", num_labels=max(plan.label_counts), replicate=0)
    few = slice(0, settings.batch_size)

    def time_fit(steps: int) -> float:
        budget = Budget(**{**settings.model_dump(), "steps": steps})
        start = time.perf_counter()
        worker.fit_arm(run, plan, cell, data.train_images[few], data.train_labels[few],
                       custom_objects, budget=budget, encoder=encoder)  # fmt: skip
        return time.perf_counter() - start

    timing = _time_updates(time_fit, _GIVEN_STEPS)
    return timing._replace(seconds_per_image=seconds_per_image)


def _time_kmeans(settings, images) -> Timing:
    """Times a tenth of the patches; an "update" is the whole fit."""
    from tfzero.networks.kmeans import PATCHES_A_CENTROID, fit_kmeans

    start = time.perf_counter()
    fit_kmeans(
        images,
        **settings.model_dump(),
        patches_per_centroid=PATCHES_A_CENTROID // 10,
    )
    return Timing(seconds_per_step=10 * (time.perf_counter() - start))


def _time_network(run, plan, data, custom_objects) -> Timing:
    from tfzero.transfer.budget import Budget

    settings = timed_settings(plan)
    cell = CellSpec(arm=SCRATCH, num_labels=max(plan.label_counts), replicate=0)
    larger = plan.transfer[plan.data.num_train]

    def time_fit(steps: int, settings=settings):
        budget = Budget(**{**settings.model_dump(), "steps": steps})
        few = slice(0, settings.batch_size)
        images, labels = data.train_images[few], data.train_labels[few]
        start = time.perf_counter()
        fitted = worker.fit_arm(run, plan, cell, images, labels, custom_objects, budget=budget)
        return time.perf_counter() - start, fitted

    timing = _time_updates(lambda steps: time_fit(steps)[0], _TIMED_STEPS)
    short, long = _TIMED_STEPS
    large_step, fitted = timing.seconds_per_step, time_fit(short)[1]
    if larger.batch_size != settings.batch_size:
        time_fit(short, larger)  # another batch may be another graph
        large_step = max(0.0, time_fit(long, larger)[0] - timing.fit_seconds) / long
    return timing._replace(
        seconds_per_large_step=large_step, seconds_per_image=_time_predicting(fitted, data)
    )


def _time_classical(run, plan, data, arm, custom_objects) -> Timing:
    """Times whole fits on few labels and on more; what lies beyond is extrapolated."""
    fits, fitted = [], None
    # The encoder is not pretrained yet; one of random weights takes as long. What one that came
    # ready takes is timed apart; pixels stand for its features here.
    given = init_of(arm) in GIVEN_INITS
    no_encoder = given or _spreads_by_pixels(arm)
    stand_in = None if no_encoder else worker.stand_in_encoder(run, plan, init_of(arm))
    arm = f"{PIXELS}/{arm.partition('/')[2]}" if given else arm
    # No fewer than one label a class.
    most = max(min(_MOST_TIMED_LABELS, max(plan.label_counts)), len(plan.data.class_names))
    settings = timed_settings(plan)
    strategy = STRATEGIES[arm.partition("/")[2]]
    if strategy.reads_graph or strategy.spreads:
        chosen = worker.choose_labelled(run, plan, max(plan.label_counts))
        labels = data.train_labels[chosen]
        graph_seconds, spreading = time_graph(stand_in, data, labels)
        return Timing(seconds_per_step=graph_seconds, fits=((len(labels), spreading),))
    for count in sorted({min(most, max(most // 4, min(plan.label_counts))), most}):
        cell = CellSpec(arm=arm, num_labels=count, replicate=0)
        chosen = worker.choose_labelled(run, plan, count)
        start = time.perf_counter()
        fitted = worker.fit_arm(
            run, plan, cell, data.train_images[chosen], data.train_labels[chosen], custom_objects,
            groups=worker.groups_of(data, chosen),
            encoder=stand_in,
            budget=dataclasses.replace(default_budget(count), class_weights=settings.class_weights),
        )  # fmt: skip
        fits.append((count, time.perf_counter() - start))
    assert fitted is not None
    few = data.test_images[:_FEW_TIMED_IMAGES]
    start = time.perf_counter()
    fitted.predict(few)
    return Timing(fits=tuple(fits), seconds_per_image=(time.perf_counter() - start) / len(few))


def _spreads_by_pixels(arm: str) -> bool:
    """Returns whether an arm's network has learnt nothing when its labels are spread."""
    return STRATEGIES[arm.partition("/")[2]].spreads and init_of(arm) in NETWORK_INITS


def _time_predicting(fitted, data) -> float:
    few = data.test_images[:_MOST_TIMED_IMAGES]
    fitted.predict(few)  # traces
    start = time.perf_counter()
    fitted.predict(few)
    return (time.perf_counter() - start) / len(few)


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
