"""How long a study will take: from its records, and counted for kinds of jobs without any."""

from __future__ import annotations

import dataclasses
import functools
import math
import statistics
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from tfzero.common.arm import Arm
from tfzero.networks.shapes import count_encoder, count_network
from tfzero.study.inits import read_init, read_learner
from tfzero.study.inits.base import Init
from tfzero.study.planning.lanes import Lane, lane_of_cells, lane_of_learning
from tfzero.study.planning.parts import CellSpec
from tfzero.study.planning.plan import SCRATCH, StudyPlan
from tfzero.study.readings.maps import mapped_inits
from tfzero.study.work.counted import TRACE, Machine, probe_speed, shares_once
from tfzero.study.work.ending import plan_training
from tfzero.study.work.final import expect_beside
from tfzero.study.work.span import Step, find_span
from tfzero.study.workspace import Workspace
from tfzero.transfer import STRATEGIES

if TYPE_CHECKING:
    import keras

# Seconds from the last cell to the end: saving, exporting and verifying a model, the report.
_ENDING = 9.0
# And for each encoder's map in the report, on all workers: t-SNE, most of it.
_MAP = 2.0
# A worker's before its first job: loading TensorFlow.
_START = 4.0
# With so many records of a kind, graphs are built again and again, and belong to it.
_MANY = 6
# Building graphs is no more than this part of a job's seconds.
_MOST_TRACING = 0.5


class Kind(NamedTuple):
    """Jobs that take about as long: of one method, or one arm at one label count.

    Attributes:
        name: The method or arm.
        num_labels: 0 of a method.
    """

    name: str
    num_labels: int = 0


class Seen(NamedTuple):
    """What a job took that was done: seconds, and the graphs built in them."""

    seconds: float
    graphs: int


