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
from tfzero.export.layout import find_version
from tfzero.jobs.load import require_model_file


@command("export my.keras --out savedmodels/mine --classes cat,dog")
def export(
    model: Annotated[
        pathlib.Path, typer.Argument(help="The model's .keras file, loaded in safe mode.")
    ],
    out: Annotated[
        pathlib.Path,
        typer.Option(help="Folder for the exported versions, such as savedmodels/NAME."),
    ],
    part: Annotated[
        str | None,
        typer.Option(
            help="Part to export: classifier or encoder. For a GAN: encoder or generator. For a "
            "VAE: encoder, posterior or decoder. Default: classifier."
        ),
    ] = None,
    class_names: Annotated[
        str | None,
        typer.Option("--classes", help="Class names in order, separated by commas."),
    ] = None,
    image_shape: Annotated[
        str | None,
        typer.Option(
            metavar="H,W,C",
            help="Shape of one image, such as 28,28,1. Needed if the model does not fix it.",
        ),
    ] = None,
    pixel_range: Annotated[
        str | None,
        typer.Option(
            metavar="LOW,HIGH",
            help="Pixel values of black and white that the model expects, such as 0,255 or -1,1. "
            "Only for models that tfzero did not train. Default: 0,1.",
        ),
    ] = None,
    file_range: Annotated[
        str | None,
        typer.Option(
            metavar="LOW,HIGH",
            help="Pixel values of black and white in served files. Give the --pixel-range of "
            "training. Default: 0,255 (8 bits).",
        ),
    ] = None,
    resize: Annotated[
        str,
        typer.Option(
            help="How served images are resized: stretch, pad or crop. Use the mode of training."
        ),
    ] = "stretch",
    rate: Annotated[
        int | None,
        typer.Option(
            metavar="HERTZ",
            help="Samples per second of the sound clips in training. Served files are then "
            "16-bit WAV. Also give --clip-seconds, and --resize stretch or pad.",
        ),
    ] = None,
    clip_seconds: Annotated[
        float | None, typer.Option(help="Longest part of a clip that training used, in seconds.")
    ] = None,
    trim_db: TrimDb = None,
    from_logits: Annotated[
        bool,
        typer.Option("--logits", help="The classifier returns logits; the export adds a softmax."),
    ] = False,
) -> None:
    """Export a Keras model, or a part of one, as a SavedModel for a server.

    A SavedModel is a program, and loading it can run code. Serve only models that you trust.
    """
    read = {
        "image_shape": parse_numbers(int, image_shape, option="--image-shape", example="28,28,1"),
        "pixel_range": parse_numbers(float, pixel_range, option="--pixel-range", example="0,255"),
        "file_range": parse_numbers(float, file_range, option="--file-range", example="0,4095"),
    }
    require_model_file(model)
    # After what can be refused at once: TensorFlow takes seconds to load.
    from tfzero.jobs.export import ServedImages, export_from_file

    images = ServedImages(
        **read,
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
        pathlib.Path,
        typer.Argument(
            help="Folder savedmodels/NAME (its newest version), or the folder of one version."
        ),
    ],
    images: Annotated[
        list[pathlib.Path],
        typer.Argument(
            help="Image or WAV files, whichever the model was trained on, or folders of them."
        ),
    ],
    top: Annotated[int, typer.Option(min=1, help="Number of classes shown per image.")] = 3,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print all scores and all skipped files as JSON.")
    ] = False,
    csv: Annotated[
        pathlib.Path | None,
        typer.Option(
            metavar="FILE", help="CSV file to write: file name, label, and the score of each class."
        ),
    ] = None,
    unsure: Annotated[
        float | None,
        typer.Option(
            metavar="SCORE", help="Mark files whose best score is below this value, such as 0.6."
        ),
    ] = None,
    page: Annotated[
        pathlib.Path | None,
        typer.Option(
            metavar="FILE",
            help="HTML page to write. It shows the images or clips, least certain first: label "
            "these next.",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace existing files of --csv and --page.")
    ] = False,
    batch_size: Annotated[
        int, typer.Option(help="Number of images decoded and scored together.")
    ] = 64,
) -> None:
    """Predict the class of images, or of sound clips, with an exported classifier.

    Reports how many files and pages it did not read, and why.

    Exits with 1 if a file could not be used; all other files are still classified.
    """
    from tfzero.data.passed_over import PassedOver, describe_kinds
    from tfzero.export.answers import is_unsure
    from tfzero.export.notes import describe_changes
    from tfzero.jobs.predict import Written

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
        pathlib.Path,
        typer.Argument(
            help="Folder savedmodels/NAME (its newest version), or the folder of one version."
        ),
    ],
) -> None:
    """Check an exported model in a new process without tfzero and Keras.

    Exits with 1 if anything differs. The check finds damage, not malicious code: a SavedModel is a
    program.
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
        pathlib.Path,
        typer.Argument(
            help="Folder savedmodels/NAME (its newest version), or the folder of one version."
        ),
    ],
    to: Annotated[str, typer.Option(help="Target format: onnx or litert.")],
    out: Annotated[
        pathlib.Path | None,
        typer.Option(help="File to write. Default: NAME-VERSION.onnx or .tflite in this folder."),
    ] = None,
    signature: Annotated[
        str,
        typer.Option(help="Signature to convert: any signature of the model except serving_bytes."),
    ] = "serving_default",
    tolerance: Annotated[
        float,
        typer.Option(
            help="Largest difference allowed between its answers and those of the SavedModel."
        ),
    ] = 1e-5,
) -> None:
    """Convert an exported model for ONNX Runtime or LiteRT, and check its answers.

    The file is kept only if its answers match the SavedModel's. Needs the extra tfzero[onnx] or
    tfzero[litert]. Never overwrites a file.
    """
    print(
        tfzero.convert_savedmodel(savedmodel, to, out=out, signature=signature, tolerance=tolerance)
    )


def _to_json(prediction, unsure: float | None) -> dict[str, Any]:
    from tfzero.export.answers import is_unsure

    return {
        "path": str(prediction.path),
        "label": prediction.label,
        "class_id": prediction.class_id,
        "scores": prediction.scores,
        # Only who asks for it: the form of the answers is what scripts rely on.
        **({} if unsure is None else {"unsure": is_unsure(prediction, unsure)}),
    }
