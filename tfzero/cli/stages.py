"""Single stages, from and to files."""

from __future__ import annotations

import pathlib
from typing import Annotated

import typer
from rich.console import Console

import tfzero
from tfzero.cli.options import (
    Balanced,
    Channels,
    ClassWeights,
    Data,
    DropLeaks,
    Group,
    Pool,
    PoolOnly,
    Resize,
    Size,
    Strict,
    TestShare,
    Transductive,
    app,
    parse_size,
)
from tfzero.pretrain import METHODS


@app.command(epilog="Example: tfzero pretrain my_images/ --method vae --out vae.keras")
def pretrain(
    data: Data = "digits",
    method: Annotated[str, typer.Option(help=f"One of {', '.join(METHODS)}.")] = "vae",
    out: Annotated[
        pathlib.Path, typer.Option(help="The .keras file to write; continued if it is there.")
    ] = pathlib.Path("pretrained.keras"),
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the images. Default: by their number.")
    ] = None,
    pool: Pool = None,
    pool_only: PoolOnly = False,
    size: Size = None,
    channels: Channels = None,
    resize: Resize = "stretch",
    group: Group = None,
    test_share: TestShare = 0.3,
    strict: Strict = False,
    drop_leaks: DropLeaks = False,
    transductive: Transductive = False,
    seed: Annotated[int, typer.Option(help="Decides weights, order and noise.")] = 0,
) -> None:
    """Pretrain an encoder on the images, without their labels."""
    from tfzero._stages import look_at, pretrain_to_file

    console = Console()
    loaded = tfzero.load_data(
        data, pool=pool, pool_only=pool_only, size=parse_size(size), channels=channels,
        resize=resize, group=group, test_share=test_share, strict=strict, drop_leaks=drop_leaks,
        transductive=transductive,
    )  # fmt: skip
    look_at(loaded, console)
    pretrain_to_file(method, loaded.pool, out, epochs=epochs, seed=seed, console=console)


@app.command(
    epilog="Example: tfzero finetune my_images/ --encoder vae.keras --labels 100 --out my.keras"
)
def finetune(
    data: Data = "digits",
    encoder: Annotated[
        pathlib.Path | None,
        typer.Option(
            help=".keras file of `tfzero pretrain`, or of an encoder. Default: random weights."
        ),
    ] = None,  # fmt: skip
    strategy: Annotated[str, typer.Option(help="finetune, probe or lpft.")] = "lpft",
    labels: Annotated[
        str, typer.Option(help='Labelled images to train on: a number, or "all".')
    ] = "all",
    class_weights: ClassWeights = False,
    out: Annotated[pathlib.Path, typer.Option(help="The .keras file to write.")] = pathlib.Path(
        "classifier.keras"
    ),
    size: Size = None,
    channels: Channels = None,
    resize: Resize = "stretch",
    group: Group = None,
    test_share: TestShare = 0.3,
    strict: Strict = False,
    drop_leaks: DropLeaks = False,
    balanced: Balanced = False,
    seed: Annotated[int, typer.Option(help="Decides labels, head and order.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
) -> None:
    """Train a classifier on labelled images, from a pretrained encoder or from scratch."""
    from tfzero._stages import finetune_to_file, look_at

    loaded = tfzero.load_data(
        data, size=parse_size(size), channels=channels, resize=resize, group=group,
        test_share=test_share, strict=strict, drop_leaks=drop_leaks, balanced=balanced,
        transductive=True,  # nothing is learnt here from unlabeled images
    )  # fmt: skip
    look_at(loaded, Console())
    accuracy = finetune_to_file(
        loaded,
        encoder,
        out,
        strategy=strategy,
        labels=labels,
        class_weights=class_weights,
        seed=seed,
        overwrite=overwrite,
    )
    print(f"Test accuracy {100 * accuracy:.1f} % (one run; for error bars use tfzero compare)")
    print(f"Wrote {out}")