@dataclasses.dataclass
class Estimate:
    """Expected seconds of a study's jobs.

    Attributes:
        machine: For kinds that nobody has done yet.
        seen: By kind, what jobs took, by their key.
        num_on_gpu: How many of the workers have a part of a GPU.
    """

    machine: Machine = Machine()
    seen: dict[Kind, dict[str, Seen]] = dataclasses.field(default_factory=dict)
    num_on_gpu: int = 0

    def add(self, record: dict[str, Any]) -> None:
        """Takes a job's record into account."""
        spec, job = record["spec"], record.get("job")
        if job is None:  # of an earlier version
            return
        seconds = job["seconds"]
        if "arm" in spec:
            kind = Kind(spec["arm"], spec["num_labels"])
            seconds += 0.0 if shares_once(Arm.parse(spec["arm"])) else job["shared"]
        else:
            kind = Kind(spec["method"])
        self.seen.setdefault(kind, {})[record["key"]] = Seen(seconds, job["graphs"])

    def seconds_seen(self) -> float:
        """Returns the seconds of all jobs that were done, one after another."""
        return sum(each.seconds for kind in self.seen.values() for each in kind.values())

    def pretraining(self, plan: StudyPlan, method: str) -> float:
        """Returns the expected seconds of one pretraining, its graphs built already."""
        if Kind(method) in self.seen:
            return self._typical(Kind(method))
        counted = self._count_learning(plan, Kind(method))
        return counted * self._compare(
            [Kind(each) for each in plan.pretraining],
            functools.partial(self._count_learning, plan),
        )

    def _count_learning(self, plan: StudyPlan, kind: Kind) -> float:
        return self._machine(lane_of_learning(plan, kind.name)).pretraining(plan, kind.name)

    def _machine(self, lane: Lane) -> Machine:
        return self.machine.as_gpu() if lane is Lane.GPU else self.machine

    def learning(self, plan: StudyPlan, method: str, replicate: int) -> float:
        """Returns the same of one replicate; the first also reads what all of them share."""
        machine = self._machine(lane_of_learning(plan, method))
        stored = machine.stored(plan, method) if replicate == 0 else 0.0
        return self.pretraining(plan, method) + stored

    def cell(self, plan: StudyPlan, cell: CellSpec) -> float:
        """Returns the expected seconds of one cell, its graphs built already."""
        return self._kind(plan, cell) + self._once(plan, cell)

    def reading(self, plan: StudyPlan, cell: CellSpec) -> float:
        """Returns the expected seconds of what is read on a GPU for a cell that runs without."""
        return self.machine.as_gpu().read_before(plan, cell.arm)

    def _once(self, plan: StudyPlan, cell: CellSpec) -> float:
        return self._machine(lane_of_cells(plan, cell.arm)).once(plan, cell)

    def _kind(self, plan: StudyPlan, cell: CellSpec) -> float:
        kind = Kind(cell.arm, cell.num_labels)
        if kind in self.seen:
            return self._typical(kind)

        count = functools.partial(self._count, plan)
        kinds = [Kind(arm, n) for arm in plan.arms for n in plan.label_counts]
        same_arm = [like for like in kinds if like.name == cell.arm and like in self.seen]
        # The nearest count tells most.
        same_arm.sort(key=lambda like: abs(math.log(like.num_labels / cell.num_labels)))
        same_strategy = [k for k in kinds if Arm.parse(k.name).strategy == cell.strategy]
        for likes in (same_arm[:1], same_strategy, kinds):
            if any(like in self.seen for like in likes):
                return count(kind) * self._compare(likes, count)
        return count(kind)

    def _count(self, plan: StudyPlan, kind: Kind) -> float:
        cell = CellSpec(arm=Arm.parse(kind.name), num_labels=kind.num_labels, replicate=0)
        return self._machine(lane_of_cells(plan, cell.arm)).cell(plan, cell)

    def _compare(self, kinds: Iterable[Kind], count: Callable[[Kind], float]) -> float:
        """Returns how much longer jobs took than was counted for them; 1 where none was done."""
        ratios = [self._typical(kind) / count(kind) for kind in kinds if kind in self.seen]
        return statistics.median(ratios) if ratios else 1.0

    def _typical(self, kind: Kind) -> float:
        """Returns the seconds of a kind that was seen, without building graphs."""
        seen = list(self.seen[kind].values())
        quick = [each.seconds for each in seen if not each.graphs]
        if quick or len(seen) >= _MANY:
            return statistics.median(quick or [each.seconds for each in seen])
        return min(each.seconds - self._tracing(each) for each in seen)

    def _tracing(self, seen: Seen) -> float:
        return min(seen.graphs * TRACE, _MOST_TRACING * seen.seconds)

    def _trace(self, kind: Kind, graphs: int) -> float:
        """Returns the seconds in which a process builds the graphs of a kind."""
        found = self.seen.get(kind)
        if found is None:
            return graphs * TRACE
        return max(self._tracing(each) for each in found.values())

    def ending(self, plan: StudyPlan, *, workers: int) -> float:
        """Returns the expected seconds from the last cell to the end."""
        maps = _MAP * -(-len(mapped_inits(plan)) // workers)
        if not plan.network_arms():
            return _ENDING / 3 + maps  # the report alone
        arm = max(plan.network_arms(), key=lambda arm: arm == SCRATCH)
        training = plan_training(
            plan,
            functools.partial(self.training, plan, arm),
            functools.partial(expect_beside, plan),
            cores=self.num_on_gpu or workers,
            has_threads=not self.num_on_gpu,
        )
        return _ENDING + maps + training.seconds

    def training(self, plan: StudyPlan, arm: Arm, num_labels: int) -> float:
        """Returns the expected seconds of one training of an arm, on any number of labels."""
        cell = CellSpec(arm=arm, num_labels=num_labels, replicate=0)
        return self._kind(plan.with_count(num_labels), cell) / plan.data.num_folds

    def total(
        self,
        plan: StudyPlan,
        *,
        pretraining: Mapping[str, tuple[str, int]],
        cells: Mapping[str, CellSpec],
        workers: int,
        is_new: bool = True,
        spent: Mapping[str, float] | None = None,
    ) -> float:
        """Returns the expected seconds of a study's missing jobs, to its end.

        Args:
            plan: The study.
            pretraining: (method, replicate) of each encoder to come, by any keys.
            cells: The cells to come, by any keys.
            workers: Processes that work at once.
            is_new: Whether the workers have built no graph yet.
            spent: Seconds that workers have been at jobs, by their keys.
        """
        steps = [
            step._replace(seconds=max(0.0, step.seconds - (spent or {}).get(step.key, 0.0)))
            for step in self._list_steps(plan, pretraining, cells)
        ]
        start = _START if is_new and steps and workers > 1 else 0.0
        built = {} if is_new else self._count_built()
        span = find_span(steps, workers, built, on_gpu=self.num_on_gpu)
        return start + span + self.ending(plan, workers=workers)

    def _list_steps(
        self,
        plan: StudyPlan,
        pretraining: Mapping[str, tuple[str, int]],
        cells: Mapping[str, CellSpec],
    ) -> list[Step]:
        shared = plan.encoders or plan.seeds
        keys = {(word, replicate % shared): key for key, (word, replicate) in pretraining.items()}

        def find(init: Init | None, replicate: int) -> tuple[str, ...]:
            """Returns the key of the encoder of an init if it is still to come."""
            key = None if init is None else keys.get((init.word, replicate % shared))
            return () if key is None else (key,)

        steps = []
        for key, (word, replicate) in pretraining.items():
            needs = find(read_learner(word).before, replicate)
            tracing = self._trace(Kind(word), graphs=1)
            seconds = self.learning(plan, word, replicate)
            lane = lane_of_learning(plan, word)
            steps.append(Step(key, seconds, needs, replicate, word, tracing, lane))
        kinds: dict[Kind, tuple[float, float]] = {}
        for key, cell in cells.items():
            kind = Kind(cell.arm, cell.num_labels)
            if kind not in kinds:
                graphs = 2 if STRATEGIES[cell.strategy].trains_network else 0
                kinds[kind] = self._kind(plan, cell), self._trace(kind, graphs)
            seconds, tracing = kinds[kind]
            seconds += self._once(plan, cell)
            needs = find(read_init(cell.init), cell.replicate)
            lane = lane_of_cells(plan, cell.arm)
            steps.append(Step(key, seconds, needs, cell.replicate, cell.strategy, tracing, lane))
        return steps

    def _count_built(self) -> dict[str, int]:
        """Returns how many workers have built what a step of each kind needs."""
        built: dict[str, int] = {}
        for kind, found in self.seen.items():
            name = Arm.parse(kind.name).strategy if kind.num_labels else kind.name
            traced = sum(each.graphs > 0 for each in found.values())
            built[name] = max(built.get(name, 0), traced)
        return built


def estimate_plan(plan: StudyPlan, estimate: Estimate, *, workers: int) -> float:
    """Returns the expected seconds of a whole plan, nothing of which is done."""
    pretraining = {
        f"{method}, seed {replicate}": (method, replicate)
        for replicate in range(plan.num_encoders)
        for method in plan.pretraining
    }
    cells = {cell.label: cell for cell in plan.cells()}
    return estimate.total(plan, pretraining=pretraining, cells=cells, workers=workers)


def make_estimate(
    workspace: Workspace,
    records: Iterable[dict[str, Any]],
    encoder: keras.Model | None = None,
    *,
    num_on_gpu: int = 0,
) -> Estimate:
    """Returns the estimate of a study on this machine, in about half a second.

    Args:
        workspace: The study.
        records: Of the cells and encoders that are there.
        encoder: The own architecture; None reads it from the study's folder if there is one.
        num_on_gpu: As in `Estimate`.
    """
    plan = workspace.plan
    if plan.encoder is None:
        operations = count_encoder(plan.data.image_shape)
    else:
        operations = count_network(encoder or workspace.random_encoder(0))
    ready = 0 if plan.given is None else plan.given.operations
    estimate = Estimate(Machine(probe_speed(), operations, ready), num_on_gpu=num_on_gpu)
    for record in records:
        estimate.add(record)
    return estimate
