"""One self-contained page about a study, written from the files of its run folder."""

from __future__ import annotations

import os
import pathlib
from typing import Any

from tfzero._page import render_page, write_page_file
from tfzero.report import _read, _sections

# Classes whose accuracy is on the page at once, worst first; the others are a click away.
_SHOWN_CLASSES = 60
_TEMPLATE = pathlib.Path(__file__).parent / "templates" / "report.html"


def write_report(run_directory: str | os.PathLike[str]) -> pathlib.Path:
    """Writes `report.html` into a run folder.

    The page needs nothing but itself: no network, no script, no file beside it. It is
    written under another name and then renamed, so that a reader never sees half of it.

    Args:
        run_directory: Folder of a study, with at least `study.json` and `verdict.json`.
            Results that are missing show as dashes.

    Returns:
        Where the page is.

    Raises:
        InputError: If a needed file is missing, damaged or of another schema.
    """
    run = _read.read_run(pathlib.Path(run_directory))
    path = run.folder / "report.html"
    write_page_file(path, render_page(_TEMPLATE, _values(run)))
    return path


def _values(run: _read.Run) -> dict[str, Any]:
    """Returns everything the template shows."""
    verdict = run.verdict
    return {
        "name": run.study.get("name") or run.folder.name,
        "headline": verdict.get("headline") or "No verdict.",
        "sentences": verdict.get("sentences") or [],
        "exploratory": verdict.get("exploratory") or [],
        "recommended": verdict.get("recommended") or None,
        "caveats": verdict.get("caveats") or [],
        "notes": run.study.get("data", {}).get("notes") or [],
        "label_counts": run.study["label_counts"],
        "facts": _sections.facts(run),
        "costs": _sections.pretraining_costs(run),
        "table": _sections.accuracy_table(run),
        "comparisons": _sections.comparisons(run),
        "level": _sections.level(run),
        "efficiency": _sections.efficiency_picture(run),
        "times": _sections.time_pictures(run),
        "encoders": _sections.encoder_pictures(run),
        "mistakes": _sections.mistakes(run),
        "shown_classes": _SHOWN_CLASSES,
        "command": _sections.command(run),
        "settings": _sections.settings(run),
    }
