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
from tfzero.jobs.load import require_model_file


@command("sample vae.keras --out pictures --data my_images/ --quality")
def sample(
    context: typer.Context,
    model: Annotated[
        pathlib.Path,
        typer.Argument(metavar="MODEL", help="The .keras file that `tfzero pretrain` wrote."),
    ],
    out: Annotated[pathlib.Path, typer.Option(help="Folder for the PNG files.")] = pathlib.Path(
        "pictures"
    ),
    data: Annotated[
        str | None,
        typer.Option(help="Images to reconstruct and to compare with: those of `tfzero pretrain`."),
    ] = None,
    count: Annotated[int, typer.Option(help="Samples shown.")] = 64,
    traversals: Annotated[
        int, typer.Option(help="Number of latents shown, each varied alone; 0 for none.")
    ] = 8,
    interpolations: Annotated[
        int,
        typer.Option(
            help="Number of pairs of samples shown with interpolations between them; 0 for none."
        ),
    ] = 8,
    quality: Annotated[
        bool,
        typer.Option(
            "--quality",
            help="Compare up to 10,000 generated images with the same number from --data. Prints "
            "KID, precision, recall, density and coverage, each beside the value for real "
            "images against real ones.",
        ),
    ] = False,
    space: Annotated[
        str | None,
        typer.Option(
            metavar="SPACE",
            help="Features for the comparison: pixels, random (an encoder with random weights), "
            "or a .keras file with an encoder. Default: pixels.",
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
    """Draw what a pretrained model generates, as PNG files, and measure its quality."""
    if space is not None and not quality:
        raise InputError(
            f"--space {space} sets the features for --quality, which is missing. Give both, or "
            "neither."
        )
    require_model_file(model)
    if data is None:
        images = None
        _require_none_of_data(context)
    else:
        images = load_images(context, transductive=True).pool
    # After what can be refused at once: TensorFlow takes seconds to load.
    from tfzero.jobs.sample import Pictures, sample_to_folder

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
    from tfzero.data.options import LoadOptions

    useless = [
        f"--{field.name.replace('_', '-')}"
        for field in dataclasses.fields(LoadOptions)
        if context.params.get(field.name, field.default) != field.default
    ]
    if useless:
        raise InputError(
            f"Without --data, {', '.join(useless)} would change nothing. Give the images with "
            "--data, or leave out what is not needed."
        )
