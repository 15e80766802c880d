"""Checks one exported version with nothing but TensorFlow and NumPy.

`verify_savedmodel` runs this file by its path in a fresh process, where neither tfzero nor
Keras can be imported; `export_savedmodel` calls the same checks before it publishes. It
therefore imports nothing of tfzero.
"""

from __future__ import annotations

import hashlib
import io
import json
import pathlib
import re
import sys
import wave
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

EXTRA = "assets.extra"
SPEC_FILE = f"{EXTRA}/model_spec.json"
GOLDEN = f"{EXTRA}/golden"
# Samples of which the golden inputs are the images, where a model was trained on sound.
GOLDEN_CLIPS = f"{GOLDEN}/clips.npy"
# The name is TensorFlow Serving's.
WARMUP_FILE = f"{EXTRA}/tf_serving_warmup_requests"
TOLERANCE = 1e-5
# A picture of a phone has 12 to 50 million pixels.
MAX_PIXELS = 50_000_000
HIDDEN_PACKAGES = ("tfzero", "keras", "tf_keras")
# What a classifier never needs: reading and writing files, and running Python.
FORBIDDEN_OPS = frozenset(
    """ReadFile WriteFile MatchingFiles DeleteFile RenameFile CopyFile PrintV2 Print
    PyFunc PyFuncStateless EagerPyFunc ImmutableConst WholeFileReader WholeFileReaderV2
    TextLineReader TextLineReaderV2 TFRecordReader TFRecordReaderV2 TextLineDataset
    TFRecordDataset TFRecordDatasetV2 FixedLengthRecordDataset FixedLengthRecordDatasetV2
    InitializeTableFromTextFile InitializeTableFromTextFileV2 SaveDataset SaveDatasetV2
    LoadDataset DatasetToTFRecord""".split()
)


def hide_packages() -> None:
    """Makes importing tfzero or Keras fail in this process.

    A finder that raises would not do: TensorFlow asks `find_spec("keras")` when it is imported,
    which an entry None answers as if Keras were not installed.
    """
    for name in HIDDEN_PACKAGES:
        sys.modules[name] = None  # type: ignore[assignment]


def checksum_files(directory: pathlib.Path) -> dict[str, str]:
    """Returns the SHA-256 of every file but the specification, which holds this list.

    `fingerprint.pb` is left out, too: where some tool adds it, a random number is in it.
    """
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    names = [path.relative_to(directory).as_posix() for path in files]
    return {
        name: hashlib.sha256((directory / name).read_bytes()).hexdigest()
        for name in names
        if name not in (SPEC_FILE, "fingerprint.pb")
    }


def read_spec(directory: pathlib.Path) -> dict:
    """Returns what `model_spec.json` says."""
    return json.loads((directory / SPEC_FILE).read_text("utf-8"))


def check_files(directory: pathlib.Path) -> list[str]:
    """Compares the files with the checksums in `model_spec.json`."""
    try:
        expected = read_spec(directory)["sha256"]
    except (OSError, ValueError, KeyError) as error:
        return [f"{SPEC_FILE} cannot be read ({error}); export the model again."]
    found = checksum_files(directory)
    problems = [f"{name} is missing." for name in sorted(expected.keys() - found.keys())]
    problems += [f"{name} was added after export." for name in sorted(found.keys() - expected)]
    problems += [
        f"{name} has changed since export (SHA-256 {found[name][:12]}..., "
        f"expected {expected[name][:12]}...)."
        for name in sorted(expected.keys() & found.keys())
        if found[name] != expected[name]
    ]
    return problems


def check_operations(directory: pathlib.Path) -> list[str]:
    """Looks for operations that touch files or run Python, before anything is loaded."""
    from tensorflow.core.protobuf import saved_model_pb2

    try:
        content = (directory / "saved_model.pb").read_bytes()
        saved = saved_model_pb2.SavedModel.FromString(content)
    except Exception as error:  # protobuf's DecodeError depends on its backend
        return [f"saved_model.pb cannot be read: {error}"]
    found = set()
    for meta_graph in saved.meta_graphs:
        found |= {node.op for node in meta_graph.graph_def.node}
        for function in meta_graph.graph_def.library.function:
            found |= {node.op for node in function.node_def}
    return [f"The graph contains the operation {name}." for name in sorted(found & FORBIDDEN_OPS)]


