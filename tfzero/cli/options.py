"""The application, and the options that commands share."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Annotated

import typer

from tfzero.cli.translate import Command
from tfzero.data.kinds import KINDS

app = typer.Typer(
    help="Is unsupervised pretraining worth it on your images? Measure it, with error bars.",
    epilog="Example: tfzero compare my_images/ --label-counts 100,1000 --seeds 5",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def command(example: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Registers a function as a command whose help ends in an example."""
    return app.command(cls=Command, epilog=f"Example: tfzero {example}")


# Panels of the help of commands with many options.
IMAGES, SOUND, SOURCE = "Images", "Clips of sound", "Source"
STUDY, RUN, WATCH = "Study", "Run", "Watching"
TRAINING = "Training"

Data = Annotated[
    str,
    typer.Argument(
        metavar="[DATA]",
        help="Folder with a subfolder of images or WAV files per class (perhaps inside train/ and "
        "test/), folder of files with a labels.csv, folder of IDX files, .npz with x_train, "
        "y_train, or tfds:NAME. Default: built-in digits.",
    ),
]
Pool = Annotated[
    pathlib.Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Unlabeled images, in it and in folders inside it.",
        rich_help_panel=IMAGES,
    ),
]
Labels = Annotated[
    pathlib.Path | None,
    typer.Option(
        metavar="FILE",
        help="CSV or TSV file with the columns file and label, for a folder of images. Default: "
        "the folder's labels.csv, if it has one.",
        rich_help_panel=IMAGES,
    ),
]
Pages = Annotated[
    str,
    typer.Option(
        help="Of TIFF files with several pages, and animations: first reads the first alone, each "
        "makes an image of each, channels makes each page of a TIFF file a channel.",
        rich_help_panel=IMAGES,
    ),
]
PoolOnly = Annotated[
    bool,
    typer.Option(
        "--pool-only",
        help="Pretrain on the unlabeled images alone, not on the training images too.",
        rich_help_panel=IMAGES,
    ),
]
Channels = Annotated[
    int | None,
    typer.Option(
        help="1 for gray, 3 for RGB. Default: what the images are.", rich_help_panel=IMAGES
    ),
]
Resize = Annotated[
    str | None,
    typer.Option(
        help="How images get one size: stretch, pad (keeps the aspect, black margins) or crop. "
        "Default: stretch with --size, pad for images of several sizes without it. Clips: stretch "
        "to one length, or pad with silence.",
        rich_help_panel=IMAGES,
    ),
]
PixelRange = Annotated[
    str | None,
    typer.Option(
        metavar="LOW,HIGH",
        help="Darkest and brightest value that a pixel can have, which become 0 and 255: 0,4095 "
        "where 16 bits hold 12, 0,1 for masks. Default: 0,255 of 8 bits, 0,65535 of 16, 0,1 of "
        "floats in arrays; refused where that may be wrong.",
        show_default=False,
        rich_help_panel=IMAGES,
    ),
]
Group = Annotated[
    str | None,
    typer.Option(
        metavar="REGEX",
        help="What belongs together, as a pattern in the file's path or a column of labels.csv: "
        "never on both sides of the test part, nor where a setting is chosen. Example: "
        "'patient(\\d+)'.",
        rich_help_panel=IMAGES,
    ),
]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict",
        help="Refuse broken files and tiny classes; else set aside.",
        rich_help_panel=IMAGES,
    ),
]
DropLeaks = Annotated[
    bool,
    typer.Option(
        "--drop-leaks",
        help="Leave out training images that equal a test image.",
        rich_help_panel=IMAGES,
    ),
]
Transductive = Annotated[
    bool,
    typer.Option(
        "--transductive",
        help="The pool may hold test images: all that will be classified is known.",
        rich_help_panel=IMAGES,
    ),
]
Kind = Annotated[
    str | None,
    typer.Option(
        help="What training may change in an image: "
        + "; ".join(f"{name} ({kind.summary})" for name, kind in KINDS.items())
        + ". Default: photos in colour, else digits.",
        rich_help_panel=IMAGES,
    ),
]
Residual = Annotated[
    bool,
    typer.Option(
        "--residual",
        help="A small ResNet for an encoder, in place of four convolutions; about three times the "
        "time.",
        rich_help_panel=TRAINING,
    ),
]
Balanced = Annotated[
    bool,
    typer.Option(
        "--balanced",
        help="Label as many images of each class, not its share.",
        rich_help_panel=IMAGES,
    ),
]
TestShare = Annotated[
    float | None,
    typer.Option(
        help="Share of the labelled images to hold out where there is no test part. Default: 0.3. "
        "With fewer than 1,000 labelled images, compare instead predicts each of them by "
        "classifiers that were trained without it (cross-fitting).",
        show_default=False,
        rich_help_panel=IMAGES,
    ),
]
ClassWeights = Annotated[
    bool,
    typer.Option(
        "--class-weights",
        help="Rare classes weigh as much as frequent ones in training.",
        rich_help_panel=IMAGES,
    ),
]
UnlabeledFrom = Annotated[
    str | None,
    typer.Option(
        metavar="SOURCE",
        help="For selftrain and spread_finetune: pool, generated (by the arm's own pretrained GAN "
        "or VAE) or both. Default: pool.",
        rich_help_panel=IMAGES,
    ),
]
Size = Annotated[
    str | None,
    typer.Option(
        metavar="N or HxW",
        help="Resize all images to this many pixels; of clips, mel bands x columns (32x32). "
        "Default: what the images have. Of several sizes, compare takes the largest of 32, 64, 96 "
        "and 128 that its minutes allow; other commands take 64, or 32 where most are smaller.",
        rich_help_panel=IMAGES,
    ),
]


Rate = Annotated[
    int | None,
    typer.Option(
        metavar="HERTZ",
        help="Resample all clips to so many samples a second. Default: what they have.",
        rich_help_panel=SOUND,
    ),
]
ClipSeconds = Annotated[
    float | None,
    typer.Option(
        help="What is kept of a clip at most. Default: what 98 of 100 clips keep to.",
        rich_help_panel=SOUND,
    ),
]
TrimDb = Annotated[
    float | None,
    typer.Option(
        help="Cut off a clip's ends while they are so far below its loudest moment; 0 cuts "
        "nothing. Default: 25.",
        rich_help_panel=SOUND,
    ),
]
Source = Annotated[
    str | None,
    typer.Option(
        metavar="DATA, imagenet:NAME or FILE.keras",
        help="Where an encoder may come from beside your pool: another data set as DATA (arms "
        "supervised/..., METHOD@source/...), public weights of keras.applications as in "
        "imagenet:MobileNetV2 or imagenet:MobileNetV2,size=96 (public/...), or the encoder in a "
        ".keras file (file/...).",
        rich_help_panel=SOURCE,
    ),
]
Then = Annotated[
    str | None,
    typer.Option(
        metavar="METHOD",
        help="Go on from the source's encoder by this method on your pool; adds the chain, as "
        "supervised+vae/lpft, and its halves alone.",
        rich_help_panel=SOURCE,
    ),
]
Weights = Annotated[
    pathlib.Path | None,
    typer.Option(
        metavar="FILE",
        help="The weights of imagenet:NAME, without its top. Default: Keras finds them in its "
        "cache, or downloads them.",
        rich_help_panel=SOURCE,
    ),
]
