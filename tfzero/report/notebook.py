"""A study as a notebook shows it: the answer, a table, and the report's chart."""

from __future__ import annotations

import itertools
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from tfzero.common.page import render_page
from tfzero.common.version import __version__
from tfzero.report import formatting
from tfzero.report.drawing.svg import inline_svg
from tfzero.report.glossary import name_arm
from tfzero.report.sections.verdict.figure import label_efficiency
from tfzero.study.verdict.answer import QUESTION, advise_plainly, answer_plainly

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TEMPLATE = pathlib.Path(__file__).parent / "templates" / "notebook.html"
# Two studies can stand in one notebook: the names inside a drawing must differ.
_COUNT = itertools.count()


def draw_study(
    verdict: dict[str, Any],
    *,
    arms: Sequence[str],
    label_counts: Sequence[int],
    width: float = 8.0,
) -> Figure:
    """Returns the chart of the report's first screen, of all arms: accuracy against labels.

    Args:
        verdict: As `verdict.json` holds it.
        arms: Those of the study, in its order.
        label_counts: Those of the study.
        width: Inches.
    """
    recommended = (verdict.get("recommended") or {}).get("arm")
    return label_efficiency(
        verdict.get("table", []),
        arms=arms,
        label_counts=label_counts,
        saved=verdict.get("labels_saved", []),
        crossovers=verdict.get("crossovers", []),
        winner=recommended,
        width=width,
    )


def render_study(
    name: str, verdict: dict[str, Any], *, arms: Sequence[str], label_counts: Sequence[int]
) -> str:
    """Returns HTML for the output of a notebook's cell, light and dark.

    Args:
        name: Of the study.
        verdict: As `verdict.json` holds it.
        arms: Those of the study, in its order.
        label_counts: Those of the study.
    """
    figure = draw_study(verdict, arms=arms, label_counts=label_counts)
    chart = inline_svg(figure, prefix=f"tfzero-{next(_COUNT)}-", keys={})
    recommended = verdict.get("recommended") or {}
    values = {
        "name": name,
        "version": __version__,
        "question": QUESTION,
        "answers": answer_plainly(verdict, label_counts),
        "advice": advise_plainly({**verdict, "table": verdict.get("table", [])}),
        "savedmodel": recommended.get("savedmodel"),
        "label_counts": list(label_counts),
        "rows": _list_rows(verdict, arms, label_counts),
        # Made by matplotlib, which escapes all text.
        "chart": Markup(chart),
        "name_arm": name_arm,
    }
    return render_page(_TEMPLATE, values)


def _list_rows(
    verdict: dict[str, Any], arms: Sequence[str], label_counts: Sequence[int]
) -> list[dict[str, Any]]:
    """Returns a row per arm: its mean and half-width at each label count."""
    entries = {(row["arm"], row["num_labels"]): row for row in verdict.get("table", [])}
    highest = {entry["num_labels"]: entry["highest"] for entry in verdict.get("best", [])}
    recommended = (verdict.get("recommended") or {}).get("arm")
    return [
        {
            "arm": arm,
            "is_winner": arm == recommended,
            "cells": [
                _write_cell(entries.get((arm, count)), is_highest=highest.get(count) == arm)
                for count in label_counts
            ],
        }
        for arm in arms
    ]


def _write_cell(entry: dict[str, Any] | None, *, is_highest: bool) -> dict[str, Any]:
    if entry is None or entry.get("mean") is None:
        return {"text": formatting.DASH, "is_highest": False}
    half = entry.get("half_width")
    margin = "" if half is None else f" ± {formatting.number(half)}"
    return {"text": f"{formatting.number(entry['mean'])}{margin}", "is_highest": is_highest}
