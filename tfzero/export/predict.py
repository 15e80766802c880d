"""Classifies files of images or sound with an exported model, which needs TensorFlow only."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from tfzero.common.checks import InputError
from tfzero.data.passed_over import FRAMES, PassedOver
from tfzero.export.fresh_process import SPEC_FILE, find_reason
from tfzero.export.layout import find_version, plain_path
from tfzero.export.readers import Reader, find_reader, list_files


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What the model says about one file.

    Attributes:
        path: The file.
        label: Name of the best class.
        class_id: Its number.
        scores: Probability by class name, best first.
    """

    path: pathlib.Path
    label: str
    class_id: int
    scores: dict[str, float]


def predict_files(
    directory: str | os.PathLike,
    paths: Sequence[str | os.PathLike],
    *,
    batch_size: int = 64,
    skipped: list[str] | None = None,
    passed_over: PassedOver | None = None,
) -> list[Prediction]:
    """Classifies image files, or sound files if the model was trained on sound.

    The exported graph decodes PNG, JPEG, and 16-bit WAV of the model's rate, exactly like a server.
    All other files are decoded as in training. Examples are photographs turned by EXIF, CMYK,
    16-bit images, other formats, and sound of another rate or type.

    In a file with several pages or frames, the first is classified. For a model of two channels, or
    of more than three, a TIFF file may also hold each channel as a page.

    Args:
        directory: Path `.../NAME` (its newest version) or `.../NAME/3`.
        paths: List of files and folders. Files may have any size and are resized. In a folder and
            its subfolders, every file with a matching suffix is read, in the order of names. Links
            to folders are followed.
        batch_size: Number of files decoded and scored together.
        skipped: List that receives a sentence per unusable file and per folder without files. All
            others are classified. None raises at the first.
        passed_over: Counter of files that are ignored without an error: hidden files, other
            formats, pages and frames after the first (`tfzero.data.passed_over`). None counts
            nothing.

    Returns:
        One prediction per file, in the order of `paths`.

    Raises:
        InputError: If there is no classifier. If `skipped` is None, also if a folder has no image
            or a file cannot be read.
    """
    if isinstance(paths, (str, os.PathLike)):
        raise InputError(f"paths is one path, {paths}; expected a list. Write [{str(paths)!r}].")
    if batch_size < 1:
        raise InputError(f"batch_size is {batch_size}; expected at least 1.")
    version = find_version(directory)
    spec = _read_spec(version)
    if spec["kind"] != "classifier":
        raise InputError(
            f"{version} holds a model of kind {spec['kind']}; expected a classifier. Use its "
            "signature serving_default with tf.saved_model.load."
        )
    reader, class_names = find_reader(spec), spec["class_names"]
    with plain_path(version) as plain:
        signatures = tf.saved_model.load(str(plain)).signatures
    files = []
    for path in paths:
        with _skipping(skipped):
            files += list_files(pathlib.Path(path), reader, passed_over)
    predictions = []
    for start in range(0, len(files), batch_size):
        batch = files[start : start + batch_size]
        for path, scores in _score_batch(signatures, batch, reader, skipped):
            predictions.append(_to_prediction(path, scores, class_names))
            if passed_over is not None and (left := reader.count_left(path)):
                passed_over.add(FRAMES, str(path), left)
    return predictions


@contextlib.contextmanager
def _skipping(skipped: list[str] | None) -> Iterator[None]:
    """Notes a refusal that ends the block, or lets it pass if there is no list for it."""
    try:
        yield
    except InputError as error:
        if skipped is None:
            raise
        skipped.append(str(error))


def _read_spec(version: pathlib.Path) -> dict:
    """Reads what export wrote about the model."""
    try:
        return json.loads((version / SPEC_FILE).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{version} has no readable {SPEC_FILE} ({error}); expected a SavedModel written by "
            "export_savedmodel. Other SavedModels: tf.saved_model.load."
        ) from error


def _score_batch(
    signatures, files: list[pathlib.Path], reader: Reader, skipped: list[str] | None
) -> list[tuple[pathlib.Path, np.ndarray]]:
    """Returns the files that can be used, each with its float32 `(K,)`."""
    encoded, decoded = {}, {}
    for row, path in enumerate(files):
        with _skipping(skipped):
            content = _read_bytes(path, reader)
            if reader.suits_graph(content):
                encoded[row] = content
            else:
                decoded[row] = reader.decode(path)
    rows: dict[int, np.ndarray] = {}
    if encoded:
        serve, contents = signatures["serving_bytes"], list(encoded.items())
        _score_encoded(serve, files, contents, reader, rows=rows, skipped=skipped)
    if decoded:
        pixels = tf.constant(np.stack(list(decoded.values())))  # (n, H, W, C)
        scores = signatures["serving_default"](image=pixels)["scores"].numpy()
        rows.update(zip(decoded, scores, strict=True))
    return [(files[row], rows[row]) for row in sorted(rows)]


def _score_encoded(
    serve,
    files: list[pathlib.Path],
    contents: list[tuple[int, bytes]],
    reader: Reader,
    *,
    rows: dict[int, np.ndarray],
    skipped: list[str] | None,
) -> None:
    """Scores files by the graph; finds the bad one, for which a graph fails the whole batch.

    Args:
        serve: The graph's signature.
        files: All of the batch.
        contents: The number of a file in the batch, and what is in it.
        reader: How files reach the model.
        rows: Is given the scores by number.
        skipped: As in `predict_files`.
    """
    [name] = serve.structured_input_signature[1]
    try:
        scores = serve(**{name: tf.constant([content for _, content in contents])})["scores"]
        rows.update(zip((row for row, _ in contents), scores.numpy(), strict=True))
    except tf.errors.InvalidArgumentError as error:
        if len(contents) > 1:
            for one in contents:
                _score_encoded(serve, files, [one], reader, rows=rows, skipped=skipped)
            return
        with _skipping(skipped):
            raise InputError(
                f"{files[contents[0][0]]} cannot be used: {find_reason(error)} (expected a whole "
                f"{reader.whole}; copy or write it again)."
            ) from error


def _read_bytes(path: pathlib.Path, reader: Reader) -> bytes:
    try:
        reader.check(path)  # of a pipe reading may never end
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}. Expected a file with an {reader.word}."
        ) from error


def _to_prediction(path: pathlib.Path, scores: np.ndarray, class_names: list[str]) -> Prediction:
    order = np.argsort(-scores, kind="stable")  # the first of equals wins, as in the graph
    return Prediction(
        path=path,
        label=class_names[order[0]],
        class_id=int(order[0]),
        scores={class_names[k]: float(scores[k]) for k in order},
    )
