"""How far a study has grown: the looks that were taken, and what they leave to do."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from tfzero.common.arm import Arm
from tfzero.common.files import read_json, write_json
from tfzero.study.planning.families import list_families
from tfzero.study.planning.parts import CellSpec
from tfzero.study.planning.plan import StudyPlan
from tfzero.study.records import RunFolder
from tfzero.study.verdict.claims import AVERAGE
from tfzero.study.verdict.family import BETTER, CANNOT_TELL, Comparison
from tfzero.study.verdict.judge import compare_arms, describe_comparisons, see
from tfzero.study.verdict.look import Look
from tfzero.study.verdict.pairing import Right, Seen
from tfzero.study.workspace import Workspace


@dataclasses.dataclass(frozen=True)
class Growth:
    """What the looks at a study have decided so far.

    Attributes:
        plan: The study.
        taken: The records of the looks taken, in order. Each has `number`, `seeds`, `comparisons`
            as the verdict holds them, `open` (the arms that go on) and `stops`.
    """

    plan: StudyPlan
    taken: tuple[dict[str, Any], ...] = ()

    @property
    def next_number(self) -> int | None:
        """The number of the look to come, counted from 1; None if the study has ended."""
        planned, extensions = self.plan.looks, self.plan.extensions
        done = [record["number"] for record in self.taken]
        extended = [number for number in done if number > len(planned)]
        stopped = any(record["stops"] for record in self.taken)
        if not extended and not stopped and len(done) < len(planned):
            return len(done) + 1
        return len(planned) + len(extended) + 1 if len(extended) < len(extensions) else None

    @property
    def seeds(self) -> int:
        """The replicates that the next look reads, or the last one read if there is none."""
        number = self.next_number
        return self.taken[-1]["seeds"] if number is None else self._seeds_at(number)

    def _seeds_at(self, number: int) -> int:
        return (*self.plan.looks, *self.plan.extensions)[number - 1]

    def seeds_of(self, arm: Arm) -> int:
        """Returns how many replicates of an arm were asked for until the next look."""
        if arm in self.plan.added_arms:
            return self.seeds
        planned = len(self.plan.looks)
        seeds = self.plan.looks[0]
        for record in self.taken:
            number = record["number"]
            if number > planned:
                seeds = record["seeds"]  # seeds that are added are of all arms
            elif number < planned and arm in record["open"] and not record["stops"]:
                seeds = self._seeds_at(number + 1)
        if self.next_number is not None and self.next_number > planned:
            return self._seeds_at(self.next_number)
        return seeds

    def cells(self) -> list[CellSpec]:
        """Returns all cells that were asked for until the next look, replicate by replicate."""
        seeds = {arm: self.seeds_of(arm) for arm in self.plan.arms}
        return [cell for cell in self.plan.cells() if cell.replicate < seeds[cell.arm]]

    def possible_cells(self) -> list[CellSpec]:
        """Returns all cells that may be asked for in the end, if no look settles anything more."""
        going_on = self.next_number is not None
        most = {
            arm: self.plan.seeds
            if going_on and self.seeds_of(arm) == self.seeds
            else self.seeds_of(arm)
            for arm in self.plan.arms
        }
        return [cell for cell in self.plan.cells() if cell.replicate < most[cell.arm]]

    def look(self) -> Look:
        """Returns the look to come, or the last one again if the study has ended."""
        number = self.next_number
        if number is not None:
            return Look.after(self.plan.looks, number, self.taken[-1] if self.taken else None)
        *earlier, last = self.taken
        return Look.after(self.plan.looks, last["number"], earlier[-1] if earlier else None)


def read_growth(workspace: Workspace) -> Growth:
    """Returns what the looks in the folder have decided."""
    folder = workspace.run.looks
    records = [read_json(path) for path in folder.glob("*.json")]
    found = {record["number"]: record for record in records if record is not None}
    return Growth(workspace.plan, tuple(found[number] for number in sorted(found)))


def take_look(workspace: Workspace, growth: Growth) -> Growth:
    """Judges what there is, records what that decides, and returns the study as it is then."""
    record = judge_look(workspace, growth)
    write_json(workspace.run.looks / f"{record['number']}.json", record)
    return read_growth(workspace)


def judge_look(workspace: Workspace, growth: Growth) -> dict[str, Any]:
    """Returns the record of the look to come.

    The same cells give the same record in whatever process takes the look.
    """
    look = growth.look()
    plan, seen = growth.plan.judged_at(look.number), read_seen(workspace, growth)
    comparisons = compare_arms(plan, seen, look)
    return {
        "schema": 1,
        "number": look.number,
        "seeds": growth.seeds,
        "comparisons": describe_comparisons(plan, comparisons, seen, look),
        "open": _open_arms(growth.plan, plan, comparisons),
        "stops": _answers(plan, comparisons),
    }


def read_seen(workspace: Workspace, growth: Growth) -> Seen:
    """Returns what the judge sees of the cells that were asked for until the next look."""
    plan, run = workspace.plan, workspace.run
    classes = np.load(run.test_labels)
    right: Right = {}
    for cell in growth.cells():
        guesses = _read_guesses(run, plan.cell_key(cell))
        if guesses is not None:
            right.setdefault((cell.arm, cell.num_labels), {})[cell.replicate] = guesses == classes
    return see(plan, right, classes)


def _read_guesses(run: RunFolder, key: str) -> np.ndarray | None:
    return None if run.read_cell(key) is None else run.read_probabilities(key).argmax(axis=1)


def _open_arms(whole: StudyPlan, plan: StudyPlan, comparisons: list[Comparison]) -> list[Arm]:
    """Returns the arms that further replicates can still tell something of.

    An arm is settled when each of its comparisons is decided, and it is no baseline of one that
    is not. Arms that nothing is claimed of go on, as they are cheap and stand in the table.

    Args:
        whole: The study's plan.
        plan: What of it this look judges.
        comparisons: What it decided.
    """
    pairs = {pair for family in list_families(plan.arms) for pair in family.pairs}
    size = len(plan.label_counts) + (len(plan.label_counts) > 1)
    decided = {
        pair: sum((c.arm, c.baseline) == pair and c.outcome != CANNOT_TELL for c in comparisons)
        for pair in pairs
    }
    undecided = {pair for pair in pairs if decided[pair] < size}
    judged = {arm for arm, _ in pairs}
    needed = {arm for pair in undecided for arm in pair}
    return [arm for arm in whole.arms if arm in needed or arm not in judged]


def _answers(plan: StudyPlan, comparisons: list[Comparison]) -> bool:
    """Returns whether the first question of a study is answered.

    It is when some arm is better than training from scratch on average over the label counts, or
    every arm's average is settled.
    """
    first = next(iter(list_families(plan.arms)), None)
    if first is None:
        return False
    count = AVERAGE if len(plan.label_counts) > 1 else min(plan.label_counts)
    outcomes = [c.outcome for c in comparisons if (c.family, c.num_labels) == (first.id, count)]
    settled = CANNOT_TELL not in outcomes and len(outcomes) == len(first.pairs)
    return settled or BETTER in outcomes
