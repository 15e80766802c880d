"""The main job, and what goes before and after it."""

from __future__ import annotations

import pathlib
import sys
import webbrowser
from typing import Annotated

import typer

import tfzero
from tfzero.cli.next_steps import show_next
from tfzero.cli.options import (
    RUN,
    STUDY,
    Balanced,
    Channels,
    ClassWeights,
    ClipSeconds,
    Data,
    DropLeaks,
    Group,
    Kind,
    Labels,
    Pages,
    PixelRange,
    Pool,
    PoolOnly,
    Rate,
    Residual,
    Resize,
    Size,
    Source,
    Strict,
    TestShare,
    Then,
    Transductive,
    TrimDb,
    UnlabeledFrom,
    Weights,
    command,
)
from tfzero.cli.parse import parse_minutes, print_json, read_load_options, split
from tfzero.cli.translate import Console
from tfzero.common.console import print_plain
from tfzero.common.files import require_file_place
from tfzero.data.check import check_data
from tfzero.jobs.check import show_check, write_check_page
from tfzero.jobs.sizing import Unloaded
from tfzero.study.records import RunFolder


@command("compare my_images/ --label-counts 100,1000,all --seeds 5")
def compare(
    context: typer.Context,
    data: Data = "digits",
    arms: Annotated[
        str | None,
        typer.Option(
            help="INIT/STRATEGY, separated by commas, as in vae/lpft,scratch/finetune.",
            rich_help_panel=STUDY,
        ),
    ] = None,
    label_counts: Annotated[
        str | None,
        typer.Option(
            help='Numbers of labels, or "all", separated by commas. Default: 2, 5 and 20 a class.',
            rich_help_panel=STUDY,
        ),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            help="Most replicates; each redraws everything random. Default: 10.",
            rich_help_panel=STUDY,
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            help="Pretraining passes. Default: by size of the pool.", rich_help_panel=STUDY
        ),
    ] = None,
    pool: Pool = None,
    pool_only: PoolOnly = False,
    encoders: Annotated[
        int | None,
        typer.Option(
            help="Encoders a method, shared by the seeds. Default: one for each seed.",
            rich_help_panel=STUDY,
        ),
    ] = None,
    no_early_stop: Annotated[
        bool,
        typer.Option(
            "--no-early-stop",
            help="Use all seeds, even if fewer answer the question.",
            rich_help_panel=STUDY,
        ),
    ] = False,
    margin: Annotated[
        float | None,
        typer.Option(
            help="Smallest difference worth having, in points of accuracy. Default: 1.",
            rich_help_panel=STUDY,
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            help="What the verdict is made on: accuracy, or balanced_accuracy, which counts all "
            "classes alike. Default: accuracy.",
            rich_help_panel=STUDY,
        ),
    ] = None,
    minutes: Annotated[
        str,
        typer.Option(
            help="What the study may take, or none for any time. Default arms, passes of "
            "pretraining and seeds are chosen so that it fits; what is dropped is named. Default: "
            "30, and 3 on the built-in digits.",
            rich_help_panel=STUDY,
        ),
    ] = "auto",
    more_seeds: Annotated[
        int | None,
        typer.Option(
            help="Add this many seeds to the finished study and look again; what is "
            "there is not computed anew.",
            rich_help_panel=STUDY,
        ),
    ] = None,
    add_arms: Annotated[
        str | None,
        typer.Option(
            help="Add arms to the study in the folder, as INIT/STRATEGY,...; what is there is not "
            "computed anew. After a look they are exploratory until seeds are added.",
            rich_help_panel=STUDY,
        ),
    ] = None,
    add_label_counts: Annotated[
        str | None,
        typer.Option(help="Add label counts, likewise.", rich_help_panel=STUDY),
    ] = None,
    class_weights: ClassWeights = False,
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
    test_share: TestShare = None,
    strict: Strict = False,
    drop_leaks: DropLeaks = False,
    balanced: Balanced = False,
    transductive: Transductive = False,
    kind: Kind = None,
    source: Source = None,
    then: Then = None,
    weights: Weights = None,
    unlabeled_from: UnlabeledFrom = None,
    residual: Residual = False,
    out: Annotated[
        pathlib.Path | None,
        typer.Option(help="Run folder. Default: runs/NAME.", rich_help_panel=RUN),
    ] = None,
    export: Annotated[
        pathlib.Path | None,
        typer.Option(
            help="Where the SavedModel goes. Default: savedmodels/NAME, with --out its "
            "folder savedmodel/; a study without a verdict then exports nothing.",
            rich_help_panel=RUN,
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Remove another study in the run folder first.", rich_help_panel=RUN
        ),
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            help="Processes that work. Default: one per core. Results do not depend on it, but "
            "what fits into the minutes does.",
            rich_help_panel=RUN,
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Use the workers of this Dask scheduler, as in tcp://10.0.0.5:8786, instead.",
            rich_help_panel=RUN,
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Print the plan, with the minutes of each arm, and stop. Nothing is written.",
            rich_help_panel=RUN,
        ),
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose",
            help="Print every setting of the plan and every sentence of the verdict.",
            rich_help_panel=RUN,
        ),
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Verdict as JSON on standard output, all else on the other.",
            rich_help_panel=RUN,
        ),
    ] = False,
) -> None:
    """Compare pretraining with training from scratch on your images, and export the best network.

    A study that was interrupted goes on where it stopped when the same command is given again.
    Exits with 1 if anything failed after the verdict, such as the export; the verdict stays.
    """
    console = Console(context, stderr=as_json)
    study = tfzero.compare(
        Unloaded(data, read_load_options(context), residual),
        arms=split(arms),
        label_counts=split(label_counts),
        seeds=seeds,
        epochs=epochs,
        encoders=encoders,
        early_stop=False if no_early_stop else None,
        margin=margin,
        metric=metric,
        minutes=parse_minutes(minutes),
        more_seeds=more_seeds,
        add_arms=split(add_arms),
        add_label_counts=split(add_label_counts),
        class_weights=class_weights or None,
        kind=kind,
        source=source,
        then=then,
        weights=weights,
        unlabeled_from=unlabeled_from,
        out=out,
        export=export,
        overwrite=overwrite,
        workers=workers,
        scheduler=scheduler,
        console=console,
        verbose=verbose,
        dry_run=dry_run,
    )
    if dry_run:
        if as_json:
            print_json(study.plan.to_json())
        return
    show_next(console, context, study)
    if as_json:
        print_json(study.results)
    if study.results["unfinished"]:
        raise typer.Exit(1)


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
        bool, typer.Option("--json", help="Findings as JSON on standard output.")
    ] = False,
) -> None:
    """Look for what would spoil a study: broken files, duplicates, leaks, odd labels.

    Nothing is changed or deleted. Exits with 1 if a study would be refused. Every study does the
    quick part of this first.
    """
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


@command("report runs/digits")
def report(
    run: Annotated[pathlib.Path, typer.Argument(help="Run folder of a finished study.")],
    open_it: Annotated[
        bool,
        typer.Option(
            "--open", help="Show the report in your browser; write it only where it is missing."
        ),
    ] = False,
) -> None:
    """Write report.html anew from a run folder."""
    page = RunFolder(run).report
    if not open_it or not page.exists():
        page = tfzero.write_report(run)
    print(page)
    if open_it and not webbrowser.open(pathlib.Path(page).resolve().as_uri()):
        print("No browser was found; open this file in one.", file=sys.stderr)
