"""The command that looks at data before a study."""

from __future__ import annotations

import pathlib
from typing import Annotated

import typer

from tfzero.cli.options import (
    Channels,
    ClipSeconds,
    Data,
    Group,
    Labels,
    Pages,
    PixelRange,
    Pool,
    Rate,
    Resize,
    Size,
    Strict,
    Transductive,
    TrimDb,
    command,
)
from tfzero.cli.parse import print_json, read_load_options
from tfzero.cli.translate import Console
from tfzero.common.console import print_plain
from tfzero.common.files import require_file_place


@command("check my_images/ --page check.html")
def check(
    context: typer.Context,
    data: Data = "digits",
    pool: Pool = None,
    labels: Labels = None,
    pages: Pages = "first",
    size: Size = None,
    channels: Channels = None,
    resize: Resize = None,
    pixel_range: PixelRange = None,
    rate: Rate = None,
    clip_seconds: ClipSeconds = None,
    trim_db: TrimDb = None,
    group: Group = None,
    strict: Strict = False,
    transductive: Transductive = False,
    page: Annotated[
        pathlib.Path | None, typer.Option(metavar="FILE", help="HTML page to write, with pictures.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the findings as JSON on standard output.")
    ] = False,
) -> None:
    """Find problems in the data before a study: broken files, duplicates, leaks, odd labels.

    Nothing is changed or deleted. Exits with 1 if a study would refuse the data. Every study runs
    the quick part of this check first.
    """
    from tfzero.data.check import check_data
    from tfzero.jobs.check import show_check, write_check_page

    console = Console(context, stderr=as_json, advising="compare")
    if page is not None:
        require_file_place(page, chosen_by="page")
    options = read_load_options(context)
    result = check_data(data, options, say=lambda text: print_plain(console, text, style="dim"))
    show_check(console, result)
    if page is not None:
        write_check_page(result, page)
        print_plain(console, f"Page: {page}")
    if as_json:
        print_json(result.to_json())
    if result.stops:
        raise typer.Exit(1)
