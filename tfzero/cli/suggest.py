"""The command that says which images to label first."""

from __future__ import annotations

import pathlib
import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from tfzero.cli.next_steps import write_given
from tfzero.cli.options import (
    IMAGES,
    SOURCE,
    Channels,
    ClipSeconds,
    Labels,
    PixelRange,
    Rate,
    Resize,
    Size,
    TrimDb,
    Weights,
    command,
)
from tfzero.cli.parse import check_seed, print_json, read_load_options
from tfzero.cli.translate import Console
from tfzero.common.console import print_plain

if TYPE_CHECKING:
    from tfzero.jobs.suggest import Suggestions

# Options of this command that `tfzero compare` needs as well, to read the same images.
_SHARED = {"pages", "size", "channels", "resize", "pixel_range", "rate", "clip_seconds", "trim_db"}
_SHARED |= {"group"}


@command("suggest my_images/ --number 50 --test 100")
def suggest(
    context: typer.Context,
    pool: Annotated[
        pathlib.Path,
        typer.Argument(
            metavar="POOL", help="Folder of images or WAV files; subfolders are included."
        ),
    ],
    number: Annotated[int, typer.Option(help="Number of images to suggest.")] = 50,
    test: Annotated[
        int,
        typer.Option(
            help="Number of test images to draw at random from the unlabeled images. They are "
            "marked test in the table; 0 draws none."
        ),
    ] = 0,
    features: Annotated[
        str | None,
        typer.Option(
            metavar="pixels or kmeans",
            help="Compare images by their pixels, or by k-means patches. Default: --encoder or "
            "--source. Without these, lite0 for colour images if its weights are installed, "
            "otherwise kmeans.",
        ),
    ] = None,
    encoder: Annotated[
        pathlib.Path | None,
        typer.Option(
            metavar="FILE.keras",
            help="Compare images by the features of this encoder, such as the file of "
            "`tfzero pretrain`.",
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            metavar="NETWORK",
            help="Compare images by a network of public weights: lite0, imagenet:NAME or "
            "kerashub:PRESET.",
            rich_help_panel=SOURCE,
        ),
    ] = None,
    weights: Weights = None,
    model: Annotated[
        pathlib.Path | None,
        typer.Option(
            metavar="SAVEDMODEL",
            help="Suggest images that this exported model is uncertain of and that are unlike each "
            "other. Folder savedmodels/NAME or one version in it.",
        ),
    ] = None,
    labels: Labels = None,
    out: Annotated[
        pathlib.Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder to write labels.csv and suggest.html into. Default: suggestions/NAME.",
        ),
    ] = None,
    pages: Annotated[
        str,
        typer.Option(
            help="Use of TIFF pages. Read only the first one (first), or read each as a channel "
            "(channels).",
            rich_help_panel=IMAGES,
        ),
    ] = "first",
    size: Size = None,
    channels: Channels = None,
    resize: Resize = None,
    pixel_range: PixelRange = None,
    rate: Rate = None,
    clip_seconds: ClipSeconds = None,
    trim_db: TrimDb = None,
    group: Annotated[
        str | None,
        typer.Option(
            metavar="REGEX",
            help="Images that belong together: a pattern in the file's path. Test images are then "
            "of other groups than all other labelled images. Example: 'patient(\\d+)'.",
            rich_help_panel=IMAGES,
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(callback=check_seed, help="Random seed of test images and clusters.")
    ] = 0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace labels.csv and suggest.html.")
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print the files as JSON on standard output, and everything else on standard "
            "error.",
        ),
    ] = False,
) -> None:
    """Suggest which images to label first: typical ones that are unlike each other.

    Writes a labels.csv to fill in and a page that shows the images. The labels that exist count:
    give the table that you filled in as --labels to get more suggestions.

    Suggested images are not a random sample. Do not test on them: --test draws a test set.
    """
    from tfzero.jobs.suggest import suggest_from_folder
    from tfzero.jobs.suggest_features import Wanted
    from tfzero.jobs.suggesting import Asked

    console = Console(context, stderr=as_json)
    wanted = Wanted(features, encoder, source, weights)
    found = suggest_from_folder(
        pool,
        read_load_options(context),
        Asked(number, test, wanted, model, seed),
        out=out,
        overwrite=overwrite,
        console=console,
    )
    print_plain(console, "Next:", style="bold")
    print_plain(console, f"  Fill in the column label of {found.table}. Then:", soft_wrap=True)
    print_plain(console, f"  {_write_compare(context, found)}", soft_wrap=True)
    if as_json:
        print_json(found.to_json())


def _write_compare(context: typer.Context, found: Suggestions) -> str:
    """Returns the command that compares methods on the images, once they are labelled."""
    words = ["tfzero", "compare", shlex.quote(str(context.params["pool"]))]
    words += ["--labels", shlex.quote(str(found.table)), *write_given(context, _SHARED)]
    return " ".join([*words, *(["--drop-leaks"] if found.repeats_test else [])])
