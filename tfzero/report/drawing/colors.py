"""Colours of text and lines, and how well text can be read on a colour."""

from __future__ import annotations

from collections.abc import Sequence

INK = "#1f2933"
QUIET = "#5b6570"
GRID = "#dde1e6"
FAINT = "#a9b2bb"


def luminance(color: Sequence[float]) -> float:
    """Returns the relative luminance of red, green and blue in 0..255 (WCAG 2.2)."""
    parts = [part / 255 for part in color]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def text_on(color: Sequence[float], alpha: float) -> str:
    """Returns black or white, whichever is easier to read on a colour laid over white."""
    blended = [255 - alpha * (255 - part) for part in color]
    # Where both have the same contrast, 4.6.
    return "#ffffff" if luminance(blended) < 0.179 else "#000000"
