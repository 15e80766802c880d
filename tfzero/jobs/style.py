"""The style of the report, for pages that other parts write."""

from __future__ import annotations

import importlib.resources

_STYLE = "templates/report.css"


def read_style() -> str:
    """Returns the report's CSS."""
    return importlib.resources.files("tfzero.report").joinpath(_STYLE).read_text("utf-8")
