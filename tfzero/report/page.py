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

from tfzero.common.checks import InputError, StopError
from tfzero.common.files import write_text_file
from tfzero.common.page import render_page
from tfzero.common.version import __version__
from tfzero.report.canvas import Canvas
from tfzero.report.facts import list_facts
from tfzero.report.glossary import name_arm, term
from tfzero.report.run import Run, read_run
from tfzero.report.section import Section
from tfzero.report.sections import SECTIONS
from tfzero.report.tables import Tables, write_tables

_TEMPLATES = pathlib.Path(__file__).parent / "templates"


def write_report(run_directory: str | os.PathLike[str]) -> pathlib.Path:
    """Writes `report.html`, and its tables as CSV and JSON, into a run folder.

    The page loads nothing from the network or from other files. It is written under another name
    and then renamed, so a reader never sees a partial page.

    Args:
        run_directory: Folder of a study, with at least `study.json` and `verdict.json`. Missing
            results show as dashes. The page names what was not recorded.

    Returns:
        Path of the page.

    Raises:
        InputError: If a needed file is missing, damaged or of another schema.
        StopError: If a file cannot be written, or a section cannot be made. All other sections are
            still written.
    """
    run = read_run(pathlib.Path(run_directory))
    troubles: dict[str, Exception] = {}
    tables = _collect_tables(SECTIONS, run, troubles)
    path = run.folder / "report.html"
    names = [name for name, rows in tables.items() if rows]
    write_text_file(path, _render(SECTIONS, run, names, troubles))
    write_tables(run.folder / "tables", tables)
    if troubles:
        title, error = next(iter(troubles.items()))
        kind = InputError if isinstance(error, InputError) else StopError
        raise kind(
            f'{path} is written, but without its section "{title}": {_describe(error)}'
        ) from error
    return path


def _collect_tables(
    sections: Sequence[Section], run: Run, troubles: dict[str, Exception]
) -> Tables:
    """Returns the tables of all sections, in the order of the page; notes those that fail."""
    tables: Tables = {}
    for section in sections:
        try:
            tables |= section.tables(run)
        except Exception as error:
            troubles[section.title] = error
    return tables


def _describe(error: Exception) -> str:
    if isinstance(error, (InputError, StopError)):
        return str(error)
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


def _render(
    sections: Sequence[Section], run: Run, table_names: list[str], troubles: dict[str, Exception]
) -> str:
    """Returns the page: the first section, the navigation, and the others."""
    canvas = Canvas()
    shown = []
    for one in sections:
        try:
            html = _render_section(one, run, canvas, table_names)
        except Exception as error:
            troubles.setdefault(one.title, error)
            html = _stand_in(one, error, is_first=not shown)
        shown.append((one, html))
    values = {
        "name": run.study.get("name") or run.folder.name,
        "facts": list_facts(run),
        "sections": shown,
        "thumbnails": canvas.thumbnails,
        "version": __version__,
    }
    return render_page(_TEMPLATES / "report.html", values | _script(canvas))


def _render_section(section: Section, run: Run, canvas: Canvas, table_names: list[str]) -> Markup:
    words = {"term": term, "name_arm": name_arm}
    values = {"table_names": table_names, **words, **section.build(run, canvas)}
    # The template escaped every value.
    return Markup(render_page(section.template, values, shared=_TEMPLATES))


def _stand_in(section: Section, error: Exception, *, is_first: bool) -> Markup:
    """Returns what stands in the place of a section that cannot be made."""
    heading, name = ("h1", "headline") if is_first else ("h2", f"{section.id}-heading")
    return Markup('<{0} id="{1}">{2}</{0}>\n<p>This section could not be made: {3}</p>').format(
        heading, name, section.title, _describe(error)
    )


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
