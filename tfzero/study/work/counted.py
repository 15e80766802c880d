"""Seconds of jobs of a kind that nobody has done yet: counted operations, and a probe.

The constants were measured on one core of a machine with AVX-512, at 148 GFLOP/s in the probe's
matrix product, and are stretched where a machine is slower. Those of training were measured again
at 102 GFLOP/s and are written for 148. They are rough on purpose: a study's own records take their
place from the first ones on.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np

from tfzero.common.arm import Arm
from tfzero.study.inits import read_init, read_learner
from tfzero.study.inits.base import Bought
from tfzero.study.planning.lanes import is_read_on_gpu
from tfzero.study.planning.parts import CellSpec
from tfzero.study.planning.plan import StudyPlan
from tfzero.study.readings.networks import num_reading_images, wants_reading
from tfzero.transfer import STRATEGIES
from tfzero.transfer.strategies.base import Training, Work

_MEASURED_SPEED = 148.0
_PROBE_SIDE, _PROBE_SECONDS = 1024, 0.5
# Of one process on a GPU, not measured: the speed in the same unit, and the seconds of an update.
# Most of its kernels take less time than they need to begin.
_GPU_SPEED, _GPU_UPDATE = 4000.0, 5e-3
# The share of the probe's speed that convolutions reach.
_EFFICIENCY = 0.6
# An update of a classifier beside its images' operations; training an image takes 3 readings.
_UPDATE, _PASSES = 0.8e-3, 3
# Reading an image, beside its operations.
_IMAGE = 36e-6
# What a job costs beside all that: loading, building, writing.
_CELL, _PRETRAINING = 0.15, 0.7
# Building a graph: training's and predicting's together took 1.5 s.
TRACE = 0.8
# The choice of a classical strategy on 1,000 labels, by an encoder's blocks and by pixels alone;
# on fewer labels by the power. One of so many fits reads labels beyond those of the choice.
_BLOCKS, _PIXELS, _POWER, _FITS_PER_CHOICE = 6.0, 1.5, 1.5, 25
# Of the graph of a pool, for each pair of images; spreading, for each image and class.
_PAIR, _SPREAD = 12e-9, 2e-6


class Machine(NamedTuple):
    """What decides how long counted operations take.

    Attributes:
        speed: GFLOP/s of one core.
        operations: Multiply-adds by which the study's encoder reads an image.
        given: Those of the encoder that came ready.
        update: Seconds that an update takes at least.
    """

    speed: float = _MEASURED_SPEED
    operations: int = 300_000
    given: int = 0
    update: float = 0.0

    def as_gpu(self) -> Machine:
        """Returns what is expected of one process on a GPU."""
        return self._replace(speed=_GPU_SPEED, update=_GPU_UPDATE)

    def pretraining(self, plan: StudyPlan, word: str) -> float:
        """Returns the seconds of one pretraining."""
        init, settings = read_learner(word), plan.pretraining[word]
        updates = init.updates_bought(settings, plan.counts, Bought(1, small=True))
        images = init.updates_bought(settings, plan.counts, Bought(1, small=False))
        operations = self.given if init.is_start_given else self.operations
        channels = plan.data.image_shape[2]
        seconds = self._products(
            _PASSES * images * operations + init.other_operations(settings, channels)
        )
        return self._stretch(_PRETRAINING) + updates * self._update() + seconds

    def stored(self, plan: StudyPlan, word: str) -> float:
        """Returns the seconds of what all replicates of a pretraining share."""
        images = read_learner(word).count_given(plan.counts)
        return self._stretch(images * _IMAGE) + self._products(images * self.given)

    def cell(self, plan: StudyPlan, cell: CellSpec) -> float:
        """Returns the seconds of one cell, without those of `once`."""
        work, arm = _count_work(plan, cell), cell.arm
        seconds = self._stretch(_CELL) + plan.data.num_folds * self._fit(plan, cell, work)
        if not shares_once(arm):
            seconds += self._shared(plan, arm, work) / len(plan.label_counts)
        return seconds

    def _fit(self, plan: StudyPlan, cell: CellSpec, work: Work) -> float:
        """Returns the seconds of one classifier of a cell."""
        arm, data = cell.arm, plan.data
        seconds = sum(self.training(each, arm) for each in work.trainings)
        if work.pretraining is not None:
            cost = read_init(arm.init).relative_cost
            seconds += cost * self.training(work.pretraining, arm)
        seconds += self._reading(arm, work.looks)
        if work.network:
            seconds += self._reading(arm, data.num_test / data.num_folds + cell.num_labels)
        if work.spreads:
            seconds += self._stretch(_SPREAD * data.num_pool * len(data.class_names))
        if work.whole:
            seconds += self._whole_fit(arm, cell.num_labels, work.searched)
        return seconds

    def once(self, plan: StudyPlan, cell: CellSpec) -> float:
        """Returns what a cell costs more than others of its kind, in the first replicate."""
        seconds = 0.0
        if wants_reading(plan, cell):
            seconds += self._reading(cell.arm, num_reading_images(plan))
        first = cell.replicate == 0 and cell.num_labels == min(plan.label_counts)
        if first and shares_once(cell.arm):
            seconds += self._shared(plan, cell.arm, _count_work(plan, cell))
        return seconds

    def training(self, training: Training, arm: Arm) -> float:
        """Returns the seconds of one training of a network."""
        images = training.steps * training.batch_size
        products = self._products(_PASSES * images * self._operations(arm))
        return training.steps * self._update() + products

    def _shared(self, plan: StudyPlan, arm: Arm, work: Work) -> float:
        """Returns the seconds of what the cells of one encoder share: features, and a graph."""
        num_pool, seconds = plan.data.num_pool, 0.0
        if not STRATEGIES[arm.strategy].trains_encoder and not is_read_on_gpu(plan, arm):
            seconds += self._reading(arm, plan.data.num_test + max(plan.label_counts))
        if work.spreads:
            seconds += self._stretch(_PAIR * num_pool**2)
            seconds += 0.0 if is_read_on_gpu(plan, arm) else self._read_nearness(plan, arm)
        return seconds

    def _read_nearness(self, plan: StudyPlan, arm: Arm) -> float:
        """Returns the seconds of reading the pool's features that decide what is near."""
        init, count = read_init(arm.init), plan.data.num_pool
        near = plan.spread_by(init) if STRATEGIES[arm.strategy].spreads else init
        if near.is_given and not init.is_given:
            return 0.0  # a teacher has read the pool already
        products = self._products(count * near.patch_operations(plan.data.image_shape))
        return products + (0.0 if near.is_fixed else self._reading(arm, count))

    def read_before(self, plan: StudyPlan, arm: Arm) -> float:
        """Returns the seconds of what is read on a GPU for an arm's cells in one replicate."""
        images = plan.data.num_test + max(plan.label_counts)
        if STRATEGIES[arm.strategy].reads_graph:
            images += plan.data.num_pool
        return self._reading(arm, images)

    def _whole_fit(self, arm: Arm, num_labels: int, searched: int | None) -> float:
        def choose(count: int) -> float:
            each = _PIXELS if read_init(arm.init).reads_pixels else _BLOCKS
            return self._stretch(each * (count / 1000) ** _POWER)

        if searched is None or num_labels <= searched:
            return choose(num_labels)
        return choose(searched) + choose(num_labels) / _FITS_PER_CHOICE

    def _operations(self, arm: Arm) -> int:
        init = read_init(arm.init)
        if init.reads_pixels:
            return 0
        return self.given if init.is_given else self.operations

    def _reading(self, arm: Arm, num_images: float) -> float:
        products = self._products(num_images * self._operations(arm))
        return self._stretch(num_images * _IMAGE) + products

    def _products(self, multiply_adds: float) -> float:
        return 2 * multiply_adds / (self.speed * 1e9 * _EFFICIENCY)

    def _update(self) -> float:
        return max(self._stretch(_UPDATE), self.update)

    def _stretch(self, seconds: float) -> float:
        return seconds * _MEASURED_SPEED / self.speed


def shares_once(arm: Arm) -> bool:
    """Returns whether all replicates share what is read of an arm's images before the labels."""
    init = read_init(arm.init)
    spreads_once = init.spreads_once and STRATEGIES[arm.strategy].spreads
    return init.is_fixed or init.is_given or spreads_once


def _count_work(plan: StudyPlan, cell: CellSpec) -> Work:
    budget = plan.transfer_for(cell).to_budget()
    return STRATEGIES[cell.strategy].work(budget, plan.data.num_pool)


def probe_speed() -> float:
    """Returns the GFLOP/s of one core of this machine, measured for half a second."""
    import threadpoolctl

    matrix = np.random.default_rng(0).random((_PROBE_SIDE, _PROBE_SIDE), np.float32)
    fastest, end = float("inf"), time.perf_counter() + _PROBE_SECONDS
    with threadpoolctl.threadpool_limits(1):
        while (start := time.perf_counter()) < end:
            np.matmul(matrix, matrix)
            fastest = min(fastest, time.perf_counter() - start)
    return 2 * _PROBE_SIDE**3 / fastest / 1e9
