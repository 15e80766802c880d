"""What the study says, and what stands above it."""

from __future__ import annotations

from typing import Any

from tfzero.report import _format
from tfzero.report._read import Run


def facts(run: Run) -> list[tuple[str, str]]:
    """Returns the data set and the size of the study as names and values."""
    study, data = run.study, run.study.get("data", {})
    shape = data.get("image_shape")
    sizes = [("unlabeled images", "num_pool"), ("training images", "num_train")]
    rows = [("data", _format.setting(data.get("source")))]
    if shape:
        rows.append(("image", " × ".join(str(side) for side in shape)))
    rows.append(("classes", f"{len(data.get('class_names') or []):,}"))
    rows += [(name, f"{data[key]:,}") for name, key in sizes if key in data]
    if "num_test" in data:
        rows.append(("test images", f"{data['num_test']:,}"))
    rows.append(("replicates", _format.setting(study.get("seeds"))))
    planned = len(study["arms"]) * len(study["label_counts"]) * int(study.get("seeds") or 0)
    if len(run.cells) < planned:
        rows.append(("cells with a result", f"{len(run.cells):,} of {planned:,} planned"))
    return rows


def recommended(run: Run) -> dict[str, Any] | None:
    """Returns the recommended arm with its accuracy at the largest label count."""
    found = run.verdict.get("recommended") or None
    if found is None:
        return None
    found = {**found, "size": _format.size(found["bytes"]) if found.get("bytes") else ""}
    rows = [row for row in run.verdict.get("table", []) if row["arm"] == found.get("arm")]
    last = max(rows, key=lambda row: row["num_labels"], default=None)
    if last is None or last.get("mean") is None:
        return {**found, "accuracy": None}
    half = last.get("half_width")
    margin = "" if half is None else f" ± {_format.number(half)}"
    said = f"{_format.number(last['mean'])}{margin} % at {last['num_labels']:,} labels"
    return {**found, "accuracy": said}


def pretraining_costs(run: Run) -> list[dict[str, str]]:
    """Returns what each method's pretraining cost, from the encoders' own records."""
    rows = []
    for method in dict.fromkeys(encoder.method for encoder in run.encoders):
        spent = [
            encoder.cost.get("seconds") for encoder in run.encoders if encoder.method == method
        ]
        known = [float(value) for value in spent if value is not None]
        rows.append(
            {
                "method": method,
                "encoders": f"{len(spent):,}",
                "each": _format.seconds(sum(known) / len(known) if known else None),
                "total": _format.seconds(sum(known) if known else None),
            }
        )
    return rows
