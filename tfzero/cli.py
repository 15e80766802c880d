"""The command line: parse, call, print."""

from __future__ import annotations

import json
import pathlib
import signal
import sys
from typing import Annotated, Any

import typer
from rich.console import Console

import tfzero
from tfzero._checks import InputError, StopError

app = typer.Typer(
    help="Is unsupervised pretraining worth it on your images? Measure it, with error bars.",
    epilog="Example: tfzero compare my_images/ --label-counts 100,1000 --seeds 5",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

Data = Annotated[
    str,
    typer.Argument(
        metavar="[DATA]",
        help="Folder with a subfolder of images per class (perhaps inside train/ and test/), "
        "folder of images with a labels.csv, folder of IDX files, .npz with x_train, y_train, or "
        "tfds:NAME. Default: built-in digits.",
    ),
]
Pool = Annotated[
    pathlib.Path | None,
    typer.Option(metavar="FOLDER", help="Unlabeled images, in it and in folders inside it."),
]
PoolOnly = Annotated[
    bool,
    typer.Option(
        "--pool-only",
        help="Pretrain on the unlabeled images alone, not on the training images too.",
    ),
]
Channels = Annotated[
    int | None, typer.Option(help="1 for gray, 3 for RGB. Default: what the images are.")
]
Resize = Annotated[
    str, typer.Option(help="With --size: stretch, pad (keeps the aspect, black margins) or crop.")
]
Group = Annotated[
    str | None,
    typer.Option(
        metavar="REGEX",
        help="What belongs together, as a pattern in the file's path or a column of labels.csv: "
        "never on both sides of the test part. Example: 'patient(\\d+)'.",
    ),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Refuse broken files and tiny classes; else set aside.")
]
DropLeaks = Annotated[
    bool,
    typer.Option("--drop-leaks", help="Leave out training images that equal a test image."),
]
Transductive = Annotated[
    bool,
    typer.Option(
        "--transductive",
        help="The pool may hold test images: all that will be classified is known.",
    ),
]
Balanced = Annotated[
    bool, typer.Option("--balanced", help="Label as many images of each class, not its share.")
]
TestShare = Annotated[
    float, typer.Option(help="Share of the images held out where there is no test part.")
]
Size = Annotated[
    str | None, typer.Option(metavar="N or HxW", help="Resize all images to this many pixels.")
]


@app.command(epilog="Example: tfzero compare my_images/ --label-counts 100,1000,all --seeds 5")
def compare(
    data: Data = "digits",
    arms: Annotated[
        str | None,
        typer.Option(help="INIT/STRATEGY, separated by commas, as in vae/lpft,scratch/finetune."),
    ] = None,
    label_counts: Annotated[
        str | None,
        typer.Option(
            help='Numbers of labels, or "all", separated by commas. Default: 2, 5 and 20 a class.'
        ),
    ] = None,  # fmt: skip
    seeds: Annotated[
        int | None,
        typer.Option(help="Replicates; each redraws everything random. Default: 10."),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Pretraining passes. Default: by size of the pool.")
    ] = None,
    pool: Pool = None,
    pool_only: PoolOnly = False,
    encoders: Annotated[
        int | None,
        typer.Option(help="Encoders a method, shared by the seeds. Default: one for each seed."),
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(help="Smallest difference worth having, in points of accuracy. Default: 1."),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            help="Fit the study into this time: seeds, arms and label counts are dropped "
            "until it does, and named."
        ),
    ] = None,
    more_seeds: Annotated[
        int | None,
        typer.Option(
            help="Add this many seeds to the finished study and look again; what is "
            "there is not computed anew."
        ),
    ] = None,
    size: Size = None,
    channels: Channels = None,
    resize: Resize = "stretch",
    group: Group = None,
    test_share: TestShare = 0.3,
    strict: Strict = False,
    drop_leaks: DropLeaks = False,
    balanced: Balanced = False,
    transductive: Transductive = False,
    out: Annotated[
        pathlib.Path | None, typer.Option(help="Run folder. Default: runs/NAME.")
    ] = None,
    export: Annotated[
        pathlib.Path | None,
        typer.Option(help="Where the SavedModel goes. Default: savedmodels/NAME."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Remove another study in the run folder first.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(help="Processes that work. Default: one a core. Results do not depend on it."),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Use the workers of this Dask scheduler, as in tcp://10.0.0.5:8786, instead.",
        ),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Verdict as JSON on standard output, all else on the other."),
    ] = False,
) -> None:
    """Compare pretraining with training from scratch on your images, and export the best network.

    A study that was interrupted goes on where it stopped when the same command is given again.
    """
    from tfzero.study.screen import show_verdict

    console = Console(stderr=as_json)
    loaded = tfzero.load_data(
        data, pool=pool, pool_only=pool_only, size=_parse_size(size), channels=channels,
        resize=resize, group=group, test_share=test_share, strict=strict, drop_leaks=drop_leaks,
        transductive=transductive, balanced=balanced,
    )  # fmt: skip
    study = tfzero.compare(
        loaded,
        arms=_split(arms),
        label_counts=_split(label_counts),
        seeds=seeds,
        epochs=epochs,
        encoders=encoders,
        margin=margin,
        minutes=minutes,
        more_seeds=more_seeds,
        out=out,
        export=export,
        overwrite=overwrite,
        workers=workers,
        scheduler=scheduler,
        console=console,
    )
    show_verdict(console, study)
    if as_json:
        print(json.dumps(study.results, indent=1, ensure_ascii=False))


