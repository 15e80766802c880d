"""The words of the report, and the arms of the study in plain words."""

from __future__ import annotations

import pathlib
from typing import Any

from tfzero.report.canvas import Canvas
from tfzero.report.glossary import WORDS, anchor
from tfzero.report.run import Run
from tfzero.report.section import Section
from tfzero.study.plain_names import plain_name


def build(run: Run, canvas: Canvas) -> dict[str, Any]:
    """Returns what the template shows."""
    words = sorted(WORDS, key=str.lower)
    return {
        "arms": [(arm, plain_name(arm)) for arm in run.arms],
        "words": [(anchor(word), word, WORDS[word]) for word in words],
    }


SECTION = Section(
    id="glossary",
    title="Glossary",
    template=pathlib.Path(__file__).with_name("section.html"),
    build=build,
)
