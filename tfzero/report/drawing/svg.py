"""Figures as SVG inside the page: in its colours, light and dark, with marks for its script.

What a figure calls `arm-3...` (`set_gid`) gets `data-arm="3"` and can be switched off; the points
of `arm-3` or `points-3` get the number of what is said of them as `data-key`.
"""

from __future__ import annotations

import io
import re
import warnings
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tfzero.report.drawing.colors import GRID, INK, QUIET

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Text stays text, in the reader's font; a fixed salt makes equal figures equal bytes.
_SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "tfzero",
    "text.usetex": False,
    "font.family": "sans-serif",
    "font.sans-serif": ["Arial", "Liberation Sans", "Helvetica", "DejaVu Sans"],
}
_SVG, _LINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_NAMED = {INK: "--ink", QUIET: "--quiet", GRID: "--line"}
_COLOR = re.compile(r"#[0-9a-f]{6}\b")
_ARM, _POINTS = re.compile(r"arm-(\d+)"), re.compile(r"(?:arm|points)-\d+")
# Two decimals of a point are a hundredth of a pixel.
_LONG = re.compile(r"-?\d+\.\d{3,}")


def inline_svg(figure: Figure, *, prefix: str, keys: Mapping[str, Sequence[int]]) -> str:
    """Returns a figure as an `<svg>` element that can stand in a page beside others.

    Args:
        figure: The figure; is drawn.
        prefix: Unique on the page; starts every id.
        keys: Name of an artist that holds points to a number for each, in the order drawn.
    """
    import matplotlib

    stream = io.BytesIO()
    # A class called in letters the fonts here lack warns; the reader's fonts may have them.
    with matplotlib.rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        metadata = {"Date": None, "Creator": None, "Format": None, "Type": None}
        figure.savefig(stream, format="svg", dpi=72, transparent=True, metadata=metadata)
    root = ElementTree.fromstring(stream.getvalue())
    for parent in root.iter():
        for child in list(parent):
            if child.tag == f"{{{_SVG}}}metadata":
                parent.remove(child)
    width, height = (round(float(side) * 96) for side in figure.get_size_inches())
    root.attrib.update({"width": str(width), "height": str(height), "aria-hidden": "true"})
    _mark(root, keys)
    _rename(root, prefix)
    return _write(root)


def _mark(root: ElementTree.Element, keys: Mapping[str, Sequence[int]]) -> None:
    """Turns names of artists into data attributes."""
    for element in root.iter():
        name = element.get("id", "")
        if arm := _ARM.match(name):
            element.set("data-arm", arm[1])
        if _POINTS.match(name):
            del element.attrib["id"]  # the same figure stands on the page in two widths
        if name in keys:
            # Few points of a kind are drawn one by one, more as copies of one.
            points = list(element.iter(f"{{{_SVG}}}use")) or list(element.iter(f"{{{_SVG}}}path"))
            for point, key in zip(points, keys[name], strict=True):
                point.set("data-key", str(key))


def _rename(root: ElementTree.Element, prefix: str) -> None:
    """Gives every id that something refers to a name of its own, and removes the others."""
    used: set[str] = set()
    for element in root.iter():
        link = element.attrib.pop(f"{{{_LINK}}}href", "")
        if link:  # HTML knows no namespaces
            element.set("href", f"#{prefix}{link[1:]}" if link.startswith("#") else link)
        if link.startswith("#"):
            used.add(link[1:])
        for name, value in element.attrib.items():
            if found := re.search(r"url\(#([^)]+)\)", value):
                used.add(found[1])
                element.set(name, value.replace(f"#{found[1]}", f"#{prefix}{found[1]}"))
    for element in root.iter():
        name = element.get("id")
        if name in used:
            element.set("id", prefix + name)
        elif name is not None:
            del element.attrib["id"]


def _write(root: ElementTree.Element) -> str:
    for element in root.iter():
        element.tag = element.tag.removeprefix(f"{{{_SVG}}}")
        for name in ("style", "fill", "stroke"):
            if name in element.attrib:
                element.set(
                    name, _COLOR.sub(lambda found: as_variable(found[0]), element.get(name, ""))
                )
        for name in ("d", "x", "y", "transform"):
            if name in element.attrib:
                element.set(name, _LONG.sub(_shorten, element.get(name, "")))
    text = ElementTree.tostring(root, encoding="unicode")
    return re.sub(r">\s+<", "><", text)


def as_variable(color: str) -> str:
    """Returns a colour as the page knows it: it is another on a dark page."""
    name = _NAMED.get(color)
    return f"var({name})" if name else f"var(--c{color[1:]}, {color})"


def _shorten(found: re.Match[str]) -> str:
    return f"{float(found[0]):.2f}".rstrip("0").rstrip(".")
