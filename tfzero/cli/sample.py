"""The command that draws what a pretrained model makes."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Annotated

import typer

from tfzero.cli.options import (
    Channels,
    ClipSeconds,
    PixelRange,
    Rate,
    Resize,
    Size,
    TrimDb,
    command,
)
from tfzero.cli.parse import check_seed, load_images
from tfzero.cli.translate import Console
from tfzero.common.checks import InputError
from tfzero.data.options import LoadOptions


@command("sample vae.keras --out pictures --data my_images/ --quality")
def sample(
    context: typer.Context,
    model: Annotated[
        pathlib.Path,
        typer.Argument(metavar="MODEL", help=".keras file of `tfzero pretrain`."),
    ],
    out: Annotated[pathlib.Path, typer.Option(help="Folder for the PNG files.")] = pathlib.Path(
        "pictures"
    ),
    data: Annotated[
        str | None,
        typer.Option(help="Images to reconstruct and to compare with; what `tfzero pretrain` had."),
    ] = None,
    count: Annotated[int, typer.Option(help="Samples shown.")] = 64,
    traversals: Annotated[
        int, typer.Option(help="Latents shown, each changing alone; 0 for none.")
    ] = 8,
    interpolations: Annotated[
        int, typer.Option(help="Pairs of samples shown with what lies between; 0 for none.")
    ] = 8,
    quality: Annotated[
        bool,
        typer.Option(
            "--quality",
            help="Compare up to 10,000 generated images with as many of --data: KID, precision, "
            "recall, density, coverage, each beside real images against real ones.",
        ),
    ] = False,
    space: Annotated[
        str | None,
        typer.Option(
            metavar="SPACE",
            help="By which features: pixels, random (an encoder with random weights), or a .keras "
            "file with an encoder. Default: pixels.",
        ),
    ] = None,
    size: Size = None,
    channels: Channels = None,
    resize: Resize = None,
    pixel_range: PixelRange = None,
    rate: Rate = None,
    clip_seconds: ClipSeconds = None,
    trim_db: TrimDb = None,
    seed: Annotated[int, typer.Option(callback=check_seed, help="Draws the latents.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the files.")] = False,
) -> None:
    """Draw what a pretrained model makes, as PNG files, and measure how good it is."""
    from tfzero.jobs.sample import Pictures, sample_to_folder

    if space is not None and not quality:
        raise InputError(f"--space {space} is what --quality compares by; give both, or neither.")
    if data is None:
        images = None
        _require_none_of_data(context)
    else:
        images = load_images(context, transductive=True).pool
    sample_to_folder(
        model,
        out,
        data=images,
        pictures=Pictures(count, traversals, interpolations, seed),
        quality=(space or "pixels") if quality else None,
        overwrite=overwrite,
        console=Console(context),
    )


def _require_none_of_data(context: typer.Context) -> None:
    """Raises if an option that decides how images are read was given where none are."""
    useless = [
        f"--{field.name.replace('_', '-')}"
        for field in dataclasses.fields(LoadOptions)
        if context.params.get(field.name, field.default) != field.default
    ]
    if useless:
        raise InputError(
            f"Without --data there is nothing that {', '.join(useless)} could change; name the "
            "images with --data, or leave that out."
        )
