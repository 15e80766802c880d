"""Accuracy by arm and number of labels, as a table."""

from __future__ import annotations

import pathlib
from typing import Any

from tfzero.report import formatting
from tfzero.report.canvas import Canvas
from tfzero.report.run import Run
from tfzero.report.section import Section
from tfzero.report.tables import Tables

_STAGES = ("pretrain", "transfer")


def build(run: Run, canvas: Canvas) -> dict[str, Any]:
    """Returns what the template shows."""
    return {"label_counts": run.label_counts, "rows": accuracy_table(run)}


def list_tables(run: Run) -> Tables:
    """Returns the rows of the verdict's table."""
    return {"accuracy": list(run.table)}


def accuracy_table(run: Run) -> list[dict[str, Any]]:
    """Returns one row per arm: a cell per label count, and what pretraining and transfer cost."""
    entries = {(row["arm"], row["num_labels"]): row for row in run.table}
    best = {entry["num_labels"]: entry for entry in run.verdict.get("best", [])}
    rows = []
    for arm in run.arms:
        found = [entries.get((arm, count), {}) for count in run.label_counts]
        cells = []
        for count, entry in zip(run.label_counts, found, strict=True):
            marks = _mark(arm, best.get(count, {})), _note(run, entry, arm, count)
            cells.append(_table_cell(entry, *marks))
        times = [_span([e.get(f"{stage}_seconds") for e in found]) for stage in _STAGES]
        rows.append({"arm": arm, "cells": cells, "pretrain": times[0], "transfer": times[1]})
    return rows


def _table_cell(entry: dict[str, Any], mark: str, note: str) -> dict[str, str]:
    """Returns one arm at one count: mean and half-width, with mark and note where it has any."""
    missing, half = entry.get("mean") is None, entry.get("half_width")
    return {
        "mean": formatting.number(entry.get("mean")),
        "half": "" if missing or half is None else f"± {formatting.number(half)}",
        "mark": "" if missing else mark,
        "note": "" if missing else note,
    }


def _mark(arm: str, best: dict[str, Any]) -> str:
    """Returns how an arm stands among those of the best set, in words."""
    if arm == best.get("highest"):
        return "highest"
    return "in best set" if arm in best.get("arms", []) else ""


def _note(run: Run, entry: dict[str, Any], arm: str, count: int) -> str:
    """Returns how many seeds an arm lost at one count, and how many diverged."""
    known, seeds = entry.get("seeds"), run.seeds
    cells = [cell for cell in run.cells if (cell.arm, cell.num_labels) == (arm, count)]
    diverged = sum(bool(cell.result.get("diverged")) for cell in cells)
    few = known is not None and known < seeds
    notes = [f"{known} of {seeds} seeds"] * few + [f"{diverged} diverged"] * bool(diverged)
    return ", ".join(notes)


def _span(values: list[float | None]) -> str:
    """Returns one time, or the shortest to the longest."""
    known = sorted(value for value in values if value is not None and formatting.is_number(value))
    if not known:
        return formatting.DASH
    low, high = formatting.seconds(known[0]), formatting.seconds(known[-1])
    if known[-1] == 0:
        return "none"
    return low if low == high else f"{low} to {high}"


SECTION = Section(
    id="table",
    title="Table",
    template=pathlib.Path(__file__).with_name("section.html"),
    build=build,
    tables=list_tables,
)