@app.command(epilog="Example: tfzero check my_images/ --page check.html")
def check(
    data: Data = "digits",
    pool: Pool = None,
    size: Size = None,
    channels: Channels = None,
    resize: Resize = "stretch",
    group: Group = None,
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
    from tfzero._check import show_check, write_check_page
    from tfzero.data.check import check_data

    console = Console(stderr=as_json)
    result = check_data(
        data, pool=pool, size=_parse_size(size), channels=channels, resize=resize, group=group,
        transductive=transductive, say=lambda text: console.print(text, style="dim"),
    )  # fmt: skip
    show_check(console, result)
    if page is not None:
        write_check_page(result, page)
        console.print(f"Page: {page}", highlight=False)
    if as_json:
        print(json.dumps(result.to_json(), indent=1, ensure_ascii=False))
    if result.stops:
        raise typer.Exit(1)


@app.command(epilog="Example: tfzero pretrain my_images/ --method vae --out vae.keras")
def pretrain(
    data: Data = "digits",
    method: Annotated[str, typer.Option(help="gan or vae.")] = "vae",
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
    from tfzero._stages import pretrain_to_file

    loaded = tfzero.load_data(
        data, pool=pool, pool_only=pool_only, size=_parse_size(size), channels=channels,
        resize=resize, group=group, test_share=test_share, strict=strict, drop_leaks=drop_leaks,
        transductive=transductive,
    )  # fmt: skip
    images = loaded.pool
    pretrain_to_file(method, images, out, epochs=epochs, seed=seed, console=Console())


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
    from tfzero._stages import finetune_to_file

    accuracy = finetune_to_file(
        tfzero.load_data(
            data, size=_parse_size(size), channels=channels, resize=resize, group=group,
            test_share=test_share, strict=strict, drop_leaks=drop_leaks, balanced=balanced,
        ),
        encoder,
        out,
        strategy=strategy,
        labels=labels,
        seed=seed,
        overwrite=overwrite,
    )  # fmt: skip
    print(f"Test accuracy {100 * accuracy:.1f} % (one run; for error bars use tfzero compare)")
    print(f"Wrote {out}")


@app.command(epilog="Example: tfzero export my.keras --out savedmodels/mine --classes cat,dog")
def export(
    model: Annotated[pathlib.Path, typer.Argument(help=".keras file; it is loaded in safe mode.")],
    out: Annotated[
        pathlib.Path, typer.Option(help="Folder of the versions, for example savedmodels/NAME.")
    ],
    part: Annotated[
        str | None,
        typer.Option(
            help="classifier or encoder; of a GAN encoder or generator; of a VAE encoder, "
            "posterior or decoder. Default: classifier."
        ),
    ] = None,
    classes: Annotated[
        str | None, typer.Option(help="Class names in order, separated by commas.")
    ] = None,
    image_shape: Annotated[
        str | None,
        typer.Option(metavar="H,W,C", help="Where the model does not say it, as in 28,28,1."),
    ] = None,
    pixel_range: Annotated[
        str,
        typer.Option(
            metavar="LOW,HIGH",
            help="Darkest and brightest pixel the model knows: 0,255 or -1,1 if not 0,1.",
        ),
    ] = "0,1",
    resize: Annotated[
        str,
        typer.Option(
            help="How served files get the model's size, as in training: stretch, pad or crop."
        ),
    ] = "stretch",
    logits: Annotated[
        bool, typer.Option("--logits", help="The classifier ends in logits; add the softmax.")
    ] = False,
) -> None:
    """Export a Keras model, or a part of one, as a SavedModel that a server takes as it is.

    A SavedModel is a program: whoever loads it, runs it. Serve only what you trust.
    """
    from tfzero._stages import export_from_file

    version = export_from_file(
        model,
        out,
        part=part,
        class_names=_split(classes),
        image_shape=_parse_numbers(int, image_shape, option="--image-shape", example="28,28,1"),
        pixel_range=_parse_numbers(float, pixel_range, option="--pixel-range", example="0,255"),
        from_logits=logits,
        resize=resize,
    )
    print(f"Exported {version}")


@app.command(epilog="Example: tfzero predict savedmodels/digits one.png two.jpg folder/")
def predict(
    savedmodel: Annotated[
        pathlib.Path, typer.Argument(help="savedmodels/NAME (newest version) or one version.")
    ],
    images: Annotated[list[pathlib.Path], typer.Argument(help="Image files, and folders of them.")],
    top: Annotated[int, typer.Option(min=1, help="Classes shown for each image.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="All scores as JSON.")] = False,
    batch_size: Annotated[int, typer.Option(help="Images decoded and scored at once.")] = 64,
) -> None:
    """Name the class of images with an exported classifier."""
    predictions = tfzero.predict_files(savedmodel, images, batch_size=batch_size)
    if as_json:
        print(json.dumps([_to_json(p) for p in predictions], indent=1, ensure_ascii=False))
        return
    for prediction in predictions:
        scores = list(prediction.scores.items())[:top]
        print(f"{prediction.path}: " + ", ".join(f"{name} {score:.3f}" for name, score in scores))


@app.command(epilog="Example: tfzero verify savedmodels/digits")
def verify(
    savedmodel: Annotated[
        pathlib.Path, typer.Argument(help="savedmodels/NAME (newest version) or one version.")
    ],
) -> None:
    """Check an exported model in a fresh process that has neither tfzero nor Keras.

    Exits with 1 on any difference. Finds damage, not malice: a SavedModel is a program.
    """
    problems = tfzero.verify_savedmodel(savedmodel)
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        raise typer.Exit(1)
    print("No difference found.")


@app.command(epilog="Example: tfzero convert savedmodels/digits --to onnx --out digits.onnx")
def convert(
    savedmodel: Annotated[
        pathlib.Path, typer.Argument(help="savedmodels/NAME (newest version) or one version.")
    ],
    to: Annotated[str, typer.Option(help="onnx or litert.")],
    out: Annotated[
        pathlib.Path | None,
        typer.Option(help="File to write. Default: NAME-VERSION.onnx or .tflite in this folder."),
    ] = None,
    signature: Annotated[
        str, typer.Option(help="Any of the model's but serving_bytes.")
    ] = "serving_default",
    tolerance: Annotated[
        float, typer.Option(help="How far an answer may be off the SavedModel's.")
    ] = 1e-5,
) -> None:
    """Write an exported model for ONNX Runtime or LiteRT; kept only if it answers alike.

    Needs tfzero's extra of that name; says how to install it. Never overwrites.
    """
    print(
        tfzero.convert_savedmodel(savedmodel, to, out=out, signature=signature, tolerance=tolerance)
    )


@app.command(epilog="Example: tfzero report runs/digits")
def report(
    run: Annotated[pathlib.Path, typer.Argument(help="Run folder of a finished study.")],
) -> None:
    """Write report.html anew from a run folder."""
    print(tfzero.write_report(run))


class _Stopped(BaseException):
    """A person, or the system, asked this process to stop."""

    def __init__(self, number: int):
        super().__init__()
        self.number = number


def _stop(number, frame) -> None:
    del frame
    signal.signal(number, signal.SIG_DFL)  # who asks twice is not kept waiting
    raise _Stopped(number)


def main() -> None:
    """Runs the command.

    A refusal becomes one sentence and exit code 2, work that cannot go on one and exit code 1;
    Ctrl-C and SIGTERM one and exit codes 130 and 143.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number, handler in before.items():
        if handler != signal.SIG_IGN:  # as in a job that a shell runs in the background
            signal.signal(number, _stop)
    try:
        app()
    except InputError as error:
        print(f"tfzero: {error}", file=sys.stderr)
        sys.exit(2)
    except StopError as error:
        print(f"tfzero: {error}", file=sys.stderr)
        sys.exit(1)
    except _Stopped as stopped:
        print("tfzero: stopped; the same command goes on from here.", file=sys.stderr)
        sys.exit(128 + stopped.number)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _version(value: bool) -> None:
    if value:
        print(f"tfzero {tfzero.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del version


def _split(text: str | None) -> list[str] | None:
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def _parse_size(text: str | None) -> int | tuple[int, int] | None:
    if text is None:
        return None
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.isdecimal() for part in parts):
        raise InputError(
            f'--size is "{text}"; expected a number or HEIGHTxWIDTH, as in 28 or 32x48.'
        )
    sides = [int(part) for part in parts]
    return sides[0] if len(sides) == 1 else (sides[0], sides[1])


def _parse_numbers(kind: type, text: str | None, *, option: str, example: str) -> Any:
    """Returns a tuple of as many numbers as the example has."""
    if text is None:
        return None
    try:
        numbers = tuple(kind(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != example.count(",") + 1:
        raise InputError(f'{option} is "{text}"; expected numbers as in {example}.')
    return numbers


def _to_json(prediction) -> dict[str, Any]:
    return {
        "path": str(prediction.path),
        "label": prediction.label,
        "class_id": prediction.class_id,
        "scores": prediction.scores,
    }


if __name__ == "__main__":
    main()