def golden_requests(directory: pathlib.Path) -> Iterator[tuple[str, str, np.ndarray, dict]]:
    """Yields signature, input name, input and expected outputs of the stored golden pair."""
    folder = directory / GOLDEN
    inputs = np.load(folder / "inputs.npy", allow_pickle=False)
    expected = {
        path.stem: np.load(path, allow_pickle=False) for path in (folder / "outputs").glob("*.npy")
    }
    spec, clips = read_spec(directory), None
    if spec.get("sound"):
        clips = _encode_clips(np.load(directory / GOLDEN_CLIPS), spec["sound"]["rate"])
    for signature, described in spec["signatures"].items():
        ((name, tensor),) = described["inputs"].items()
        wanted = {key: expected[key] for key in described["outputs"] if key in expected}
        if clips is not None and tensor["dtype"] == "string":
            yield signature, name, clips, wanted
        else:
            value = _encode_inputs(inputs, tensor["dtype"], spec.get("file_range"))
            yield signature, name, value, wanted


def _encode_clips(clips: np.ndarray, rate: int) -> np.ndarray:
    """Returns int16 samples `(N, S)` as WAV files."""
    files = []
    for clip in clips:
        content = io.BytesIO()
        with wave.open(content, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(clip.astype("<i2").tobytes())
        files.append(content.getvalue())
    return np.array(files, dtype=object)


def store_values(images: np.ndarray, file_range: Sequence[float]) -> np.ndarray:
    """Returns what files have, of which uint8 images became by scaling a range to 0..255.

    Where the range has fewer values, of several levels the nearest.
    """
    low, high = file_range
    values = np.rint(low + images / 255.0 * (high - low))
    kind = np.uint8 if high <= 255 else np.uint16
    return np.clip(values, max(0, np.ceil(low)), max(0, np.floor(high))).astype(kind)


def _encode_inputs(
    inputs: np.ndarray, dtype: str, file_range: Sequence[float] | None
) -> np.ndarray:
    """Returns golden inputs (images uint8, or latents) in the form that a signature takes."""
    import tensorflow as tf

    if dtype == "string":
        inputs = inputs if file_range is None else store_values(inputs, file_range)
        return np.array([tf.io.encode_png(image).numpy() for image in inputs], dtype=object)
    if dtype == "float32" and inputs.dtype == np.uint8:
        return inputs.astype(np.float32) / np.float32(255)
    return inputs


def check_golden(
    requests: Iterable, run: Callable, *, class_names: list[str] | None, loader: str
) -> list[str]:
    """Runs every signature on the golden images.

    Args:
        requests: What `golden_requests` yields.
        run: Takes signature, input name and input; returns a mapping of arrays.
        class_names: The names that `label` must give, if there are any.
        loader: What the messages call the way of loading.
    """
    problems = []
    for signature, name, value, expected in requests:
        try:
            outputs = run(signature, name, value)
            problems += [
                f"{loader}: {signature} returns other {key} than at export ({difference})."
                for key, wanted in expected.items()
                if (difference := find_difference(outputs[key], wanted))
            ]
            if class_names and "label" in outputs:
                best = np.argmax(outputs["scores"], axis=1)
                labels = [label.decode("utf-8") for label in outputs["label"]]
                wrong = labels != [class_names[k] for k in best] or any(outputs["class_id"] != best)
                problems += [f"{loader}: {signature} misnames its best class."] if wrong else []
        except Exception as error:  # whatever happens is a finding
            problems.append(f"{loader}: {signature} failed: {_name_reason(error)}")
    return problems


def check_warmup(directory: pathlib.Path, run: Callable) -> list[str]:
    """Replays the warm-up requests; a server refuses a model of which one fails."""
    import tensorflow as tf
    from tensorflow.core.framework import tensor_pb2

    records = tf.data.TFRecordDataset(str(directory / WARMUP_FILE)).as_numpy_iterator()
    count, problems = 0, []
    try:
        for count, record in enumerate(records, start=1):
            request = prediction_log().FromString(record).predict_log.request
            (entry,) = request.inputs
            tensor = tf.make_ndarray(tensor_pb2.TensorProto.FromString(entry.value))
            outputs = run(request.model_spec.signature_name, entry.key, tensor)
            if {len(output) for output in outputs.values()} != {len(tensor)}:
                problems.append(f"Warm-up request {count} returns another number of rows.")
    except Exception as error:  # whatever happens is a finding
        problems.append(f"Warm-up after {count} requests: {_name_reason(error)}")
    return problems + ([] if count else ["The warm-up file holds no request."])


def prediction_log() -> type:
    """Returns the message class `tensorflow.serving.PredictionLog`, as far as we write it.

    Field numbers: tensorflow_serving/apis/prediction_log.proto, predict.proto, model.proto. A
    tensor is declared as bytes and a map as repeated entries, which are the same on the wire.
    """
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    field = descriptor_pb2.FieldDescriptorProto
    messages = {
        "ModelSpec": [("signature_name", 3, "string")],
        "Input": [("key", 1, "string"), ("value", 2, "bytes")],
        "PredictRequest": [("model_spec", 1, "ModelSpec"), ("inputs", 2, "Input")],
        "PredictLog": [("request", 1, "PredictRequest")],
        "PredictionLog": [("predict_log", 6, "PredictLog")],
    }
    scalars = {"string": field.TYPE_STRING, "bytes": field.TYPE_BYTES}
    file = descriptor_pb2.FileDescriptorProto(
        name="prediction_log.proto", package="tensorflow.serving", syntax="proto3"
    )
    for message, fields in messages.items():
        described = file.message_type.add(name=message)
        for name, number, kind in fields:
            added = described.field.add(name=name, number=number)
            added.label = field.LABEL_REPEATED if kind == "Input" else field.LABEL_OPTIONAL
            added.type = scalars.get(kind, field.TYPE_MESSAGE)
            if kind in messages:
                added.type_name = f".tensorflow.serving.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = pool.FindMessageTypeByName("tensorflow.serving.PredictionLog")
    return message_factory.GetMessageClass(found)


def object_runner(directory: pathlib.Path) -> Callable:
    """Loads by `tf.saved_model.load`, on the CPU, where scores do not depend on the device."""
    import tensorflow as tf

    with tf.device("/CPU:0"):
        loaded = tf.saved_model.load(str(directory))

    def run(signature, name, value):
        with tf.device("/CPU:0"):
            outputs = loaded.signatures[signature](**{name: tf.constant(value)})
        return {key: output.numpy() for key, output in outputs.items()}

    return run


def check_session(
    directory: pathlib.Path, requests: Iterable, class_names: list[str] | None
) -> list[str]:
    """Loads as a C++ server does, by the session loader, and runs the golden pair."""
    import tensorflow as tf

    only_cpu = tf.compat.v1.ConfigProto(device_count={"GPU": 0})
    with tf.compat.v1.Session(graph=tf.Graph(), config=only_cpu) as session:
        meta_graph = tf.compat.v1.saved_model.loader.load(session, ["serve"], str(directory))

        def run(signature, name, value):
            found = meta_graph.signature_def[signature]
            outputs = {key: output.name for key, output in found.outputs.items()}
            return session.run(outputs, {found.inputs[name].name: value})

        return check_golden(requests, run, class_names=class_names, loader="session loader")


def check_graph(directory: pathlib.Path) -> list[str]:
    """Runs a version as `tf.saved_model.load` gives it: golden pair and warm-up."""
    class_names = read_spec(directory).get("class_names")
    run = object_runner(directory)
    problems = check_golden(
        golden_requests(directory), run, class_names=class_names, loader="tf.saved_model.load"
    )
    return problems + check_warmup(directory, run)


def check_version(directory: pathlib.Path) -> list[str]:
    """Returns every problem of one version; does not run a graph that was tampered with."""
    problems = check_files(directory) + check_operations(directory)
    if problems:
        return problems
    try:
        class_names = read_spec(directory).get("class_names")
        requests = list(golden_requests(directory))  # eager, so before there is a session
        return check_graph(directory) + check_session(directory, requests, class_names)
    except Exception as error:  # whatever happens is a finding
        return [f"Loading failed: {_name_reason(error)}"]


def find_difference(found: np.ndarray, wanted: np.ndarray, *, tolerance: float = TOLERANCE) -> str:
    """Returns what sets two arrays apart, or '' within the tolerance."""
    if found.shape != wanted.shape:
        return f"shape {found.shape}, expected {wanted.shape}"
    if wanted.dtype == np.uint8:  # another processor may round a pixel the other way
        furthest = int(np.max(np.abs(found.astype(int) - wanted)))
        return "" if furthest <= 1 else f"off by {furthest} of 255, allowed 1"
    # Features may be large: an error counts relative to the largest of an image, because rounding
    # in a deep network moves its small features as far as its large ones.
    values = tuple(range(1, wanted.ndim))
    scale = np.maximum(1.0, np.abs(wanted).max(axis=values, keepdims=True, initial=0.0))
    largest = float(np.max(np.abs(found - wanted) / scale, initial=0.0))
    return "" if largest <= tolerance else f"off by {largest:.2g}, allowed {tolerance:g}"


def find_reason(error: Exception) -> str:
    """Returns what went wrong in one line, without the place in the graph around it."""
    text, placed, _ = str(error).strip().partition("[[")  # "[[{{node Assert}}]]"
    lines = [line.strip() for line in text.splitlines() if line.strip()] or [""]
    reason = re.sub(r"^\(\d+\) \w+: ", "", lines[-1 if placed else 0])
    asserted = re.fullmatch(r"assertion failed: \[(.*)\]", reason)
    return asserted[1] if asserted else reason


def _name_reason(error: Exception) -> str:
    return f"{type(error).__name__}: {find_reason(error)}"


if __name__ == "__main__":
    hide_packages()
    print(json.dumps(check_version(pathlib.Path(sys.argv[1]))))
