"""What a label buys: curves, the table beneath, and the paired comparisons."""

from __future__ import annotations

from typing import Any

from tfzero.report import _format, figures
from tfzero.report._pictures import Canvas, Chart
from tfzero.report._read import Run

_STAGES = ("pretrain", "transfer")


def efficiency_chart(run: Run, canvas: Canvas) -> Chart:
    """Returns accuracy against labels."""
    arms, counts, table = run.study["arms"], run.study["label_counts"], run.verdict.get("table", [])
    saved, crossovers = run.verdict.get("labels_saved", []), run.verdict.get("crossovers", [])
    said = ""
    if any(entry.get("bound") is None for entry in saved):
        said += (
            " A dotted arrow leads to as many labels as training from scratch needs to do as well."
        )
    if crossovers:
        said += (
            " An upright line, dotted where the verdict does not show it, is where an arm falls "
            "behind training from scratch."
        )
    return canvas.chart(
        lambda width: figures.label_efficiency(
            table, arms=arms, label_counts=counts, saved=saved, crossovers=crossovers, width=width
        ),
        alt="Line chart of test accuracy against the number of labels. "
        + values_in_words(table, arms, max(counts)),
        caption="Mean over seeds; vertical bars and bands are 95 % intervals, the arms set apart "
        f"a little sideways. Gray and black arms use no pretrained network.{said}",
        keys=_point_keys(run, canvas),
    )


def _point_keys(run: Run, canvas: Canvas) -> dict[str, list[int]]:
    """Returns what is said of each point: mean, interval and every cell."""
    counts = sorted(run.study["label_counts"])
    rows = {(row["arm"], row["num_labels"]): row for row in run.verdict.get("table", [])}
    scores: dict[tuple[str, int], dict[int, float]] = {}
    for cell in run.cells:
        place = scores.setdefault((cell.arm, cell.num_labels), {})
        place[cell.replicate] = 100 * cell.result["accuracy"]
    keys: dict[str, list[int]] = {}
    for index, arm in enumerate(run.study["arms"]):
        for count in counts:
            row = rows.get((arm, count))
            if row is None or row.get("mean") is None:
                continue
            half = row.get("half_width")
            margin = "" if half is None else f" ± {_format.number(half)}"
            cells = sorted(scores.get((arm, count), {}).items())
            listed = ", ".join(f"{_format.number(score)}" for _, score in cells)
            lines = [f"{arm}, {count:,} labels", f"{_format.number(row['mean'])}{margin} %"]
            if cells:
                lines.append(f"its {len(cells)} cells, by seed: {listed}")
            keys.setdefault(f"arm-{index}", []).append(canvas.say(lines))
    return keys


def accuracy_table(run: Run) -> list[dict[str, Any]]:
    """Returns a row an arm: a cell for each label count, and what pretraining and transfer cost."""
    entries = {(row["arm"], row["num_labels"]): row for row in run.verdict.get("table", [])}
    best = {entry["num_labels"]: entry for entry in run.verdict.get("best", [])}
    rows = []
    for arm in run.study["arms"]:
        found = [entries.get((arm, count), {}) for count in run.study["label_counts"]]
        cells = [
            _table_cell(
                entry, arm, best.get(count, {}), run.study.get("seeds"),
                diverged=sum(
                    bool(cell.result.get("diverged"))
                    for cell in run.cells
                    if (cell.arm, cell.num_labels) == (arm, count)
                ),
            )
            for count, entry in zip(run.study["label_counts"], found, strict=True)
        ]  # fmt: skip
        times = [_span([e.get(f"{stage}_seconds") for e in found]) for stage in _STAGES]
        rows.append({"arm": arm, "cells": cells, "pretrain": times[0], "transfer": times[1]})
    return rows


def comparisons(run: Run) -> list[dict[str, Any]]:
    """Returns the paired differences, each with the geometry of a small interval drawing."""
    found = run.verdict.get("comparisons", [])
    ends = [row.get(key) for row in found for key in ("low", "high", "difference")]
    reach = max((abs(end) for end in ends if _format.is_number(end)), default=1.0) or 1.0
    rows = []
    for row in found:
        known = all(_format.is_number(row.get(key)) for key in ("low", "high", "difference"))
        interval = f"{_format.signed(row.get('low'))} to {_format.signed(row.get('high'))}"
        rows.append(
            {
                "num_labels": row["num_labels"],
                "arm": row["arm"],
                "baseline": row["baseline"],
                "difference": _format.signed(row.get("difference")),
                "interval": interval if known else _format.DASH,
                "p": _format.probability(row.get("p_value")),
                "p_holm": _format.probability(row.get("p_holm")),
                "outcome": row.get("outcome") or _format.DASH,
                "seeds": _format.setting(row.get("seeds")),
                # A drawing 120 wide, 0 in the middle, 54 units to the largest end.
                "marks": {
                    key: round(60 + 54 * row[key] / reach, 1)
                    for key in ("low", "high", "difference")
                }
                if known
                else None,
            }
        )
    return sorted(rows, key=lambda row: row["num_labels"])


def level(run: Run) -> str | None:
    """Returns the level at which a difference is claimed, which falls with each look."""
    alpha = run.verdict.get("alpha")
    return f"{alpha:.2g}" if _format.is_number(alpha) else None


def values_in_words(table: list[dict[str, Any]], arms: list[str], count: int) -> str:
    """Returns 'At 200 labels: vae/lpft 93.1 %, …', highest first."""
    means = {row["arm"]: row["mean"] for row in table if row["num_labels"] == count}
    known = sorted((arm for arm in arms if means.get(arm) is not None), key=lambda a: -means[a])
    listed = ", ".join(f"{arm} {means[arm]:.1f} %" for arm in known)
    return f"At {count:,} labels: {listed or 'no results'}."


def _table_cell(
    entry: dict[str, Any], arm: str, best: dict[str, Any], seeds: int | None, *, diverged: int
) -> dict[str, str]:
    """Returns mean, half-width, mark and a note on lost seeds of one arm at one count."""
    missing = entry.get("mean") is None
    mark = "in best set" if arm in best.get("arms", []) else ""
    mark = "highest" if arm == best.get("highest") else mark
    known, half = entry.get("seeds"), entry.get("half_width")
    few = known is not None and seeds is not None and known < seeds
    notes = [f"{known} of {seeds} seeds"] * few + [f"{diverged} diverged"] * bool(diverged)
    return {
        "mean": _format.number(entry.get("mean")),
        "half": "" if missing or half is None else f"± {_format.number(half)}",
        "mark": "" if missing else mark,
        "note": "" if missing else ", ".join(notes),
    }


def _span(values: list[float | None]) -> str:
    """Returns one time, or the shortest to the longest."""
    known = sorted(value for value in values if value is not None and _format.is_number(value))
    if not known:
        return _format.DASH
    low, high = _format.seconds(known[0]), _format.seconds(known[-1])
    if known[-1] == 0:
        return "none"
    return low if low == high else f"{low} to {high}"
