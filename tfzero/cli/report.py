"""The command that writes the page of a finished study again."""

from __future__ import annotations

import pathlib
import sys
import webbrowser
from typing import Annotated

import typer

import tfzero
from tfzero.cli.options import command


@command("report runs/digits")
def report(
    run: Annotated[pathlib.Path, typer.Argument(help="Run folder of a finished study.")],
    open_it: Annotated[
        bool,
        typer.Option(
            "--open", help="Open the report in your browser; write it only if it is missing."
        ),
    ] = False,
) -> None:
    """Write report.html again from a run folder."""
    from tfzero.study.records import RunFolder

    page = RunFolder(run).report
    if not open_it or not page.exists():
        page = tfzero.write_report(run)
    print(page)
    if open_it and not webbrowser.open(pathlib.Path(page).resolve().as_uri()):
        print("No browser was found. Open this file in a browser.", file=sys.stderr)
