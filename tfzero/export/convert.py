"""Turns an exported version into a file for ONNX Runtime or LiteRT, checked before it is kept."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator

import numpy as np

from tfzero.common.checks import InputError, require_choice
from tfzero.common.files import read_number, require_file_place, sentence_for
from tfzero.export import fresh_process, layout

# Beyond the golden pair: rows on which file and SavedModel are compared.
_NUM_ROWS = 32

Run = Callable[[np.ndarray], dict[str, np.ndarray]]


@dataclasses.dataclass(frozen=True)
class Format:
    """A file format that others than TensorFlow read.

    Attributes:
        suffix: Of its files.
        packages: What must be importable to write and to check it.
        write: Takes version, signature and file.
        read: Takes file and signature; returns a function from an input to outputs by name.
    """

    suffix: str
    packages: tuple[str, ...]
    write: Callable[[pathlib.Path, str, pathlib.Path], None]
    read: Callable[[pathlib.Path, str], Run]


def convert_savedmodel(
    directory: str | os.PathLike,
    to: str,
    *,
    out: str | os.PathLike | None = None,
    signature: str = "serving_default",
    tolerance: float = fresh_process.TOLERANCE,
) -> pathlib.Path:
    """Converts one signature of an exported version to a single file.

    The file is kept only if its own runtime gives the answers of the SavedModel. An existing file
    is never overwritten.

    Args:
        directory: Path `.../NAME` (its newest version) or `.../NAME/3`.
        to: Target format: "onnx" for ONNX Runtime, "litert" for LiteRT (TensorFlow Lite).
        out: File to write. None means `NAME-VERSION.onnx` or `.tflite` in this folder.
        signature: Any signature except `serving_bytes`: other runtimes do not decode images.
        tolerance: Largest difference allowed between answers, relative to the largest answer for
            an image if that is above 1.

    Returns:
        Path of the file.

    Raises:
        InputError: If an argument cannot be used, a package is missing, conversion fails, or the
            file gives other answers. Then no file is kept.
    """
    chosen = FORMATS[require_choice(to, FORMATS, what="format")]
    _require_packages(to, chosen)
    version = layout.find_version(directory).resolve()
    target = pathlib.Path(
        f"{version.parent.name}-{version.name}{chosen.suffix}" if out is None else out
    )
    _require_free(target)
    name = _find_input(version, signature)
    _require_unchanged(version)
    with (
        sentence_for(target),
        tempfile.TemporaryDirectory(prefix=".converting-", dir=target.parent) as staging,
        layout.plain_path(version) as plain,
    ):
        file = pathlib.Path(staging) / target.name
        chosen.write(plain, signature, file)
        reference = fresh_process.object_runner(plain)
        problems = _compare(
            lambda rows: reference(signature, name, rows),
            chosen.read(file, signature),
            _draw_rows(version, signature),
            tolerance=tolerance,
        )
        if problems:
            raise InputError(
                f"The {to} file gives other answers than {version}, so it was not kept. "
                f"{problems[0]} If you can accept that, give a larger tolerance."
            )
        return _keep(file, target)


def _require_packages(to: str, chosen: Format) -> None:
    missing = [name for name in chosen.packages if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(
            f"Converting to {to} needs {' and '.join(missing)}, which is not installed. "
            f'Install it: pip install "tfzero[{to}]".'
        )


def _require_free(target: pathlib.Path) -> None:
    if target.exists():
        raise InputError(f"{target} exists; give another file with `out`, or remove it.")
    require_file_place(target, chosen_by="out")


def _require_unchanged(version: pathlib.Path) -> None:
    """Refuses what export did not write so: loading a SavedModel runs it."""
    problems = fresh_process.check_files(version) + fresh_process.check_operations(version)
    if problems:
        raise InputError(
            f"{version} differs from what was exported: {problems[0]} Export it again."
        )


def _find_input(version: pathlib.Path, signature: str) -> str:
    """Returns the name of a signature's input."""
    try:
        signatures = fresh_process.read_spec(version)["signatures"]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{version} has no readable {fresh_process.SPEC_FILE} ({error}); expected a SavedModel "
            "that tfzero exported. Others: python -m tf2onnx.convert, tf.lite.TFLiteConverter."
        ) from error
    require_choice(signature, signatures, what="signature")
    ((name, tensor),) = signatures[signature]["inputs"].items()
    if tensor["dtype"] == "string":
        raise InputError(
            f"{signature} decodes image files, which only TensorFlow does; expected a "
            "signature that takes pixels, such as serving_default. Decode and resize images "
            "before the call."
        )
    return name


