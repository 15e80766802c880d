"""What each arm took, from the records of its cells and of its encoders."""

from __future__ import annotations

import statistics
from typing import Any

from tfzero.common.arm import Arm
from tfzero.report import formatting
from tfzero.report.inits import list_stages
from tfzero.report.run import Run

_BYTES_PER_WEIGHT = 4


def arm_costs(run: Run) -> list[dict[str, Any]]:
    """Returns what each arm took over its cells at the largest label count.

    Of seconds of transfer the median, for the first fit in a process also builds its graph; of
    pretraining the mean; of all else the most.
    """
    pretraining = {
        method: [encoder.cost for encoder in encoders]
        for method, encoders in run.encoders_by_method().items()
    }
    rows = []
    for arm in run.arms:
        counts = [cell.num_labels for cell in run.cells if cell.arm == arm]
        if not counts:
            continue
        cells = [c for c in run.cells if c.arm == arm and c.num_labels == max(counts)]
        costs = [cell.cost for cell in cells]
        init = Arm.parse(arm).init
        stages = [pretraining[stage] for stage in list_stages(init) if stage in pretraining]
        weights = _most(costs, "parameters")
        memory = [m for part in (costs, *stages) if (m := _most(part, "peak_memory_bytes"))]
        rows.append(
            {
                "arm": arm,
                "num_labels": max(counts),
                "pretrain_seconds": _sum(_mean(stage, "seconds") for stage in stages),
                "transfer_seconds": _median(costs, "seconds"),
                "pretrain_steps": _sum(_most(stage, "steps") for stage in stages),
                "transfer_steps": _most(costs, "steps"),
                "fitted_numbers": weights,
                "bytes": None if weights is None else _BYTES_PER_WEIGHT * weights,
                "peak_memory_bytes": max(memory, default=None),
            }
        )
    return rows


def arm_costs_in_words(run: Run) -> list[dict[str, str]]:
    """Returns `arm_costs` as people read it."""
    return [
        {
            "arm": row["arm"],
            "pretrain": "none"
            if row["pretrain_seconds"] is None
            else formatting.seconds(row["pretrain_seconds"]),
            "transfer": formatting.seconds(row["transfer_seconds"]),
            "steps": _steps(row),
            "numbers": formatting.number(row["fitted_numbers"], 0),
            "bytes": formatting.size(row["bytes"]),
            "memory": formatting.size(row["peak_memory_bytes"]),
        }
        for row in arm_costs(run)
    ]


def _steps(row: dict[str, Any]) -> str:
    before, after = row["pretrain_steps"], row["transfer_steps"]
    if before:
        return f"{before:,} + {formatting.number(after, 0)}"
    return formatting.number(after, 0)


def _sum(values) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _known(costs: list[dict], key: str) -> list[float]:
    return [cost[key] for cost in costs if formatting.is_number(cost.get(key))]


def _most(costs: list[dict], key: str):
    return max(_known(costs, key), default=None)


def _median(costs: list[dict], key: str) -> float | None:
    known = _known(costs, key)
    return statistics.median(known) if known else None


def _mean(costs: list[dict], key: str) -> float | None:
    known = _known(costs, key)
    return sum(known) / len(known) if known else None
