"""Classifies files of images or sound with an exported model, which needs TensorFlow only."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import os
import pathlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import PIL.ExifTags
import PIL.Image
import tensorflow as tf

from tfzero.common.checks import InputError
from tfzero.common.pixels import Extents, is_inside, write_range
from tfzero.data.clips import SUFFIX, read_clip, read_clip_header
from tfzero.data.decode import SUFFIXES, decode_image
from tfzero.data.logmel import LogMel, make_image
from tfzero.export.fresh_process import MAX_PIXELS, SPEC_FILE, find_reason
from tfzero.export.layout import find_version, plain_path

_CHANNELS = (1, 3)
# What the graph brings to gray or RGB as training does; others, such as CMYK, it refuses.
_GRAPH_MODES = ("1", "L", "LA", "P", "RGB", "RGBA")
# A PNG with one of these may have to be turned, which the graph does not do.
_ORIENTED_PNG = (b"eXIf", b"tiff:Orientation", b"Raw profile type exif")


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


@dataclasses.dataclass(frozen=True)
class _Reader:
    """How files reach a model.

    Attributes:
        suffixes: What the files' names end in.
        word: What they are.
        whole: What the graph expects of one.
        check: Refuses a file by its header, before all of it is read.
        suits_graph: Whether the graph decodes a file's content to what training would see.
        decode: Makes of a file the image that training would see.
    """

    suffixes: frozenset[str]
    word: str
    whole: str
    check: Callable[[pathlib.Path], object]
    suits_graph: Callable[[bytes], bool]
    decode: Callable[[pathlib.Path], np.ndarray]


def predict_files(
    directory: str | os.PathLike,
    paths: Sequence[str | os.PathLike],
    *,
    batch_size: int = 64,
    skipped: list[str] | None = None,
) -> list[Prediction]:
    """Classifies files of images, or of sound if the model was trained on it, and in folders.

    PNG and JPEG, and 16-bit WAV of the model's rate, are decoded by the exported graph, as a
    server does. Where training would see other pixels (a photograph that EXIF turns, CMYK, 16
    bits, other formats) or the graph takes no such sound (24 bits, floats, another rate), the
    file is decoded as for training.

    Args:
        directory: `.../NAME`, of which the newest version is taken, or `.../NAME/3`.
        paths: Files, of any size; they are resized. Of a folder and the folders in it, every file
            that is named like an image, or a clip of sound, in the order of names.
        batch_size: How many are decoded and scored at once.
        skipped: Is given a sentence on each file that cannot be used, and on each folder without
            any; all others are classified. None raises at the first.

    Returns:
        One prediction a file, in the order of `paths`.

    Raises:
        InputError: If there is no classifier, or, where `skipped` is None, a folder has no image
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
    reader, class_names = _find_reader(spec, version), spec["class_names"]
    with plain_path(version) as plain:
        signatures = tf.saved_model.load(str(plain)).signatures
    files = []
    for path in paths:
        with _skipping(skipped):
            files += _list_files(pathlib.Path(path), reader)
    predictions = []
    for start in range(0, len(files), batch_size):
        batch = files[start : start + batch_size]
        for path, scores in _score_batch(signatures, batch, reader, skipped):
            predictions.append(_to_prediction(path, scores, class_names))
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


def _find_reader(spec: dict, version: pathlib.Path) -> _Reader:
    shape = tuple(spec["image_shape"])
    if spec.get("sound"):
        sound = LogMel(**spec["sound"])

        def listen(path: pathlib.Path) -> np.ndarray:
            samples = read_clip(path, rate=sound.rate)
            with tf.device("/CPU:0"):
                return make_image(tf.constant(samples), sound).numpy()

        return _Reader(
            suffixes=frozenset({SUFFIX}),
            word="clip of sound",
            whole=f"16-bit WAV file of {sound.rate:,} samples a second",
            check=read_clip_header,
            suits_graph=lambda content: _graph_hears(content, sound.rate),
            decode=listen,
        )
    if shape[-1] not in _CHANNELS:
        raise InputError(
            f"The model in {version} takes images of {shape[-1]} channels; expected 1 (gray) or "
            "3 (RGB), which image files have. Send arrays to its signature serving_default."
        )
    resize = spec.get("resize", "stretch")  # older versions have none

    file_range = tuple(spec["file_range"]) if "file_range" in spec else None

    def look(path: pathlib.Path) -> np.ndarray:
        seen = Extents()
        pixels = decode_image(
            path,
            channels=shape[-1],
            size=(shape[0], shape[1]),
            resize=resize,
            pixel_range=file_range,
            seen=seen,
        )
        for extent in seen:
            if file_range is not None and not is_inside(extent, file_range):
                raise InputError(
                    f"{path} has {extent.describe()}; expected values in "
                    f"{write_range(*file_range)}, as the files of training had. Write it anew."
                )
        return pixels

    # Of images Pillow reads no more than the header until they are checked.
    fits_png = file_range is None or file_range[1] < 65536  # else there is no such signature

    def suits(content: bytes) -> bool:
        return fits_png and _suits_graph(content)

    return _Reader(SUFFIXES, "image", "PNG or JPEG file", lambda path: None, suits, look)


def _list_files(path: pathlib.Path, reader: _Reader) -> list[pathlib.Path]:
    """Returns a file as it is, and of a folder the visible files that are named as expected."""
    if not path.is_dir():
        return [path]
    found = [
        entry
        for entry in sorted(path.rglob("*"))
        if entry.suffix.lower() in reader.suffixes
        and not any(part.startswith(".") for part in entry.relative_to(path).parts)
        and entry.is_file()
    ]
    if not found:
        raise InputError(
            f"{path} holds no {reader.word}; expected files that end in "
            f"{', '.join(sorted(reader.suffixes))}."
        )
    return found


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
    signatures, files: list[pathlib.Path], reader: _Reader, skipped: list[str] | None
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


def _suits_graph(content: bytes) -> bool:
    """Whether the graph decodes a file to what training would make of it."""
    try:
        with PIL.Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as image:
            if image.mode not in _GRAPH_MODES or image.width * image.height > MAX_PIXELS:
                return False
            if image.format == "PNG":  # Pillow would decode all of it to find the orientation
                return not any(mark in content for mark in _ORIENTED_PNG)
            return image.getexif().get(PIL.ExifTags.Base.Orientation, 1) == 1
    except Exception:  # whatever is wrong, decode_image names the file and says it
        return False


def _graph_hears(content: bytes, rate: int) -> bool:
    """Whether the graph takes a file of sound."""
    try:
        with tf.device("/CPU:0"):
            return int(tf.audio.decode_wav(content).sample_rate) == rate
    except tf.errors.InvalidArgumentError:  # whatever is wrong, read_clip names it
        return False


def _score_encoded(
    serve,
    files: list[pathlib.Path],
    contents: list[tuple[int, bytes]],
    reader: _Reader,
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


def _read_bytes(path: pathlib.Path, reader: _Reader) -> bytes:
    try:
        with path.open("rb") as file:
            reader.check(path)
            return file.read()
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
