"""Single stages, from and to files."""

from __future__ import annotations

import pathlib
from typing import Annotated

import typer

from tfzero.cli.options import (
    TRAINING,
    WATCH,
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
    Strict,
    TestShare,
    Transductive,
    TrimDb,
    UnlabeledFrom,
    command,
)
from tfzero.cli.parse import check_seed, load_images, parse_settings
from tfzero.cli.translate import Console
from tfzero.common.checks import InputError, require_choice
from tfzero.common.console import print_plain
from tfzero.common.numbers import write_number
from tfzero.data.kinds import KINDS
from tfzero.jobs.check import look_at
from tfzero.jobs.source import EncoderStart
from tfzero.pretrain import METHODS
from tfzero.study.inits.supervised import Supervised
from tfzero.transfer import STRATEGIES


@command("pretrain my_images/ --method vae --out vae.keras")
def pretrain(
    context: typer.Context,
    data: Data = "digits",
    method: Annotated[
        str,
        typer.Option(
            help=f"One of {', '.join(METHODS)}; or supervised: train on the labels, keep the "
            "encoder alone."
        ),
    ] = "vae",
    encoder: Annotated[
        pathlib.Path | None,
        typer.Option(help=".keras file with an encoder to start from. Default: random weights."),
    ] = None,
    out: Annotated[
        pathlib.Path, typer.Option(help="The .keras file to write; continued if it is there.")
    ] = pathlib.Path("pretrained.keras"),
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the images. Default: by their number.")
    ] = None,
    pool: Pool = None,
    pool_only: PoolOnly = False,
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
    transductive: Transductive = False,
    kind: Kind = None,
    residual: Residual = False,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="An argument of the method's class, as in beta=1 of vae or r1_weight=5 of gan; "
            "may be repeated.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(callback=check_seed, help="Decides weights, order and noise.")
    ] = 0,
    probe: Annotated[
        bool,
        typer.Option(
            "--probe",
            help="After every epoch, print what the encoder is worth to a k-NN classifier, on a "
            "held-out part of the training images. No test image is read.",
            rich_help_panel=WATCH,
        ),
    ] = False,
    keep: Annotated[
        int,
        typer.Option(
            help="How many epochs' models are kept, the newest and those before it. The best is "
            "kept beside them.",
            rich_help_panel=WATCH,
        ),
    ] = 1,
    tensorboard: Annotated[
        pathlib.Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Write losses and pictures for TensorBoard.",
            rich_help_panel=WATCH,
        ),
    ] = None,
) -> None:
    """Pretrain an encoder on the images, without their labels unless the method is supervised."""
    from tfzero.jobs.pretrain import Pretraining, pretrain_to_file, supervise_to_file
    from tfzero.jobs.watch import Watch

    _require_uses(
        method, kind=kind, watched=probe or keep != 1 or tensorboard is not None, settings=settings
    )
    chosen = parse_settings(settings or [])
    _require_one_network(encoder, residual)
    console = Console(context)
    loaded = load_images(context)
    look_at(loaded, console)
    start = EncoderStart(encoder, residual)
    if method == Supervised.word:
        supervise_to_file(loaded, out, epochs=epochs, seed=seed, kind=kind, start=start)
        print_plain(console, f"Wrote {out}")
        return
    probed = (loaded.train_images, loaded.train_labels) if probe else None
    pretrain_to_file(
        Pretraining(method, seed, kind or loaded.told_kind, chosen),
        loaded.pool,
        out,
        epochs=epochs,
        watch=Watch(probe=probed, keep=keep, tensorboard=tensorboard),
        console=console,
        start=start,
    )


def _require_one_network(encoder: pathlib.Path | None, residual: bool) -> None:
    """Raises if a file says what the encoder is and an option says otherwise.

    Raises:
        InputError: If both were given.
    """
    if encoder is not None and residual:
        raise InputError(
            f"--encoder {encoder} says what the encoder is, and so does --residual; leave one out."
        )


def _require_uses(method: str, *, kind: str | None, watched: bool, settings) -> None:
    """Raises unless the method is there and has a use for the options that were given.

    Raises:
        InputError: If it has not.
    """
    require_choice(method, [*METHODS, Supervised.word], what="method")
    if method == Supervised.word and (watched or settings):
        raise InputError(
            "--probe, --keep, --tensorboard and --set are for methods that learn without labels; "
            "--method supervised has no use for them. Leave them out."
        )
    if kind is None:
        return
    require_choice(kind, KINDS, what="kind of data")
    told = [*(name for name, entry in METHODS.items() if entry.takes_kind), Supervised.word]
    if method not in told:
        raise InputError(
            f"--kind is for methods that are told the kind of data, {', '.join(told)}; --method "
            f"{method} has no use for it. Leave it out."
        )


@command("finetune my_images/ --encoder vae.keras --label-count 100 --out my.keras")
def finetune(
    context: typer.Context,
    data: Data = "digits",
    encoder: Annotated[
        pathlib.Path | None,
        typer.Option(
            help=".keras file of `tfzero pretrain`, or of an encoder. Default: random weights."
        ),
    ] = None,
    strategy: Annotated[
        str,
        typer.Option(
            help="One of "
            + ", ".join(name for name, entry in STRATEGIES.items() if entry.trains_network)
            + "."
        ),
    ] = "lpft",
    label_count: Annotated[
        str, typer.Option(help='Labelled images to train on: a number, or "all".')
    ] = "all",
    class_weights: ClassWeights = False,
    layer_rate: Annotated[
        float,
        typer.Option(
            help="Multiplies the learning rate from the head to the last block, and from each "
            "block to the one below it.",
            rich_help_panel=TRAINING,
        ),
    ] = 1.0,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="METRIC=VALUE",
            help="End training at accuracy=0.95 or loss=0.2, of a fifth of the labels that is held "
            "out for it.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(
            help="End training after this many looks at those labels, about 20 steps apart, "
            "without a better one, and go back to the best.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    out: Annotated[pathlib.Path, typer.Option(help="The .keras file to write.")] = pathlib.Path(
        "classifier.keras"
    ),
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
    pool: Pool = None,
    pool_only: PoolOnly = False,
    transductive: Transductive = False,
    unlabeled_from: UnlabeledFrom = None,
    kind: Kind = None,
    residual: Residual = False,
    seed: Annotated[
        int, typer.Option(callback=check_seed, help="Decides labels, head and order.")
    ] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
) -> None:
    """Train a classifier on labelled images, from a pretrained encoder or from scratch."""
    from tfzero.jobs.finetune import Transfer, finetune_to_file

    _require_one_network(encoder, residual)
    reads_pool = strategy in STRATEGIES and STRATEGIES[strategy].reads_pool
    # Where nothing is learnt from unlabeled images, the pool may hold test images.
    loaded = load_images(context, transductive=transductive or not reads_pool)
    look_at(loaded, Console(context))
    settings = {
        "class_weights": class_weights,
        "kind": kind or loaded.told_kind,
        "layer_rate": layer_rate,
        "until": until,
        "patience": patience,
    }
    finetuned = finetune_to_file(
        loaded,
        out,
        transfer=Transfer(strategy, label_count, settings, unlabeled_from or "pool", seed),
        start=EncoderStart(encoder, residual),
        overwrite=overwrite,
    )
    print(f"Updates of the network: {finetuned.steps:,}")
    if finetuned.frozen:
        print(finetuned.frozen)
    accuracy = f"{write_number(100 * finetuned.accuracy)} %"
    print(f"Test accuracy {accuracy} (one run; for error bars use tfzero compare)")
    print(f"Wrote {out}")
