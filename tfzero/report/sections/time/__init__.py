"""What accuracy costs: time, weights and memory."""

from __future__ import annotations

import pathlib
from typing import Any

from tfzero.report import formatting
from tfzero.report.canvas import Canvas, Chart
from tfzero.report.run import Cell, Run
from tfzero.report.section import Section
from tfzero.report.sections.time.costs import arm_costs, arm_costs_in_words
from tfzero.report.sections.time.figure import accuracy_against_seconds
from tfzero.report.tables import Tables


def build(run: Run, canvas: Canvas) -> dict[str, Any]:
    """Returns what the template shows."""
    return {"charts": time_charts(run, canvas), "costs": arm_costs_in_words(run)}


def list_tables(run: Run) -> Tables:
    """Returns the scores and costs of each cell, and what each arm took."""
    return {"cells": [_cell_row(cell) for cell in run.cells], "costs": arm_costs(run)}


def time_charts(run: Run, canvas: Canvas) -> list[Chart]:
    """Returns accuracy against minutes at the smallest and the largest label count."""
    counts = sorted({min(run.label_counts), max(run.label_counts)})
    return [_time_chart(run, canvas, count) for count in counts]


def _time_chart(run: Run, canvas: Canvas, count: int) -> Chart:
    return canvas.chart(
        lambda width: accuracy_against_seconds(
            run.table, arms=run.arms, num_labels=count, winner=run.winner, width=width
        ),
        alt=f"Scatter chart of test accuracy against time at {count:,} labels. "
        + formatting.means_in_words(run.table, run.arms, count),
        caption=f"At {count:,} labels: time of pretraining plus transfer, per seed. The left end "
        "of a marker's tail shows the time without pretraining.",
        keys=_point_keys(run, canvas, count),
    )


def _point_keys(run: Run, canvas: Canvas, count: int) -> dict[str, list[int]]:
    """Returns what is said of each arm's point: its mean, and where its time went."""
    keys = {}
    for index, arm in enumerate(run.arms):
        for row in run.table:
            if (row["arm"], row["num_labels"]) != (arm, count) or row.get("mean") is None:
                continue
            if row.get("transfer_seconds") is None:
                continue
            spent = (
                f"pretraining {formatting.seconds(row.get('pretrain_seconds') or None)}, "
                f"transfer {formatting.seconds(row['transfer_seconds'])}"
            )
            lines = [f"{arm}, {count:,} labels", f"{formatting.number(row['mean'])} %", spent]
            keys[f"arm-{index}"] = [canvas.say(lines)]
            break
    return keys


def _cell_row(cell: Cell) -> dict[str, Any]:
    scores = {key: value for key, value in cell.result.items() if not isinstance(value, list)}
    chosen = {f"chosen_{name}": _one_value(value) for name, value in cell.chosen.items()}
    place = {"arm": cell.arm, "num_labels": cell.num_labels, "replicate": cell.replicate}
    return {**place, **scores, **cell.cost, **chosen}


def _one_value(value: Any) -> Any:
    """Returns what a table's cell can hold: of a list its parts, as "block2 block3"."""
    return " ".join(map(str, value)) if isinstance(value, list) else value


SECTION = Section(
    id="time",
    title="Costs",
    template=pathlib.Path(__file__).with_name("section.html"),
    build=build,
    tables=list_tables,
)
