"""The main job, and what goes before and after it."""

from __future__ import annotations

import pathlib
from typing import Annotated

import typer

import tfzero
from tfzero.cli.next_steps import show_next
from tfzero.cli.options import (
    RUN,
    STUDY,
    Architecture,
    Balanced,
    Channels,
    ClassWeights,
    ClipSeconds,
    Data,
    Device,
    DropLeaks,
    Group,
    Kind,
    Labels,
    Pages,
    PixelRange,
    Pool,
    PoolOnly,
    Precision,
    Rate,
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
from tfzero.jobs.load import require_encoder


@command("compare my_images/ --label-counts 100,1000,all --seeds 5")
def compare(
    context: typer.Context,
    data: Data = "digits",
    arms: Annotated[
        str | None,
        typer.Option(
            help="Arms as INIT/STRATEGY, separated by commas, such as vae/lpft,scratch/finetune.",
            rich_help_panel=STUDY,
        ),
    ] = None,
    label_counts: Annotated[
        str | None,
        typer.Option(
            help='Numbers of labels, or "all", separated by commas. Default: 2, 5 and 20 per '
            "class.",
            rich_help_panel=STUDY,
        ),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            help="Largest number of replicates. Each draws labels, weights and batches again. "
            "Default: 10.",
            rich_help_panel=STUDY,
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            help="Number of pretraining passes. Default: depends on the size of the pool.",
            rich_help_panel=STUDY,
        ),
    ] = None,
    pool: Pool = None,
    pool_only: PoolOnly = False,
    encoders: Annotated[
        int | None,
        typer.Option(
            help="Number of encoders per method, shared by the seeds. Default: one per seed.",
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
            help="Smallest difference that matters to you, in points of accuracy. Default: 1.",
            rich_help_panel=STUDY,
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            help="Metric of the verdict: accuracy, or balanced_accuracy, which weighs all "
            "classes equally. Default: accuracy.",
            rich_help_panel=STUDY,
        ),
    ] = None,
    minutes: Annotated[
        str,
        typer.Option(
            help="Minutes that the study may take, or none for no limit. Default arms, "
            "pretraining passes and seeds are chosen to fit; the plan names what was "
            "dropped. Default: 30, or 3 for the built-in digits.",
            rich_help_panel=STUDY,
        ),
    ] = "auto",
    more_seeds: Annotated[
        int | None,
        typer.Option(
            help="Number of seeds to add to the finished study. It then looks again. Existing "
            "results are kept.",
            rich_help_panel=STUDY,
        ),
    ] = None,
    add_arms: Annotated[
        str | None,
        typer.Option(
            help="Arms to add to the study in the folder, as INIT/STRATEGY,... Existing results "
            "are kept. Arms added after a look are exploratory until seeds are added.",
            rich_help_panel=STUDY,
        ),
    ] = None,
    add_label_counts: Annotated[
        str | None,
        typer.Option(
            help="Label counts to add to the study in the folder. Existing results are kept.",
            rich_help_panel=STUDY,
        ),
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
    encoder: Architecture = None,
    precision: Precision = None,
    out: Annotated[
        pathlib.Path | None,
        typer.Option(help="Run folder. Default: runs/NAME.", rich_help_panel=RUN),
    ] = None,
    export: Annotated[
        pathlib.Path | None,
        typer.Option(
            help="Folder for the SavedModel. Default: savedmodels/NAME. With --out: its "
            "subfolder savedmodel/, and a study without a verdict exports nothing.",
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
            help="Number of worker processes. Default: one per core. It does not change results, "
            "only how much fits into --minutes.",
            rich_help_panel=RUN,
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Address of a Dask scheduler whose workers to use instead, such as "
            "tcp://10.0.0.5:8786.",
            rich_help_panel=RUN,
        ),
    ] = None,
    device: Device = "auto",
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Print the plan, with the minutes of each arm, and stop. Writes nothing.",
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
            help="Print the verdict as JSON on standard output, and everything else on standard "
            "error.",
            rich_help_panel=RUN,
        ),
    ] = False,
) -> None:
    """Compare pretraining with training from scratch on your images, and export the best network.

    To continue an interrupted study, give the same command again. Exits with 1 if a step after the
    verdict failed, such as the export; the verdict is kept.
    """
    options = read_load_options(context)
    most_minutes = parse_minutes(minutes)
    require_encoder(encoder)
    # After what can be refused at once: SciPy and loky take long to load.
    from tfzero.jobs.sizing import Unloaded

    console = Console(context, stderr=as_json)
    study = tfzero.compare(
        Unloaded(data, options),
        arms=split(arms),
        label_counts=split(label_counts),
        seeds=seeds,
        epochs=epochs,
        encoders=encoders,
        early_stop=False if no_early_stop else None,
        margin=margin,
        metric=metric,
        minutes=most_minutes,
        more_seeds=more_seeds,
        add_arms=split(add_arms),
        add_label_counts=split(add_label_counts),
        class_weights=class_weights or None,
        kind=kind,
        source=source,
        then=then,
        weights=weights,
        unlabeled_from=unlabeled_from,
        precision=precision,
        encoder=encoder,
        out=out,
        export=export,
        overwrite=overwrite,
        workers=workers,
        scheduler=scheduler,
        device=device,
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
