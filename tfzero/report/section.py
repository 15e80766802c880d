"""What one section of the page is."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any

from tfzero.report.canvas import Canvas
from tfzero.report.run import Run
from tfzero.report.tables import Tables


def no_tables(run: Run) -> Tables:
    """Returns the tables of a section that writes none."""
    return {}


@dataclasses.dataclass(frozen=True)
class Section:
    """One section: its place in the navigation, and all that only it needs.

    Attributes:
        id: Its anchor on the page, and the name of its folder.
        title: What the navigation calls it.
        template: HTML of what stands in it. Beside what `build` returns it sees `table_names`,
            the names of all tables of the report, `term(word)` and `name_arm(arm)`, which add a
            tooltip (see `tfzero.report.glossary`). Its heading has the id "ID-heading".
        build: Returns what the template shows, drawing its charts on the canvas.
        tables: Returns the rows of each table by name. A table without rows is listed too: files
            of that name, from an earlier report, are then removed.
    """

    id: str
    title: str
    template: pathlib.Path
    build: Callable[[Run, Canvas], dict[str, Any]]
    tables: Callable[[Run], Tables] = no_tables
