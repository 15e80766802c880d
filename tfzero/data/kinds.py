"""Kinds of data: what may change in an image without changing what it shows."""

from __future__ import annotations

# Digits are never mirrored; clothes are; photos also keep their meaning in other colours;
# spectrograms may move in time and lose bands.
KINDS = ("digits", "clothes", "photos", "spectrograms")


def default_kind(num_channels: int) -> str:
    """Returns the kind that harms least: photos in colour, and what is never mirrored in gray."""
    return "photos" if num_channels == 3 else "digits"
