"""How long the training of the exported network will take, and on how many labels it may be."""

from __future__ import annotations

import math
from typing import Any

from tfzero.common.arm import Arm
from tfzero.study.planning.plan import CellSpec, StudyPlan
from tfzero.study.work.final import network_arm, plan_count
from tfzero.transfer import STRATEGIES
from tfzero.transfer.budget import Budget

# The export's share of the minutes that a study is given, and what of it no training takes:
# writing, loading again and the report.
_SHARE, _WRITING = 0.2, 8.0
# Images that an update costs as much as, beside those of its batch.
_PER_UPDATE = 32
# Seconds of a classifier without updates grow by this power of the labels where that is not known.
_USUAL_POWER = 1.5
# Each step down tries so many labels less.
_STEP = 0.9


def expect_seconds(plan: StudyPlan, verdict: dict[str, Any], arm: Arm, num_labels: int) -> float:
    """Returns the expected seconds of one training of an arm on one thread.

    From what its cells took at the largest counts of the study, by counted updates.
    """
    shown = network_arm(arm)
    if shown != arm:  # it is not in the study, but a network of the same size may be
        networks = [each for each in plan.network_arms() if _count_updates(plan, each, num_labels)]
        rows = _rows(verdict, networks[0]) if networks else []
        return _grow(plan, rows[-1], (shown, num_labels)) if rows else 0.0
    rows = _rows(verdict, arm)
    last = rows[-1]
    if _count_updates(plan, arm, num_labels):
        return _grow(plan, last, (arm, num_labels))
    growth = (num_labels / last["num_labels"]) ** _find_power(rows)
    return last["transfer_seconds"] * growth


def _grow(plan: StudyPlan, row: dict[str, Any], wanted: tuple[Arm, int]) -> float:
    """Returns the seconds of an arm at a label count, from a network's row of the table."""
    updates = _count_updates(plan, Arm.parse(row["arm"]), row["num_labels"])
    return row["transfer_seconds"] * _count_updates(plan, *wanted) / updates


def _rows(verdict: dict[str, Any], arm: Arm) -> list[dict[str, Any]]:
    rows = (row for row in verdict["table"] if row["arm"] == arm)
    return sorted(rows, key=lambda row: row["num_labels"])


def choose_labels(plan: StudyPlan, verdict: dict[str, Any], arm: Arm, *, speed: float) -> int:
    """Returns how many labels the exported network may learn from.

    All of them, unless minutes were given and a fifth of these does not suffice; never fewer than
    the study's largest count.

    Args:
        plan: The study.
        verdict: As `verdict.json` holds it.
        arm: What is exported.
        speed: How much faster the training is than on one thread.
    """
    count, least = plan.data.num_train, max(plan.label_counts)
    if plan.minutes is None:
        return count
    seconds = _SHARE * 60 * plan.minutes - _WRITING
    while count > least and expect_seconds(plan, verdict, arm, count) > speed * seconds:
        count = max(least, int(_STEP * count))
    return count


def _count_updates(plan: StudyPlan, arm: Arm, num_labels: int) -> float:
    """Returns the updates of a network, each by its cost; 0 for an arm that trains none."""
    cell = CellSpec(arm=arm, num_labels=num_labels, replicate=0)
    budget = Budget(**plan_count(plan, num_labels).transfer_for(cell).model_dump())
    work = STRATEGIES[arm.strategy].work(budget, plan.data.num_pool)
    return sum(each.steps * (each.batch_size + _PER_UPDATE) for each in work.trainings)


def _find_power(rows: list[dict[str, Any]]) -> float:
    """Returns by which power of the labels seconds grow: between a linear pass and a kernel's."""
    if len(rows) < 2:
        return _USUAL_POWER
    fewer, more = rows[-2:]
    ratio = max(more["transfer_seconds"], 1e-3) / max(fewer["transfer_seconds"], 1e-3)
    power = math.log(ratio) / math.log(more["num_labels"] / fewer["num_labels"])
    return min(3.0, max(1.0, power))
