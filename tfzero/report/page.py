"""One self-contained page about a study, written from the files of its run folder."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import os
import pathlib
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from tfzero.common.page import render_page, write_page_file
from tfzero.report.canvas import Canvas
from tfzero.report.facts import list_facts
from tfzero.report.run import Run, read_run
from tfzero.report.section import Section
from tfzero.report.sections import SECTIONS
from tfzero.report.tables import Tables, write_tables

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
    run = read_run(pathlib.Path(run_directory))
    tables = _collect_tables(SECTIONS, run)
    path = run.folder / "report.html"
    write_page_file(path, _render(SECTIONS, run, [name for name, rows in tables.items() if rows]))
    write_tables(run.folder / "tables", tables)
    return path


def _collect_tables(sections: Sequence[Section], run: Run) -> Tables:
    """Returns the tables of all sections, in the order of the page."""
    tables: Tables = {}
    for section in sections:
        tables |= section.tables(run)
    return tables


def _render(sections: Sequence[Section], run: Run, table_names: list[str]) -> str:
    """Returns the page: the first section, the navigation, and the others."""
    canvas = Canvas()
    shown = [(one, _render_section(one, run, canvas, table_names)) for one in sections]
    values = {
        "name": run.study.get("name") or run.folder.name,
        "facts": list_facts(run),
        "sections": shown,
        "thumbnails": canvas.thumbnails,
    }
    return render_page(_TEMPLATES / "report.html", values | _script(canvas))


def _render_section(section: Section, run: Run, canvas: Canvas, table_names: list[str]) -> Markup:
    values = {"table_names": table_names, **section.build(run, canvas)}
    # The template escaped every value.
    return Markup(render_page(section.template, values, shared=_TEMPLATES))


def _script(canvas: Canvas) -> dict[str, Any]:
    """Returns the page's script, the hash by which the page lets it alone run, and its data."""
    script = (_TEMPLATES / "report.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    sprite = canvas.thumbnails and dataclasses.asdict(canvas.thumbnails)
    if sprite:
        del sprite["source"]  # it stands in the page already
    data = embed_json({"tips": canvas.tips, "sprite": sprite})
    return {"script": Markup(script), "script_hash": digest, "script_data": data}


def embed_json(values: Any) -> Markup:
    """Returns JSON that can stand in a script element, whatever text is in it."""
    text = json.dumps(values, separators=(",", ":"))  # ASCII alone: no line separators, no lone "
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)
