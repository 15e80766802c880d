"""The sections of the page, one folder each."""

from __future__ import annotations

import importlib

from tfzero.report.section import Section

# In the order of the page. The first opens it: its heading is the page's own, with the id
# "headline", and the navigation to the others stands below it.
# Adding a section: one folder, one line here, one test file.
_PLACES = (
    "tfzero.report.sections.verdict",
    "tfzero.report.sections.table",
    "tfzero.report.sections.comparisons",
    "tfzero.report.sections.time",
    "tfzero.report.sections.encoders",
    "tfzero.report.sections.mistakes",
    "tfzero.report.sections.data",
    "tfzero.report.sections.curves",
    "tfzero.report.sections.method",
    "tfzero.report.sections.glossary",
)
SECTIONS: list[Section] = [importlib.import_module(place).SECTION for place in _PLACES]
