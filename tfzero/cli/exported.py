"""Models that leave the library: export, predict, verify, convert."""

from __future__ import annotations

import pathlib
import sys
from typing import Annotated, Any

import typer

import tfzero
from tfzero.cli.options import (
    TrimDb,
    command,
)
from tfzero.cli.parse import parse_numbers, print_json, split
from tfzero.common.numbers import write_number
from tfzero.data.passed_over import PassedOver, describe_kinds
from tfzero.export.answers import is_unsure
from tfzero.export.layout import find_version
from tfzero.export.notes import describe_changes
from tfzero.jobs.predict import Written


@command("export my.keras --out savedmodels/mine --classes cat,dog")
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
    class_names: Annotated[
        str | None,
        typer.Option("--classes", help="Class names in order, separated by commas."),
    ] = None,
    image_shape: Annotated[
        str | None,
        typer.Option(metavar="H,W,C", help="Where the model does not say it, as in 28,28,1."),
    ] = None,
    pixel_range: Annotated[
        str | None,
        typer.Option(
            metavar="LOW,HIGH",
            help="Darkest and brightest value of a pixel in the images that the model itself "
            "takes: 0,255 or -1,1 if not 0,1. For models that tfzero did not make.",
        ),
    ] = None,
    file_range: Annotated[
        str | None,
        typer.Option(
            metavar="LOW,HIGH",
            help="Darkest and brightest value of a pixel in served files: what training had as "
            "--pixel-range. Default: 0,255 of 8 bits.",
        ),
    ] = None,
    resize: Annotated[
        str,
        typer.Option(
            help="How served files get the model's size, as in training: stretch, pad or crop."
        ),
    ] = "stretch",
    rate: Annotated[
        int | None,
        typer.Option(
            metavar="HERTZ",
            help="The model was trained on clips of sound of so many samples a second; served "
            "files are 16-bit WAV. With --clip-seconds, and --resize stretch or pad.",
        ),
    ] = None,
    clip_seconds: Annotated[
        float | None, typer.Option(help="What training kept of a clip at most.")
    ] = None,
    trim_db: TrimDb = None,
    from_logits: Annotated[
        bool, typer.Option("--logits", help="The classifier ends in logits; add the softmax.")
    ] = False,
) -> None:
    """Export a Keras model, or a part of one, as a SavedModel that a server takes as it is.

    A SavedModel is a program: whoever loads it, runs it. Serve only what you trust.
    """
    from tfzero.jobs.export import ServedImages, export_from_file

    images = ServedImages(
        image_shape=parse_numbers(int, image_shape, option="--image-shape", example="28,28,1"),
        pixel_range=parse_numbers(float, pixel_range, option="--pixel-range", example="0,255"),
        file_range=parse_numbers(float, file_range, option="--file-range", example="0,4095"),
        resize=resize,
        rate=rate,
        clip_seconds=clip_seconds,
        trim_db=trim_db,
    )
    version = export_from_file(
        model,
        out,
        part=part,
        class_names=split(class_names),
        from_logits=from_logits,
        images=images,
    )
    print(f"Exported {version}")


@command("predict savedmodels/digits folder/ --csv answers.csv --page next.html")
def predict(
    savedmodel: Annotated[
        pathlib.Path, typer.Argument(help="savedmodels/NAME (newest version) or one version.")
    ],
    images: Annotated[
        list[pathlib.Path],
        typer.Argument(help="Image or WAV files, as the model takes, and folders of them."),
    ],
    top: Annotated[int, typer.Option(min=1, help="Classes shown for each image.")] = 3,
    as_json: Annotated[
        bool, typer.Option("--json", help="All scores, and what was left out, as JSON.")
    ] = False,
    csv: Annotated[
        pathlib.Path | None,
        typer.Option(metavar="FILE", help="Table to write: file, label, score of each class."),
    ] = None,
    unsure: Annotated[
        float | None,
        typer.Option(metavar="SCORE", help="Mark files whose best score is below this, as in 0.6."),
    ] = None,
    page: Annotated[
        pathlib.Path | None,
        typer.Option(
            metavar="FILE",
            help="HTML page to write: the images, or clips, with the least certain first, which "
            "are the next to label.",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the files of --csv and --page.")
    ] = False,
    batch_size: Annotated[int, typer.Option(help="Images decoded and scored at once.")] = 64,
) -> None:
    """Name the class of images, or of clips of sound, with an exported classifier.

    Says how many files of a folder, and pages of files, are not read, and why.

    Exits with 1 if a file could not be used; the others are answered.
    """
    find_version(savedmodel)  # before TensorFlow loads, which takes seconds
    written = Written(csv, page, unsure, overwrite)
    written.check()
    skipped: list[str] = []
    left = PassedOver()
    predictions = tfzero.predict_files(
        savedmodel, images, batch_size=batch_size, skipped=skipped, passed_over=left
    )
    notes = [*describe_changes(savedmodel, [found.path for found in predictions])]
    for note in [*notes, describe_kinds(left.kinds())]:
        if note:
            print(f"Note: {note}", file=sys.stderr)
    if as_json:
        print_json(
            {
                "predictions": [_to_json(p, unsure) for p in predictions],
                "passed_over": [kind._asdict() for kind in left.kinds()],
                "skipped": skipped,
            }
        )
    else:
        for prediction in predictions:
            scores = list(prediction.scores.items())[:top]
            said = ", ".join(f"{name} {write_number(score, 3, whole=1)}" for name, score in scores)
            mark = "  (unsure)" if is_unsure(prediction, unsure) else ""
            print(f"{prediction.path}: {said}{mark}")
    for sentence in written.write(savedmodel, predictions, unusable=skipped):
        print(sentence, file=sys.stderr)
    for sentence in skipped:
        print(f"tfzero: {sentence}", file=sys.stderr)
    if skipped:
        raise typer.Exit(1)


@command("verify savedmodels/digits")
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


@command("convert savedmodels/digits --to onnx --out digits.onnx")
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


def _to_json(prediction, unsure: float | None) -> dict[str, Any]:
    return {
        "path": str(prediction.path),
        "label": prediction.label,
        "class_id": prediction.class_id,
        "scores": prediction.scores,
        # Only who asks for it: the form of the answers is what scripts rely on.
        **({} if unsure is None else {"unsure": is_unsure(prediction, unsure)}),
    }
