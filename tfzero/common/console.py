"""The one way to print on a console: text as it stands, as names and paths may hold markup."""

from __future__ import annotations

from typing import Any

from rich.console import Console


def print_plain(console: Console, *shown: Any, **looks: Any) -> None:
    """Prints texts and tables; nothing in a string is taken for markup, such as `[bold]`.

    Args:
        console: Where to print.
        shown: Strings and what rich can render. What is to look otherwise is a `rich.text.Text`.
        looks: Of `Console.print`, such as `style` for all of it.
    """
    console.print(*shown, markup=False, highlight=False, emoji=False, **looks)
