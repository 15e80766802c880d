"""One line of progress in a notebook's output, which changes in its place."""

from __future__ import annotations

import weakref
from typing import Any

from rich.console import Console

from tfzero.common.console import print_plain

# Of each console that shows in a notebook, what changes its line.
_LINES: weakref.WeakKeyDictionary[Console, Any] = weakref.WeakKeyDictionary()


def print_line(console: Console, text: str) -> None:
    """Prints a line of progress; in a notebook it takes the place of the last one.

    A study of an hour prints some hundred such lines. In a log each stays; in a cell's output
    they would push everything else away.

    Args:
        console: Where to.
        text: The line, without markup.
    """
    if not console.is_jupyter:
        print_plain(console, text)
        return
    from IPython.display import display

    shown = {"text/plain": text}
    if console in _LINES:
        _LINES[console].update(shown, raw=True)
    else:
        _LINES[console] = display(shown, raw=True, display_id=True)
