"""Writes a Keras classifier as a SavedModel that needs neither Keras nor tfzero."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from tfzero._checks import InputError
from tfzero.export import fresh_process, layout
from tfzero.export.canonical import make_canonical
from tfzero.export.graph import Serving, build_signatures

SCHEMA_VERSION = 1
# Servers call with one image and with small batches; both shapes are compiled at start.
_WARMUP_BATCHES = (1, 4)
_ROW_SUM_TOLERANCE = 1e-3


def export_savedmodel(
    model: keras.Model,
    base: str | os.PathLike,
    *,
    class_names: Sequence[str] | None = None,
    image_shape: tuple[int, int, int] | None = None,
    notes: Mapping | None = None,
) -> pathlib.Path:
    """Publishes a classifier as the next version `base/1`, `base/2`, ... for servers.

    The version appears all at once, after it was loaded again and gave the model's own
    probabilities. One model gives the same bytes wherever and whenever it is exported.

    Args:
        model: Takes float32 images `(N, H, W, C)` in 0..1, returns probabilities `(N, K)`. If
            its attribute `encoder` is a Keras model, a signature `features` is written, too.
        base: Folder that holds the versions of this model.
        class_names: K different names. None gives "0", "1", ...
        image_shape: `(H, W, C)`. None reads it from the model or its encoder.
        notes: Whatever JSON can hold about the model (metrics, study, caveats). It becomes part
            of `assets.extra/model_spec.json`.

    Returns:
        The folder of the new version, or of the newest one if that is already identical.

    Raises:
        InputError: If the model gives no probabilities, or an argument does not fit it.
        RuntimeError: If what was written does not reproduce the model. Nothing is published.
    """
    encoder = getattr(model, "encoder", None)
    encoder = encoder if isinstance(encoder, keras.Model) else None
    shape = _find_image_shape(model, encoder, image_shape)
    golden = _make_golden(model, encoder, shape)
    names = _check_class_names(class_names, golden["scores"].shape[1])
    spec = _describe(shape, names, _check_notes(notes))
    base = pathlib.Path(base)
    with layout.open_staging(base) as staging:
        staged = staging / "version"
        _save_graph(model, encoder, staged, image_shape=shape, class_names=names)
        _write_extras(staged, spec, golden)
        problems = fresh_process.check_operations(staged) + fresh_process.check_graph(staged)
        if problems:
            raise RuntimeError(
                "The exported model does not reproduce the model; nothing was published. "
                + " ".join(problems)
            )
        return layout.publish(staged, base)


def _find_image_shape(
    model: keras.Model, encoder: keras.Model | None, given: tuple[int, int, int] | None
) -> tuple[int, int, int]:
    """Returns `(H, W, C)`, given or read from the model."""
    found = given
    for source in (model, encoder):
        if found is None and source is not None:
            try:
                found = source.input_shape[1:]
            except (AttributeError, TypeError):  # a subclassed model has none
                continue
    shape = tuple(found) if isinstance(found, (tuple, list)) else ()
    if len(shape) != 3 or not all(isinstance(side, (int, np.integer)) for side in shape):
        raise InputError(
            f"The model takes images of shape {found}; expected a fixed (height, width, "
            "channels). Give it: export_savedmodel(..., image_shape=(28, 28, 1))."
        )
    if min(shape) < 1:
        raise InputError(f"image_shape is {shape}; expected three positive numbers.")
    height, width, channels = (int(side) for side in shape)
    return height, width, channels


def _make_golden(
    model: keras.Model, encoder: keras.Model | None, image_shape: tuple[int, int, int]
) -> dict[str, np.ndarray]:
    """Returns fixed images and what the model makes of them; builds a model never called."""
    images = _draw_images(image_shape)
    pixels = images.astype(np.float32) / np.float32(255)
    golden = {"images": images, "scores": _call(model, pixels, "The model")}
    _check_probabilities(golden["scores"])
    if encoder is not None:
        golden["features"] = _call(encoder, pixels, "The model's encoder")
    return golden


def _draw_images(image_shape: tuple[int, int, int]) -> np.ndarray:
    """Returns uint8 `(4, H, W, C)`: fine and coarse noise, bright and dim.

    Different kinds, because a trained model may be certain of one class on any fine noise, which
    would hide an error.
    """
    height, width, channels = image_shape
    random = np.random.default_rng(0)
    images = []
    for cell, brightest in ((1, 256), (4, 256), (4, 96), (max(height, width) // 2 + 1, 256)):
        grid = (-(-height // cell), -(-width // cell), channels)
        noise = random.integers(0, brightest, grid, dtype=np.uint8)
        images.append(noise.repeat(cell, axis=0).repeat(cell, axis=1)[:height, :width])
    return np.stack(images)


def _call(model: keras.Model, pixels: np.ndarray, who: str) -> np.ndarray:
    """Returns float32 `(N, K)` on the CPU, where it depends least on the machine."""
    try:
        with tf.device("/CPU:0"):
            outputs = model(tf.constant(pixels), training=False)
    except Exception as error:
        raise InputError(
            f"{who} cannot be called on images of shape {pixels.shape}: {error} "
            "Give the image_shape (height, width, channels) that it takes."
        ) from error
    if not tf.is_tensor(outputs) or len(outputs.shape) != 2:
        got = f"shape {outputs.shape}" if tf.is_tensor(outputs) else type(outputs).__name__
        raise InputError(f"{who} returns {got}; expected one tensor (N, K).")
    return tf.cast(outputs, tf.float32).numpy()


def _check_probabilities(scores: np.ndarray) -> None:
    """Refuses rows that are no probabilities.

    Raises:
        InputError: If a value is negative or not finite, or a row does not sum to 1.
    """
    sums = scores.sum(axis=1)
    if not (np.abs(sums - 1) <= _ROW_SUM_TOLERANCE).all() or (scores < 0).any():
        raise InputError(
            f"The model's outputs lie in {scores.min():g}..{scores.max():g} and its rows sum to "
            f"{sums.min():g}..{sums.max():g}; expected probabilities that sum to 1. "
            "End the model in a softmax: keras.layers.Dense(K, activation='softmax')."
        )


def _check_class_names(class_names: Sequence[str] | None, count: int) -> list[str]:
    """Returns `count` different names of one line each."""
    if class_names is None:
        return [str(number) for number in range(count)]
    if isinstance(class_names, str) or not all(isinstance(name, str) for name in class_names):
        raise InputError(f"class_names is {class_names!r}; expected a list of {count} strings.")
    names = [str(name) for name in class_names]
    if len(names) != count:
        raise InputError(
            f"class_names has {len(names)} names, but the model has {count} outputs; "
            "expected one name an output, in their order."
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    broken = [name for name in names if not name.strip() or len(name.splitlines()) != 1]
    if twice or broken:
        raise InputError(
            f"class_names holds {(twice or broken)[0]!r}{' twice' if twice else ''}; "
            "expected different names of one line each. Rename it."
        )
    return names


def _check_notes(notes: Mapping | None) -> dict:
    """Returns the notes as JSON gives them back."""
    try:
        return json.loads(json.dumps(dict(notes or {}), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"notes cannot be written as JSON: {error}. Expected a mapping of strings to "
            "numbers, strings, lists and mappings; turn NumPy values into Python ones."
        ) from error


def _describe(image_shape: tuple[int, int, int], class_names: list[str], notes: dict) -> dict:
    """Returns what `model_spec.json` says, but for the checksums."""
    return {
        "schema_version": SCHEMA_VERSION,
        "image_shape": list(image_shape),
        "scaling": "uint8 in 0..255 is divided by 255; floats are taken as they are, in 0..1",
        "resizing": "bilinear with antialiasing, rounded to whole pixel values (serving_bytes)",
        "class_names": class_names,
        "notes": notes,
        "versions": {
            "tfzero": _find_tfzero_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
        },
    }


def _find_tfzero_version() -> str:
    try:
        return importlib.metadata.version("tfzero")
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _save_graph(
    model: keras.Model,
    encoder: keras.Model | None,
    staged: pathlib.Path,
    *,
    image_shape: tuple[int, int, int],
    class_names: list[str],
) -> None:
    """Writes graph, weights and labels."""
    labels_file = staged.parent / "labels.txt"
    labels_file.write_text("".join(f"{name}\n" for name in class_names), "utf-8")
    signatures = build_signatures(
        model, encoder=encoder, image_shape=image_shape, class_names=class_names
    )
    with _neutral_name(model):
        traced = {name: function.get_concrete_function() for name, function in signatures.items()}
    serving = Serving(_list_weights(model, encoder, traced), labels_file)
    # Gradients of custom functions (silu) would be saved with copies of the graph.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(serving, str(staged), signatures=traced, options=options)
    # Optional, and stale as soon as the graph is made canonical; it holds a random number.
    (staged / "fingerprint.pb").unlink(missing_ok=True)
    make_canonical(staged / layout.GRAPH_FILE)


def _list_weights(model: keras.Model, encoder: keras.Model | None, traced: dict) -> list:
    """Returns the variables that answers need, the model's own ones first and in their order.

    Not all of the model's: nobody serves the seeds that only training reads.
    """
    used = {id(v): v for function in traced.values() for v in function.graph.variables}
    known = [weight.value for weight in [*model.weights, *(encoder.weights if encoder else [])]]
    ordered = {id(v): v for v in known if id(v) in used}
    others = sorted((v for v in used.values() if id(v) not in ordered), key=lambda v: v.name)
    return [*ordered.values(), *others]


@contextlib.contextmanager
def _neutral_name(model: keras.Model) -> Iterator[None]:
    """Keeps the number out of the graph that Keras gives to the second model of a class."""
    name, model.name = model.name, "classifier"
    try:
        yield
    finally:
        model.name = name


def _write_extras(staged: pathlib.Path, spec: dict, golden: dict[str, np.ndarray]) -> None:
    """Writes golden pair, warm-up requests and, last, the specification with the checksums."""
    folder = staged / fresh_process.GOLDEN
    folder.mkdir(parents=True)
    for name, array in golden.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    _write_warmup(staged)
    spec = {**spec, "sha256": fresh_process.checksum_files(staged)}
    text = json.dumps(spec, indent=2, ensure_ascii=False, sort_keys=True)
    (staged / fresh_process.SPEC_FILE).write_text(text + "\n", "utf-8")


def _write_warmup(staged: pathlib.Path) -> None:
    """Writes requests that TensorFlow Serving plays before it answers the first user."""
    message = fresh_process.prediction_log()
    with tf.io.TFRecordWriter(str(staged / fresh_process.WARMUP_FILE)) as writer:
        for signature, name, value, _ in fresh_process.golden_requests(staged):
            for batch in _WARMUP_BATCHES:
                record = message()
                request = record.predict_log.request
                request.model_spec.signature_name = signature
                tensor = tf.make_tensor_proto(value[:batch])
                request.inputs.add(key=name, value=tensor.SerializeToString(deterministic=True))
                writer.write(record.SerializeToString(deterministic=True))
