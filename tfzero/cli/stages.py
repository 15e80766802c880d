"""Single stages, from and to files."""

from __future__ import annotations

import pathlib
from typing import Annotated

import typer

from tfzero.cli.options import (
    ENCODERS,
    TRAINING,
    WATCH,
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
    Strict,
    TestShare,
    Transductive,
    TrimDb,
    UnlabeledFrom,
    command,
)
from tfzero.cli.parse import check_seed, load_images, parse_epochs, parse_settings
from tfzero.cli.together import require_uses
from tfzero.cli.translate import Console
from tfzero.common.console import print_plain
from tfzero.common.numbers import write_number
from tfzero.jobs.load import require_encoder, require_keras_file, require_known_precision
from tfzero.pretrain import METHODS
from tfzero.transfer.strategies import STRATEGIES, require_network

# Methods that learn from another network.
_TAUGHT = [name for name, method in METHODS.items() if method.needs_teacher]


@command("pretrain my_images/ --method vae --out vae.keras")
def pretrain(
    context: typer.Context,
    data: Data = "digits",
    method: Annotated[
        str,
        typer.Option(
            help=f"Method: one of {', '.join(METHODS)}; or supervised, which trains on the labels "
            "and keeps only the encoder."
        ),
    ] = "vae",
    encoder: Annotated[
        str | None,
        typer.Option(
            metavar=ENCODERS,
            help="Architecture of random weights, such as base or keras:ResNet50,size=96. Or a "
            ".keras file with an encoder to start from. Default: small.",
        ),
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option(
            metavar="lite0, imagenet:NAME or FILE.keras",
            help=f"Network that the method {' or '.join(_TAUGHT)} learns from: public weights, or "
            "a .keras file that holds an encoder.",
        ),
    ] = None,
    out: Annotated[
        pathlib.Path,
        typer.Option(help="The .keras file to write. If it exists, its training continues."),
    ] = pathlib.Path("pretrained.keras"),
    epochs: Annotated[
        str | None,
        typer.Option(
            metavar="N or auto",
            help="Number of passes over the images. With auto, training ends when its loss hardly "
            "falls any more, after four times the default at the latest. Default: depends on "
            "their number.",
        ),
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
    precision: Precision = None,
    device: Device = "auto",
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Argument of the method's class, such as beta=1 for vae or r1_weight=5 for gan. "
            "May be repeated.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(callback=check_seed, help="Random seed of weights, order and noise.")
    ] = 0,
    probe: Annotated[
        bool,
        typer.Option(
            "--probe",
            help="After every epoch, print the accuracy of a k-NN classifier on the encoder's "
            "features. It uses a held-out part of the training images, never test images.",
            rich_help_panel=WATCH,
        ),
    ] = False,
    keep: Annotated[
        int,
        typer.Option(
            help="Number of newest epochs whose models are kept. The best model is kept in "
            "addition.",
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
    """Pretrain an encoder on the images. Only the method supervised uses their labels."""
    watched = probe or keep != 1 or tensorboard is not None
    require_uses(method, kind=kind, watched=watched, settings=settings, teacher=teacher)
    chosen = parse_settings(settings or [])
    passes = parse_epochs(epochs, method)
    require_encoder(encoder)
    require_known_precision(precision)
    require_keras_file(out)
    # After what can be refused at once: TensorFlow takes seconds to load.
    from tfzero.jobs.check import look_at
    from tfzero.jobs.device import enter_device
    from tfzero.jobs.encoder import EncoderStart
    from tfzero.jobs.pretrain import Pretraining, pretrain_to_file, supervise_to_file
    from tfzero.jobs.source import open_teacher
    from tfzero.jobs.watch import Watch
    from tfzero.study.inits.supervised import Supervised

    console = Console(context)
    entered = enter_device(device)
    loaded = load_images(context)
    look_at(loaded, console)
    with entered.at_work_on(loaded.image_shape):
        start = EncoderStart.read(encoder, precision)
        if method == Supervised.word:
            assert not isinstance(passes, str)  # refused when it was parsed
            supervise_to_file(loaded, out, epochs=passes, seed=seed, kind=kind, start=start)
            print_plain(console, f"Wrote {out}")
            return
        probed = (loaded.train_images, loaded.train_labels) if probe else None
        pretrain_to_file(
            Pretraining(
                method,
                seed,
                kind or loaded.told_kind,
                chosen,
                None if teacher is None else open_teacher(teacher, like=loaded),
            ),
            loaded.pool,
            out,
            epochs=passes,
            watch=Watch(probe=probed, keep=keep, tensorboard=tensorboard),
            console=console,
            start=start,
        )


@command("finetune my_images/ --encoder vae.keras --label-count 100 --out my.keras")
def finetune(
    context: typer.Context,
    data: Data = "digits",
    encoder: Annotated[
        str | None,
        typer.Option(
            metavar=ENCODERS,
            help=".keras file with an encoder, such as the file of `tfzero pretrain`. Or an "
            "architecture of random weights, such as base or keras:ResNet50. Default: small.",
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
        str, typer.Option(help='Number of labelled images to train on, or "all".')
    ] = "all",
    class_weights: ClassWeights = False,
    layer_rate: Annotated[
        float,
        typer.Option(
            help="Factor of the learning rate from the head to the last block, and from each "
            "block to the one below it.",
            rich_help_panel=TRAINING,
        ),
    ] = 1.0,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="METRIC=VALUE",
            help="Score at which training ends, such as accuracy=0.95 or loss=0.2. It is "
            "measured on a held-out fifth of the labels.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(
            help="Number of checks without improvement after which training ends and returns to "
            "its best weights. It checks the held-out labels about every 20 steps.",
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
    precision: Precision = None,
    device: Device = "auto",
    seed: Annotated[
        int, typer.Option(callback=check_seed, help="Random seed of labels, head and order.")
    ] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
) -> None:
    """Train a classifier on labelled images, from a pretrained encoder or from scratch."""
    require_encoder(encoder)
    require_known_precision(precision)
    require_network(strategy)
    require_keras_file(out, overwrite=overwrite)
    # After what can be refused at once: TensorFlow takes seconds to load.
    from tfzero.jobs.check import look_at
    from tfzero.jobs.device import enter_device
    from tfzero.jobs.encoder import EncoderStart
    from tfzero.jobs.finetune import Transfer, finetune_to_file

    entered = enter_device(device)
    reads_pool = STRATEGIES[strategy].reads_pool
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
    with entered.at_work_on(loaded.image_shape):
        finetuned = finetune_to_file(
            loaded,
            out,
            transfer=Transfer(strategy, label_count, settings, unlabeled_from or "pool", seed),
            start=EncoderStart.read(encoder, precision),
            overwrite=overwrite,
        )
    print(f"Updates of the network: {finetuned.steps:,}")
    if finetuned.frozen:
        print(finetuned.frozen)
    accuracy = f"{write_number(100 * finetuned.accuracy)} %"
    print(f"Test accuracy {accuracy} (one run; for error bars use tfzero compare)")
    print(f"Wrote {out}")
