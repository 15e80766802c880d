"""What is left of a study at work, and how long that will take by its newest records."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from tfzero.common.arm import Arm
from tfzero.common.files import read_json
from tfzero.study.inits import read_init
from tfzero.study.planning.parts import CellSpec
from tfzero.study.planning.plan import SCRATCH, StudyPlan
from tfzero.study.work.estimate import Estimate
from tfzero.study.work.tasks import encoders_of, missing_cells, missing_pretraining
from tfzero.study.workspace import Workspace


class Forecast:
    """The jobs without a record yet, and the seconds that they will take.

    Args:
        workspace: The study.
        estimate: Learns from each record that is added.
        workers: Processes that work at once.

    Attributes:
        pretraining: (method, replicate) of each encoder to come, by its key.
        cells: The cells to come, by their keys.
        ending: Expected seconds from the last cell to the end.
        planned: Expected seconds of it all, before anything was done.
        revised: Expected seconds of it all, by what the first replicate took; None until then.
    """

    def __init__(self, workspace: Workspace, estimate: Estimate, *, workers: int):
        self.run, self.estimate, self.workers = workspace.run, estimate, workers
        self._before = estimate.seconds_seen() / workers
        self._begun: dict[str, float] = {}
        self.follow(workspace)
        self.planned = self._estimate_all(is_new=True)
        self.revised: float | None = None
        self._first = min(self._replicates(), default=0)
        self._started = time.monotonic()

    def follow(self, workspace: Workspace) -> None:
        """Takes all jobs of a plan without a record as those to come."""
        self.plan = plan = workspace.plan
        self.pretraining = {workspace.encoder_key(*e): e for e in missing_pretraining(workspace)}
        self.cells = {plan.cell_key(cell): cell for cell in missing_cells(workspace)}

    def spent(self) -> float:
        """Returns the seconds that the study took until now, in earlier processes too."""
        return self._before + time.monotonic() - self._started

    def expect_of(self, workspace: Workspace) -> Callable[[StudyPlan], float]:
        """Returns what tells the expected seconds that a plan of the same study takes to its end.

        Args:
            workspace: With as many replicates as any of the plans.
        """
        encoders, cells = missing_pretraining(workspace), missing_cells(workspace)

        def expect(plan: StudyPlan) -> float:
            return self.estimate.total(
                plan,
                pretraining={workspace.encoder_key(*e): e for e in encoders if e[1] < plan.seeds},
                cells={cell.label: cell for cell in cells if cell.replicate < plan.seeds},
                workers=self.workers,
                is_new=False,
            )

        return expect

    @property
    def ending(self) -> float:
        """Expected seconds from the last cell to the end."""
        return self.estimate.ending(self.plan, workers=self.workers)

    def keep(self, cells: Iterable[CellSpec]) -> None:
        """Drops the cells to come that are not among some, and the encoders that only they need."""
        kept = list(cells)
        keys = {self.plan.cell_key(cell) for cell in kept}
        self.cells = {key: cell for key, cell in self.cells.items() if key in keys}
        needed = encoders_of(self.plan, kept)
        self.pretraining = {key: each for key, each in self.pretraining.items() if key in needed}
        if not self._begun:
            self.planned = self._estimate_all(is_new=True)

    def begin(self, key: str) -> None:
        """Notes that a worker is at a job from now on."""
        self._begun[key] = time.monotonic()

    def end(self, key: str) -> None:
        """Notes that a job has ended, and learns from its record if it left one."""
        found = self.pretraining.pop(key, None) or self.cells.pop(key, None)
        self._begun.pop(key, None)
        if found is None:
            return
        for folder in (self.run.cells, self.run.encoders):
            if (record := read_json(folder / f"{key}.json")) is not None:
                self.estimate.add(record)
        if self.revised is None and self._first not in self._replicates():
            elapsed = time.monotonic() - self._started
            self.revised = elapsed + self.seconds_left() + self.ending

    def seconds_left(self) -> float:
        """Returns the expected seconds to the last cell."""
        return max(0.0, self._estimate_all(is_new=False) - self.ending)

    def seconds_per_seed(self, arm: Arm) -> float:
        """Returns the expected seconds of one more replicate of an arm and of scratch/finetune."""
        plan, seconds = self.plan, 0.0
        for each in {arm, SCRATCH} & set(plan.arms):
            stages = read_init(each.init).stages() if plan.encoders is None else ()
            seconds += sum(self.estimate.pretraining(plan, stage.word) for stage in stages)
            cells = (c for c in plan.cells() if c.arm == each and c.replicate == plan.seeds - 1)
            seconds += sum(self.estimate.cell(plan, cell) for cell in cells)
        return seconds / self.workers

    def _replicates(self) -> set[int]:
        cells = {cell.replicate for cell in self.cells.values()}
        return cells | {replicate for _, replicate in self.pretraining.values()}

    def _estimate_all(self, *, is_new: bool) -> float:
        now = time.monotonic()
        return self.estimate.total(
            self.plan,
            pretraining=self.pretraining,
            cells=self.cells,
            workers=self.workers,
            is_new=is_new,
            spent={key: now - begun for key, begun in self._begun.items()},
        )
