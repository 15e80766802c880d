"""A study as a notebook shows it: the answer, a table, and the report's chart."""

from __future__ import annotations

import itertools
import pathlib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from tfzero.common.page import render_page
from tfzero.common.version import __version__
from tfzero.report import formatting
from tfzero.report.drawing.svg import inline_svg
from tfzero.report.glossary import name_arm
from tfzero.report.sections.verdict.chart import top_arms
from tfzero.report.sections.verdict.figure import label_efficiency
from tfzero.study.verdict.answer import QUESTION, advise_plainly, answer_plainly, shorten

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
    shown: Sequence[str] | None = None,
    width: float = 8.0,
) -> Figure:
    """Returns the chart of the report's first screen: accuracy against labels.

    Args:
        verdict: As `verdict.json` holds it.
        arms: Those of the study, in its order.
        label_counts: Those of the study.
        shown: Those to draw; None draws the five that the report shows at first.
        width: Inches.
    """
    recommended = (verdict.get("recommended") or {}).get("arm")
    table = verdict.get("table", [])
    if shown is None:
        shown = top_arms(table, arms, recommended)
    return label_efficiency(
        table,
        arms=[arm for arm in arms if arm in shown],
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
    short, rest = shorten(answer_plainly(verdict, label_counts))
    values = {
        "name": name,
        "version": __version__,
        "question": QUESTION,
        "short": short,
        "rest": rest,
        "advice": advise_plainly({**verdict, "table": verdict.get("table", [])}),
        "savedmodel": recommended.get("savedmodel"),
        "label_counts": list(label_counts),
        "rows": _list_rows(verdict, arms, label_counts),
        # Made by matplotlib, which escapes all text.
        "chart": Markup(chart),
        "dark": Markup(_read_dark_colors()),
        "name_arm": name_arm,
    }
    return render_page(_TEMPLATE, values)


def _read_dark_colors() -> str:
    """Returns the report's colours of arms on dark pages, as CSS."""
    css = _TEMPLATE.with_name("report.css").read_text(encoding="utf-8")
    return " ".join(re.findall(r"--c[0-9a-f]{6}: #[0-9a-f]{6};", css))


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
