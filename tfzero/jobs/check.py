"""What a check prints, and its page in the style of the report."""

from __future__ import annotations

import pathlib

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tfzero.common.console import print_plain
from tfzero.data import ImageData
from tfzero.data.check import CheckResult, check_briefly, require_no_leaks
from tfzero.data.check.findings import Finding, Sight
from tfzero.data.check.page import write_page
from tfzero.jobs.style import read_style

_SHOWN = 5
_COLORS = {"stop": "bold red", "look": "yellow", "fine": "green"}


def show_check(console: Console, result: CheckResult) -> None:
    """Prints all findings with some of their examples."""
    facts = ", ".join(f"{value} {key}" for key, value in result.facts)
    print_plain(console, Text.assemble((result.name, "bold"), f": {facts}"))
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column()
    for level in ("stop", "look", "fine"):
        for finding in result.findings:
            if finding.level == level:
                table.add_row(Text(level, _COLORS[level]), _with_examples(finding))
    print_plain(console, table)
    for sentence in result.left_out:
        print_plain(console, f"Left out. {sentence}")
    print_plain(console, f"Checked in {result.seconds:.0f} s.")


def show_briefly(console: Console, result: CheckResult) -> None:
    """Prints, before a study, only what somebody should look at."""
    for finding in result.findings:
        if finding.level == "look":
            print_plain(console, f"  Look: {_with_examples(finding)}")


def look_at(data: ImageData, console: Console) -> None:
    """Prints what was done on loading and what should be looked at, before any work.

    Raises:
        InputError: If training and test images leak into one another.
    """
    for note in data.notes:
        print_plain(console, note)
    found = check_briefly(data)
    show_briefly(console, found)
    require_no_leaks(found)


def write_check_page(result: CheckResult, path: pathlib.Path) -> None:
    """Writes the page of a check, dressed as reports are.

    Raises:
        StopError: If the file cannot be written.
    """
    write_page(result, path, style=read_style())


def _with_examples(finding: Finding) -> str:
    names = [f"{name} {_shorten(name, reason)}" for name, reason in finding.names]
    for example in finding.examples if finding.level != "fine" else ():
        pair = " = " if finding.check != "near duplicates" else " ~ "
        shown = pair.join(_place(sight) for sight in example.sights)
        names.append(f"{shown} ({example.remark})" if example.remark else shown)
    if not names:
        return finding.sentence
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{finding.sentence} For example: {'; '.join(names[:_SHOWN])}{more}."


def _shorten(name: str, reason: str) -> str:
    """Returns the reason alone, of a sentence that begins with the file's path."""
    _, found, rest = reason.partition(pathlib.PurePath(name).name)
    return (rest if found else reason).partition(";")[0].strip()


def _place(sight: Sight) -> str:
    """Returns a name that says which part it is of."""
    there = sight.name.startswith(sight.part)
    return sight.name if there else f"{sight.part}: {sight.name}"
