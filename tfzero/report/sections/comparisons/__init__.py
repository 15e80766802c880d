"""Transfer against its baseline: paired differences, and what stands beside the verdict."""

from __future__ import annotations

import pathlib
from typing import Any

from tfzero.report import formatting
from tfzero.report.canvas import Canvas
from tfzero.report.run import Run
from tfzero.report.section import Section
from tfzero.report.tables import Tables

# Sentences beside the verdict, those that concern it most first; with many arms there are dozens.
_SHOWN_BESIDE = 6
# By the families' words in the verdict.
_QUESTIONS = {
    "pretraining": "Does pretraining help?",
    "elsewhere": "Does an encoder from elsewhere help?",
    "unlabeled": "Do the unlabeled images help without pretraining?",
    "rivals": "Is pretraining better than its rivals?",
}
_ENDS = ("low", "high", "difference")


def build(run: Run, canvas: Canvas) -> dict[str, Any]:
    """Returns what the template shows."""
    return {
        "families": families(run),
        "level": level(run),
        "exploratory": run.verdict.get("exploratory") or [],
        "shown_beside": _SHOWN_BESIDE,
    }


def list_tables(run: Run) -> Tables:
    """Returns the comparisons without what only words are made of, and the labels saved."""
    flat = [
        {key: value for key, value in row.items() if not isinstance(value, (dict, list))}
        for row in run.verdict.get("comparisons", [])
    ]
    return {"comparisons": flat, "labels_saved": list(run.verdict.get("labels_saved", []))}


def describe(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the rows of one table, each with the geometry of a small interval drawing.

    The drawings of a table share a scale, on which its longest interval just fits.
    """
    ends = [row[key] for row in found for key in _ENDS if formatting.is_number(row.get(key))]
    reach = max(map(abs, ends), default=1.0) or 1.0
    rows = []
    for row in found:
        known = all(formatting.is_number(row.get(key)) for key in _ENDS)
        interval = f"{formatting.signed(row.get('low'))} to {formatting.signed(row.get('high'))}"
        rows.append(
            {
                "labels": "average" if row["num_labels"] is None else f"{row['num_labels']:,}",
                "arm": row["arm"],
                "baseline": row["baseline"],
                "difference": formatting.signed(row.get("difference")),
                "interval": interval if known else formatting.DASH,
                "p": formatting.probability(row.get("p_value")),
                "p_adjusted": formatting.probability(row.get("p_adjusted")),
                "outcome": row.get("outcome") or formatting.DASH,
                "seeds": formatting.setting(row.get("seeds")),
                # A drawing 120 wide, 0 in the middle, 54 units to the largest end.
                "marks": {key: round(60 + 54 * row[key] / reach, 1) for key in _ENDS}
                if known
                else None,
            }
        )
    return rows


def families(run: Run) -> list[dict[str, Any]]:
    """Returns the families of claims: averages over the label counts, and each count folded."""
    shown = []
    for family, question in _QUESTIONS.items():
        mine = [row for row in run.verdict.get("comparisons", []) if row["family"] == family]
        averages = [row for row in mine if row["num_labels"] is None]
        singles = [row for row in mine if row["num_labels"] is not None]
        if mine:  # a study of one label count has no average
            first, folded = (averages, singles) if averages else (singles, [])
            entry = {"question": question, "rows": describe(first), "folded": describe(folded)}
            shown.append(entry)
    return shown


def level(run: Run) -> str | None:
    """Returns the level of a whole family at which a difference is claimed."""
    alpha = run.verdict.get("alpha")
    return f"{alpha:.2g}" if formatting.is_number(alpha) else None


SECTION = Section(
    id="comparisons",
    title="Comparisons",
    template=pathlib.Path(__file__).with_name("section.html"),
    build=build,
    tables=list_tables,
)
