"""How long a study will take, from a few steps timed on this machine."""

from __future__ import annotations

import dataclasses
import itertools
import pathlib
import time
from typing import Any, NamedTuple

from tfzero.study import worker
from tfzero.study.plan import SCRATCH, CellSpec, StudyPlan
from tfzero.study.records import RunFolder
from tfzero.transfer import STRATEGIES

_TIMED_CALLS = 2
# What a job costs beside its steps: building, loading, predicting, writing. Seconds, small
# beside the rest of any study, so a constant does.
_OVERHEAD = 0.5


class Estimate(NamedTuple):
    """Seconds a step on one core, by method, and `"network"` for a classifier.

    A kind that was not timed counts 0, which only makes its share of the progress small.
    """

    seconds_per_step: dict[str, float]
    start_seconds: float = 0.0

    def pretraining(self, plan: StudyPlan, method: str) -> float:
        """Returns the expected seconds of one pretraining."""
        settings = plan.pretraining[method]
        per_epoch = -(-plan.data.num_pool // settings.batch_size)
        steps = settings.epochs * per_epoch
        return _OVERHEAD + steps * self.seconds_per_step.get(method, 0.0)

    def cell(self, plan: StudyPlan, cell: CellSpec) -> float:
        """Returns the expected seconds of one cell."""
        if cell.strategy == "probe" or not STRATEGIES[cell.strategy].trains_network:
            return _OVERHEAD
        steps = plan.transfer[cell.num_labels].steps
        return _OVERHEAD + steps * self.seconds_per_step.get("network", 0.0)

    def total(self, plan: StudyPlan, *, pretraining, cells, workers: int) -> float:
        """Returns the expected seconds of the jobs given, spread over the workers."""
        work = sum(self.pretraining(plan, method) for method, _ in pretraining)
        work += sum(self.cell(plan, cell) for cell in cells)
        return self.start_seconds + work / workers


def timed_kinds(plan: StudyPlan) -> list[str]:
    """Returns what is worth timing before the study."""
    networks = any(STRATEGIES[arm.partition("/")[2]].trains_network for arm in plan.arms)
    return [*plan.pretraining, *(["network"] if networks else [])]


def time_kind(folder: pathlib.Path, plan: StudyPlan, kind: str, custom_objects: dict) -> Any:
    """Returns (kind, seconds a step), timed in this process after its graph was traced.

    The traced graphs stay, so that the study's own jobs in this process need not trace them.
    """
    import keras

    from tfzero.pretrain import find_method
    from tfzero.pretrain.budget import PretrainingBudget
    from tfzero.pretrain.run import pretrain, steps_per_call

    worker.prepare_process()
    run = RunFolder(folder)
    data = worker.open_data(run.cache_for(plan.data.fingerprint))
    if kind != "network":
        budget = PretrainingBudget(**plan.pretraining[kind].model_dump())
        per_call = steps_per_call(budget.steps_per_epoch(len(data.pool)), data.image_shape)
        few = data.pool[: per_call * budget.batch_size]
        budget = dataclasses.replace(budget, epochs=_TIMED_CALLS + 1)
        marks: list[float] = []  # the first epoch traces; the time between marks does not
        clock = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: marks.append(time.perf_counter())
        )
        with keras.saving.custom_object_scope(custom_objects):
            method = find_method(kind)(worker.start_encoder(run, plan, 0), seed=0)
            pretrain(method, few, budget=budget, callbacks=[clock])
        fastest = min(after - before for before, after in itertools.pairwise(marks))
        return kind, fastest / budget.steps_per_epoch(len(few))
    return kind, _time_network(run, plan, data, custom_objects)


def _time_network(run, plan, data, custom_objects) -> float:
    from tfzero.transfer.budget import Budget

    settings = plan.transfer[max(plan.label_counts)]
    cell = CellSpec(arm=SCRATCH, num_labels=max(plan.label_counts), replicate=0)
    few = slice(0, settings.batch_size)
    seconds = []
    steps = min(40, settings.steps)
    for _ in range(_TIMED_CALLS):
        start = time.perf_counter()
        worker.fit_arm(
            run, plan, cell, data.train_images[few], data.train_labels[few], custom_objects,
            budget=Budget(steps, settings.batch_size, settings.augment),
        )  # fmt: skip
        seconds.append(time.perf_counter() - start)
    return seconds[-1] / steps
