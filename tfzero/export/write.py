"""Writes one version: graph, weights, labels, golden pair, warm-up requests, specification."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import pathlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfzero.common.files import sentence_for
from tfzero.common.version import KEY, __version__
from tfzero.export import fresh_process, layout
from tfzero.export.canonical import make_canonical
from tfzero.export.graph import Serving

SCHEMA_VERSION = 1
# Servers call with one row and with small batches; both shapes are compiled at start.
_WARMUP_BATCHES = (1, 4)


@dataclasses.dataclass(frozen=True)
class Contents:
    """What a version will hold.

    Attributes:
        kind: "classifier", "encoder" or "generator".
        models: The networks inside; the first one answers.
        signatures: `tf.function` by name, each of one input.
        inputs: Golden inputs.
        outputs: What the models make of them, by name.
        spec: What `model_spec.json` says beyond what every version has.
        class_names: Names for `assets/labels.txt`; None writes no such file.
        clips: int16 samples of which the golden inputs are the images; None for pictures.
    """

    kind: str
    models: list[keras.Model]
    signatures: dict[str, tf.types.experimental.PolymorphicFunction]
    inputs: np.ndarray
    outputs: dict[str, np.ndarray]
    spec: dict
    class_names: list[str] | None = None
    clips: np.ndarray | None = None


def write_version(contents: Contents, base: pathlib.Path) -> pathlib.Path:
    """Publishes the next version in `base`, after it was loaded again and gave the same answers.

    Returns:
        The folder of the new version, or of the newest one if that is already identical.

    Raises:
        RuntimeError: If what was written does not reproduce the model. Nothing is published.
        StopError: If the system cannot write it. Nothing is published.
    """
    with (
        sentence_for(base),
        layout.open_staging(base) as private,
        layout.plain_path(private) as staging,
    ):
        staged = staging / "version"
        with _neutral_name(contents.models[0], contents.kind):
            traced = {
                name: function.get_concrete_function()
                for name, function in contents.signatures.items()
            }
        _save_graph(contents, traced, staged)
        _write_extras(contents, traced, staged)
        problems = fresh_process.check_operations(staged) + fresh_process.check_graph(staged)
        if problems:
            raise RuntimeError(
                "The exported model does not reproduce the model, so nothing was exported. "
                + " ".join(problems)
            )
        return layout.publish(staged, base)


@contextlib.contextmanager
def _neutral_name(model: keras.Model, kind: str) -> Iterator[None]:
    """Keeps the number out of the graph that Keras gives to the second model of a class."""
    name, model.name = model.name, kind
    try:
        yield
    finally:
        model.name = name


def _save_graph(contents: Contents, traced: dict, staged: pathlib.Path) -> None:
    """Writes graph, weights and labels."""
    labels_file = None
    if contents.class_names is not None:
        labels_file = staged.parent / "labels.txt"
        labels_file.write_text("".join(f"{name}\n" for name in contents.class_names), "utf-8")
    serving = Serving(_list_weights(contents.models, traced), labels_file)
    # Gradients of custom functions (silu) would be saved with copies of the graph.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(serving, str(staged), signatures=traced, options=options)
    # Optional, and stale as soon as the graph is made canonical; it holds a random number.
    (staged / "fingerprint.pb").unlink(missing_ok=True)
    make_canonical(staged / layout.GRAPH_FILE)


def _list_weights(models: list[keras.Model], traced: dict) -> list[tf.Variable]:
    """Returns the variables that answers need, the models' own ones first and in their order.

    Not all of the models': nobody serves the seeds that only training reads.
    """
    used = {id(v): v for function in traced.values() for v in function.graph.variables}
    known = [weight.value for model in models for weight in model.weights]
    ordered = {id(v): v for v in known if id(v) in used}
    others = sorted((v for v in used.values() if id(v) not in ordered), key=lambda v: v.name)
    return [*ordered.values(), *others]


def _write_extras(contents: Contents, traced: dict, staged: pathlib.Path) -> None:
    """Writes the specification, golden pair and warm-up requests, and last the checksums."""
    folder = staged / fresh_process.GOLDEN
    (folder / "outputs").mkdir(parents=True)
    np.save(folder / "inputs.npy", contents.inputs, allow_pickle=False)
    if contents.clips is not None:
        np.save(staged / fresh_process.GOLDEN_CLIPS, contents.clips, allow_pickle=False)
    for name, array in contents.outputs.items():
        np.save(folder / "outputs" / f"{name}.npy", array, allow_pickle=False)
    spec = {
        "schema_version": SCHEMA_VERSION,
        "kind": contents.kind,
        **contents.spec,
        "signatures": {name: _describe(function) for name, function in traced.items()},
        "versions": {
            KEY: __version__,
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
        },
    }
    _write_spec(staged, spec)
    _write_warmup(staged)
    _write_spec(staged, {**spec, "sha256": fresh_process.checksum_files(staged)})


def _write_spec(staged: pathlib.Path, spec: dict) -> None:
    text = json.dumps(spec, indent=2, ensure_ascii=False, sort_keys=True)
    (staged / fresh_process.SPEC_FILE).write_text(text + "\n", "utf-8")


def _describe(function: Any) -> dict:
    """Returns name, type and shape of the input and outputs of a concrete function."""
    (spec,), _ = function.structured_input_signature
    tensors = {"inputs": {spec.name: spec}, "outputs": function.structured_outputs}
    return {
        side: {
            name: {"dtype": tensor.dtype.name, "shape": tensor.shape.as_list()}
            for name, tensor in named.items()
        }
        for side, named in tensors.items()
    }


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
