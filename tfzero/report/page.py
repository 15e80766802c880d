"""One self-contained page about a study, written from the files of its run folder."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import pathlib
from typing import Any

from markupsafe import Markup

from tfzero.common.page import render_page, write_page_file
from tfzero.report import _read
from tfzero.report._pictures import Canvas
from tfzero.report._svg import as_variable
from tfzero.report._tables import list_tables, write_tables
from tfzero.report.figures import _style
from tfzero.report.sections import (
    costs,
    data,
    encoders,
    labels,
    method,
    mistakes,
    training,
    verdict,
)

# Classes whose accuracy is on the page at once, worst first; the others are a click away.
_SHOWN_CLASSES = 60
# Sentences beside the verdict, those that concern it most first; with many arms there are dozens.
_SHOWN_BESIDE = 6
_TEMPLATES = pathlib.Path(__file__).parent / "templates"


def write_report(run_directory: str | os.PathLike[str]) -> pathlib.Path:
    """Writes `report.html`, and its tables as CSV and JSON, into a run folder.

    The page needs nothing but itself: no network, no file beside it. It is written under another
    name and then renamed, so that a reader never sees half of it.

    Args:
        run_directory: Folder of a study, with at least `study.json` and `verdict.json`.
            Results that are missing show as dashes; what was not recorded is left out, and the
            page says so.

    Returns:
        Where the page is.

    Raises:
        InputError: If a needed file is missing, damaged or of another schema.
    """
    run = _read.read_run(pathlib.Path(run_directory))
    path = run.folder / "report.html"
    write_page_file(path, render_page(_TEMPLATES / "report.html", _values(run)))
    write_tables(run)
    return path


def _values(run: _read.Run) -> dict[str, Any]:
    """Returns everything the template shows."""
    found, canvas = run.verdict, Canvas()
    sprite = encoders.sprite(run)
    values = {
        "name": run.study.get("name") or run.folder.name,
        "headline": found.get("headline") or "No verdict.",
        "sentences": found.get("sentences") or [],
        "exploratory": found.get("exploratory") or [],
        "shown_beside": _SHOWN_BESIDE,
        "recommended": verdict.recommended(run),
        "caveats": found.get("caveats") or [],
        "failures": found.get("failures") or [],
        "label_counts": run.study["label_counts"],
        "facts": verdict.facts(run),
        "costs": verdict.pretraining_costs(run),
        "switches": _switches(run.study["arms"]),
        "efficiency": labels.efficiency_chart(run, canvas),
        "table": labels.accuracy_table(run),
        "comparisons": labels.comparisons(run),
        "level": labels.level(run),
        "times": costs.time_charts(run, canvas),
        "arm_costs": costs.arm_costs_in_words(run),
        "maps": encoders.maps(run, canvas),
        "methods": encoders.method_pictures(run),
        "sprite": sprite,
        "mistakes": mistakes.mistakes(run, canvas),
        "shown_classes": _SHOWN_CLASSES,
        "data": data.data(run, canvas),
        "pretrainings": training.pretrainings(run, canvas),
        "commands": method.commands(run),
        "serving": method.serving(run),
        "settings": method.settings(run),
        "tables": list(list_tables(run)),
    }
    return values | _script({"tips": canvas.tips, "sprite": _without_source(sprite)})


def _switches(arms: list[str]) -> list[dict[str, Any]]:
    """Returns what switches an arm off, drawn as its line is."""
    styles = _style.arm_styles(arms)
    return [
        {"arm": arm, "color": as_variable(styles[arm].color), "index": styles[arm].index}
        for arm in arms
    ]


def _without_source(sprite: dict[str, Any] | None) -> dict[str, Any] | None:
    return sprite and {key: value for key, value in sprite.items() if key != "source"}


def _script(values: dict[str, Any]) -> dict[str, Any]:
    """Returns the page's script, the hash by which the page lets it alone run, and its data."""
    script = (_TEMPLATES / "report.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return {"script": Markup(script), "script_hash": digest, "script_data": embed_json(values)}


def embed_json(values: Any) -> Markup:
    """Returns JSON that can stand in a script element, whatever text is in it."""
    text = json.dumps(values, separators=(",", ":"))  # ASCII alone: no line separators, no lone "
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)
