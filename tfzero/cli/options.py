"""The application, and the options that commands share."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Annotated

import typer

from tfzero.cli.translate import Command, CommandGroup
from tfzero.data.kinds import KINDS

app = typer.Typer(
    cls=CommandGroup,
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
        help="Folder with one subfolder of images or WAV files per class, also inside train/ and "
        "test/. Or a folder of files with a labels.csv, a folder of IDX files, an .npz file "
        "with x_train and y_train, or tfds:NAME. Default: built-in digits.",
    ),
]
Pool = Annotated[
    pathlib.Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Folder of unlabeled images; subfolders are included.",
        rich_help_panel=IMAGES,
    ),
]
Labels = Annotated[
    pathlib.Path | None,
    typer.Option(
        metavar="FILE",
        help="CSV or TSV file with the columns file and label, for a folder of images. Default: "
        "the labels.csv in the folder, if there is one.",
        rich_help_panel=IMAGES,
    ),
]
Pages = Annotated[
    str,
    typer.Option(
        help="Use of TIFF pages and animation frames. Read only the first one (first), read each "
        "as an image (each), or read each TIFF page as a channel (channels).",
        rich_help_panel=IMAGES,
    ),
]
PoolOnly = Annotated[
    bool,
    typer.Option(
        "--pool-only",
        help="Pretrain on the unlabeled images only, without the training images.",
        rich_help_panel=IMAGES,
    ),
]
Channels = Annotated[
    int | None,
    typer.Option(
        help="Number of channels: 1 for gray, 3 for RGB. Default: that of the images.",
        rich_help_panel=IMAGES,
    ),
]
Resize = Annotated[
    str | None,
    typer.Option(
        help="How images are resized: stretch, pad (keeps the aspect ratio, adds black margins) "
        "or crop. Default: stretch with --size; otherwise pad, if images have several "
        "sizes. Clips: stretch to one length, or pad with silence.",
        rich_help_panel=IMAGES,
    ),
]
PixelRange = Annotated[
    str | None,
    typer.Option(
        metavar="LOW,HIGH",
        help="Stored pixel values of black and white; they become 0 and 255. Examples: 0,4095 "
        "for 12 bits stored in 16, 0,1 for masks. Default: 0,255 for 8 bits, 0,65535 for 16 "
        "bits, 0,1 for floats in arrays. A default that may be wrong is refused.",
        show_default=False,
        rich_help_panel=IMAGES,
    ),
]
Group = Annotated[
    str | None,
    typer.Option(
        metavar="REGEX",
        help="Images that belong together: a pattern in the file's path, or a column of "
        "labels.csv. A group is never split between training and test images, or between "
        "the folds that choose a setting. Example: 'patient(\\d+)'.",
        rich_help_panel=IMAGES,
    ),
]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict",
        help="Refuse broken files and tiny classes, instead of setting them aside.",
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
        help="Allow test images in the pool. Use this if all images to classify are already known.",
        rich_help_panel=IMAGES,
    ),
]
Kind = Annotated[
    str | None,
    typer.Option(
        help="Kind of data, which decides the augmentation: "
        + "; ".join(f"{name} ({kind.summary})" for name, kind in KINDS.items())
        + ". Default: photos for colour images, otherwise digits.",
        rich_help_panel=IMAGES,
    ),
]
# How what stands for an encoder is written.
ENCODERS = "small, base, residual, keras:NAME or FILE.keras"
Architecture = Annotated[
    str | None,
    typer.Option(
        "--encoder",
        metavar=ENCODERS,
        help="Architecture of the encoders; their weights are random. The default, small, has four "
        "convolutions. With residual, a small ResNet takes three to five times as long. With base, "
        "a ResNet for a GPU has 11 million parameters. With keras:ResNet50, it is a network of "
        "keras.applications; keras:ResNet50,size=96 resizes images inside it. A .keras file gives "
        "your own architecture.",
        rich_help_panel=TRAINING,
    ),
]
Device = Annotated[
    str,
    typer.Option(
        metavar="auto, cpu, gpu or N,N",
        help="Device that networks run on. gpu means all NVIDIA GPUs of one model, and 0,1 means "
        "the GPUs with these numbers. Default: GPUs for images of at least 28 pixels a side, if "
        "the extra gpu is installed, otherwise the processor.",
        rich_help_panel=RUN,
    ),
]
Precision = Annotated[
    str | None,
    typer.Option(
        metavar="POLICY",
        help="Precision in which networks compute: float32, mixed_bfloat16 or mixed_float16. The "
        "mixed ones are meant for large encoders on a GPU; most CPUs are slower with them. "
        "Default: float32, or the precision of the encoder in a file.",
        rich_help_panel=TRAINING,
    ),
]
Balanced = Annotated[
    bool,
    typer.Option(
        "--balanced",
        help="Label the same number of images per class, instead of each class's share.",
        rich_help_panel=IMAGES,
    ),
]
TestShare = Annotated[
    float | None,
    typer.Option(
        help="Share of the labelled images to hold out, if there is no test part. Default: 0.3. "
        "With fewer than 1,000 labelled images, compare cross-fits instead: classifiers "
        "that did not train on an image predict it.",
        show_default=False,
        rich_help_panel=IMAGES,
    ),
]
ClassWeights = Annotated[
    bool,
    typer.Option(
        "--class-weights",
        help="Give rare classes the same total weight as frequent ones in training.",
        rich_help_panel=IMAGES,
    ),
]
UnlabeledFrom = Annotated[
    str | None,
    typer.Option(
        metavar="SOURCE",
        help="Unlabeled images for selftrain, spread_finetune and spread_distill: pool, generated "
        "(by the arm's own pretrained GAN or VAE) or both. Default: pool.",
        rich_help_panel=IMAGES,
    ),
]
Size = Annotated[
    str | None,
    typer.Option(
        metavar="N or HxW",
        help="Size in pixels to resize all images to; for clips, mel bands x columns (32x32). "
        "Default: the size of the images. If they have several sizes, compare uses the "
        "largest of 32, 64, 96 and 128 that fits into --minutes. Other commands use 64, or "
        "32 if most images are smaller.",
        rich_help_panel=IMAGES,
    ),
]


Rate = Annotated[
    int | None,
    typer.Option(
        metavar="HERTZ",
        help="Samples per second to resample all clips to. Default: the rate of the clips.",
        rich_help_panel=SOUND,
    ),
]
ClipSeconds = Annotated[
    float | None,
    typer.Option(
        help="Longest part of a clip to keep, in seconds. Default: the length that 98 of 100 "
        "clips have at most.",
        rich_help_panel=SOUND,
    ),
]
TrimDb = Annotated[
    float | None,
    typer.Option(
        help="Decibels below a clip's loudest moment at which its ends are cut off as silence. 0 "
        "cuts nothing. Default: 25.",
        rich_help_panel=SOUND,
    ),
]
Source = Annotated[
    str | None,
    typer.Option(
        metavar="DATA, lite0, imagenet:NAME, kerashub:PRESET or FILE.keras",
        help="Another source of encoders. Another data set: DATA (adds arms supervised/... and "
        "METHOD@source/...). Public weights (add public/...): lite0 is EfficientNet-Lite0, if its "
        "package is installed. imagenet:MobileNetV2,size=96 is a network of keras.applications. "
        "kerashub:dinov2_small is one of KerasHub, if installed. A .keras file that holds an "
        "encoder (adds file/...). Default: lite0 for colour images, if installed and no arms are "
        "named.",
        rich_help_panel=SOURCE,
    ),
]
Then = Annotated[
    str | None,
    typer.Option(
        metavar="METHOD",
        help="Method that continues from the source's encoder on your pool. Adds the chain, such "
        "as supervised+vae/lpft, and each of its two halves alone.",
        rich_help_panel=SOURCE,
    ),
]
Weights = Annotated[
    pathlib.Path | None,
    typer.Option(
        metavar="FILE or FOLDER",
        help="File with the weights of imagenet:NAME without its top, or folder of the preset of "
        "kerashub:NAME. Default: Keras or KerasHub uses its cache or downloads them.",
        rich_help_panel=SOURCE,
    ),
]
