"""The report's tables as files beside it: CSV for spreadsheets, JSON for programs."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import Any

from tfzero.common.page import write_page_file
from tfzero.report import _mistakes
from tfzero.report._read import Run
from tfzero.report.sections import costs, data, mistakes

Rows = list[dict[str, Any]]
_NAMES = (
    "accuracy", "comparisons", "labels_saved", "cells", "costs", "classes", "confusion",
    "calibration", "class_accuracy", "robustness",
)  # fmt: skip


def list_tables(run: Run) -> dict[str, Rows]:
    """Returns all tables by name, each a row a dictionary; numbers are not rounded."""
    found = mistakes.find(run)
    tables: dict[str, Rows] = {
        "accuracy": list(run.verdict.get("table", [])),
        "comparisons": [_flat(row) for row in run.verdict.get("comparisons", [])],
        "labels_saved": list(run.verdict.get("labels_saved", [])),
        "cells": [_cell(cell) for cell in run.cells],
        "costs": costs.arm_costs(run),
        "classes": data.class_rows(run),
    }
    if found is not None:
        tables["confusion"] = _confusion(found)
        tables["calibration"] = _mistakes.calibration_bins(found.confidences, found.right)
        tables["class_accuracy"] = [
            {"arm": found.arm, "class": name, "accuracy": share, "right": right, "images": total}
            for name, share, right, total in _mistakes.class_accuracies(found)
        ]
        tables["robustness"] = mistakes.robustness_rows(run, found.arm)
    return {name: rows for name, rows in tables.items() if rows}


def write_tables(run: Run) -> None:
    """Writes `tables/NAME.csv` and `tables/NAME.json` into the run folder, each whole."""
    folder = run.folder / "tables"
    folder.mkdir(exist_ok=True)
    tables = list_tables(run)
    for name, rows in tables.items():
        write_page_file(folder / f"{name}.csv", _to_csv(rows))
        text = json.dumps([_finite(row) for row in rows], indent=1, ensure_ascii=False)
        write_page_file(folder / f"{name}.json", text + "\n")
    for name in _NAMES:  # what an earlier report had and this one has not
        if name not in tables:
            (folder / f"{name}.csv").unlink(missing_ok=True)
            (folder / f"{name}.json").unlink(missing_ok=True)


def _to_csv(rows: Rows) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, names, lineterminator="\r\n")  # RFC 4180
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in row.items()
    }


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """Returns a comparison without what only words are made of."""
    return {key: value for key, value in row.items() if not isinstance(value, (dict, list))}


def _cell(cell) -> dict[str, Any]:
    scores = {key: value for key, value in cell.result.items() if not isinstance(value, list)}
    return {
        "arm": cell.arm, "num_labels": cell.num_labels, "replicate": cell.replicate,
        **scores, **cell.cost,
        **{f"chosen_{name}": _plain(value) for name, value in cell.chosen.items()},
    }  # fmt: skip


def _plain(value: Any) -> Any:
    """Returns what a table's cell can hold: of a list its parts, as "block2 block3"."""
    return " ".join(map(str, value)) if isinstance(value, list) else value


def _confusion(found: _mistakes.Mistakes) -> Rows:
    names = found.class_names
    return [
        {"arm": found.arm, "true": names[row], "predicted": names[column], "count": int(count)}
        for row, counts in enumerate(found.matrix)
        for column, count in enumerate(counts)
        if count
    ]