def _draw_rows(version: pathlib.Path, signature: str) -> np.ndarray:
    """Returns golden inputs and random rows like them."""
    (rows,) = (
        rows for found, _, rows, _ in fresh_process.golden_requests(version) if found == signature
    )
    random = np.random.default_rng(1)
    shape = (_NUM_ROWS, *rows.shape[1:])
    if rows.dtype == np.uint8:
        more = random.integers(0, 256, shape, dtype=np.uint8)
    elif rows.ndim == 4:
        more = random.random(shape, dtype=np.float32)
    else:
        more = random.standard_normal(shape, dtype=np.float32)
    return np.concatenate([rows, more])


def _compare(reference: Run, converted: Run, rows: np.ndarray, *, tolerance: float) -> list[str]:
    """Returns where two ways to run a model differ, on one row and on all."""
    return [
        problem
        for batch in (rows[:1], rows)
        for problem in _find_differences(reference(batch), converted(batch), tolerance)
    ]


def _find_differences(wanted: dict, found: dict, tolerance: float) -> Iterator[str]:
    if wanted.keys() != found.keys():
        yield f"It returns {sorted(found)}, expected {sorted(wanted)}."
        return
    for key, value in wanted.items():
        if key not in ("class_id", "label"):
            difference = fresh_process.find_difference(found[key], value, tolerance=tolerance)
            if difference:
                yield f"{key}: {difference}."
    if "label" in wanted:
        best = np.sort(wanted["scores"], axis=1)[:, -2:]  # (N, 2)
        sure = best[:, 1] - best[:, 0] > 2 * tolerance
        labels = np.array([_to_text(label) for label in found["label"]])
        expected = np.array([_to_text(label) for label in wanted["label"]])
        if (labels != expected)[sure].any() or (found["class_id"] != wanted["class_id"])[
            sure
        ].any():
            yield "It names another class."


def _to_text(label: bytes | str) -> str:
    return label.decode("utf-8") if isinstance(label, bytes) else label


def _keep(file: pathlib.Path, target: pathlib.Path) -> pathlib.Path:
    """Gives a finished file its name; unlike a rename, a link replaces nothing."""
    try:
        os.link(file, target)
    except FileExistsError as error:
        raise InputError(
            f"Another process wrote {target} in the meantime; that file is kept."
        ) from error
    return target


def _write_onnx(version: pathlib.Path, signature: str, file: pathlib.Path) -> None:
    command = [sys.executable, "-P", "-m", "tf2onnx.convert"]
    command += ["--saved-model", str(version), "--signature_def", signature, "--output", str(file)]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    finished = subprocess.run(command, env=environment, capture_output=True, text=True)
    if finished.returncode or not file.exists():
        if (number := read_number(finished.stderr)) is not None:
            raise OSError(number, os.strerror(number))
        last = " ".join(finished.stderr.splitlines()[-3:])
        raise InputError(f"tf2onnx cannot convert {version}, so no file was kept. {last}")


def _read_onnx(file: pathlib.Path, signature: str) -> Run:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    (entry,) = session.get_inputs()
    names = [output.name for output in session.get_outputs()]
    return lambda rows: dict(zip(names, session.run(names, {entry.name: rows}), strict=True))


def _write_litert(version: pathlib.Path, signature: str, file: pathlib.Path) -> None:
    import tensorflow as tf

    try:
        converter = tf.lite.TFLiteConverter.from_saved_model(
            str(version), signature_keys=[signature]
        )
        converted = converter.convert()
    except Exception as error:  # of several kinds, some private to TensorFlow
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"TensorFlow cannot convert {version} to LiteRT, so no file was kept. {reason}"
        ) from error
    file.write_bytes(converted)


def _read_litert(file: pathlib.Path, signature: str) -> Run:
    from ai_edge_litert.interpreter import Interpreter

    run = Interpreter(str(file)).get_signature_runner(signature)
    ((name, _),) = run.get_input_details().items()
    return lambda rows: run(**{name: rows})


FORMATS = {
    "onnx": Format(".onnx", ("tf2onnx", "onnxruntime"), _write_onnx, _read_onnx),
    "litert": Format(".tflite", ("ai_edge_litert",), _write_litert, _read_litert),
}
