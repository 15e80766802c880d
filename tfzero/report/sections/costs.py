"""What accuracy costs: time, weights and memory."""

from __future__ import annotations

import statistics
from typing import Any

from tfzero.report import _format, figures
from tfzero.report._pictures import Canvas, Chart
from tfzero.report._read import Run
from tfzero.report.sections.labels import values_in_words

_BYTES_A_WEIGHT = 4


def time_charts(run: Run, canvas: Canvas) -> list[Chart]:
    """Returns accuracy against minutes at the smallest and the largest label count."""
    arms, table = run.study["arms"], run.verdict.get("table", [])
    charts = []
    for count in sorted({min(run.study["label_counts"]), max(run.study["label_counts"])}):
        charts.append(
            canvas.chart(
                lambda width, count=count: figures.accuracy_against_seconds(
                    table, arms=arms, num_labels=count, width=width
                ),
                alt=f"Scatter chart of test accuracy against time at {count:,} labels. "
                + values_in_words(table, arms, count),
                caption=f"At {count:,} labels, time of pretraining and transfer together, a seed. "
                "The tail left of a marker starts where the arm would stand if its pretraining "
                "were free.",
                keys=_point_keys(run, canvas, count),
            )
        )
    return charts


def _point_keys(run: Run, canvas: Canvas, count: int) -> dict[str, list[int]]:
    keys = {}
    for index, arm in enumerate(run.study["arms"]):
        for row in run.verdict.get("table", []):
            if (row["arm"], row["num_labels"]) != (arm, count) or row.get("mean") is None:
                continue
            if row.get("transfer_seconds") is None:
                continue
            spent = (
                f"pretraining {_format.seconds(row.get('pretrain_seconds') or None)}, "
                f"transfer {_format.seconds(row['transfer_seconds'])}"
            )
            lines = [f"{arm}, {count:,} labels", f"{_format.number(row['mean'])} %", spent]
            keys[f"arm-{index}"] = [canvas.say(lines)]
            break
    return keys


def arm_costs(run: Run) -> list[dict[str, Any]]:
    """Returns what each arm took over its cells at the largest label count.

    Of seconds of transfer the median, for the first fit in a process also builds its graph; of
    pretraining the mean; of all else the most.
    """
    pretraining: dict[str, list[dict]] = {}
    for encoder in run.encoders:
        pretraining.setdefault(encoder.method, []).append(encoder.cost)
    rows = []
    for arm in run.study["arms"]:
        counts = [cell.num_labels for cell in run.cells if cell.arm == arm]
        if not counts:
            continue
        cells = [c for c in run.cells if c.arm == arm and c.num_labels == max(counts)]
        costs = [cell.cost for cell in cells]
        stages = [pretraining[s] for s in _stages(arm.partition("/")[0]) if s in pretraining]
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
                "bytes": None if weights is None else _BYTES_A_WEIGHT * weights,
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
            else _format.seconds(row["pretrain_seconds"]),
            "transfer": _format.seconds(row["transfer_seconds"]),
            "steps": _steps(row),
            "numbers": _format.number(row["fitted_numbers"], 0),
            "bytes": _format.size(row["bytes"]),
            "memory": _format.size(row["peak_memory_bytes"]),
        }
        for row in arm_costs(run)
    ]


def _steps(row: dict[str, Any]) -> str:
    before, after = row["pretrain_steps"], row["transfer_steps"]
    if before:
        return f"{before:,} + {_format.number(after, 0)}"
    return _format.number(after, 0)


def _stages(init: str) -> list[str]:
    """Returns what an init goes through: of a+b, a and then a+b."""
    parts = init.split("+")
    return ["+".join(parts[: count + 1]) for count in range(len(parts))]


def _sum(values) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _known(costs: list[dict], key: str) -> list[float]:
    return [cost[key] for cost in costs if _format.is_number(cost.get(key))]


def _most(costs: list[dict], key: str):
    return max(_known(costs, key), default=None)


def _median(costs: list[dict], key: str) -> float | None:
    known = _known(costs, key)
    return statistics.median(known) if known else None


def _mean(costs: list[dict], key: str) -> float | None:
    known = _known(costs, key)
    return sum(known) / len(known) if known else None
