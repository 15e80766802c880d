"""What the study says: the verdict, the arm to use, and what pretraining cost."""

from __future__ import annotations

import pathlib
from typing import Any

from tfzero.report import formatting
from tfzero.report.canvas import Canvas
from tfzero.report.run import Run
from tfzero.report.section import Section


def build(run: Run, canvas: Canvas) -> dict[str, Any]:
    """Returns what the template shows."""
    found = run.verdict
    return {
        "headline": found.get("headline") or "No verdict.",
        "details": found.get("details") or [],
        "sentences": found.get("sentences") or [],
        "recommended": recommended(run),
        "not_exported": found.get("not_exported"),
        "caveats": found.get("caveats") or [],
        "failures": found.get("failures") or [],
        "costs": pretraining_costs(run),
    }


def recommended(run: Run) -> dict[str, Any] | None:
    """Returns the recommended arm with its accuracy at the largest label count."""
    if not run.recommended:
        return None
    size = run.recommended.get("bytes")
    found = {**run.recommended, "size": formatting.size(size) if size else ""}
    found["sentences"] = found.get("sentences") or []  # a study of before has none
    rows = [row for row in run.table if row["arm"] == found.get("arm")]
    last = max(rows, key=lambda row: row["num_labels"], default=None)
    if last is None or last.get("mean") is None:
        return {**found, "accuracy": None}
    half = last.get("half_width")
    margin = "" if half is None else f" ± {formatting.number(half)}"
    said = f"{formatting.number(last['mean'])}{margin} % at {last['num_labels']:,} labels"
    return {**found, "accuracy": said}


def pretraining_costs(run: Run) -> list[dict[str, str]]:
    """Returns what each method's pretraining cost, from the encoders' own records."""
    rows = []
    for method, encoders in run.encoders_by_method().items():
        spent = [encoder.cost.get("seconds") for encoder in encoders]
        known = [float(value) for value in spent if value is not None]
        rows.append(
            {
                "method": method,
                "encoders": f"{len(spent):,}",
                "each": formatting.seconds(sum(known) / len(known) if known else None),
                "total": formatting.seconds(sum(known) if known else None),
            }
        )
    return rows


SECTION = Section(
    id="verdict",
    title="Verdict",
    template=pathlib.Path(__file__).with_name("section.html"),
    build=build,
)
