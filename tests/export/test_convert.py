"""Converted files give the answers of the SavedModel, also where TensorFlow is not."""

from __future__ import annotations

import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfzero
from tests.conftest import build_small_encoder
from tests.export.conftest import CLASS_NAMES, build_model
from tfzero import InputError
from tfzero.export import convert, convert_savedmodel

REPOSITORY = pathlib.Path(__file__).parents[2]
EXAMPLE = REPOSITORY / "examples/use_without_tensorflow.py"
# Runs the example where TensorFlow, Keras and tfzero cannot be imported.
WITHOUT_TENSORFLOW = """
import runpy, sys
for name in ("tensorflow", "keras", "tfzero"):
    sys.modules[name] = None
import numpy as np
example, model, images, out = sys.argv[1:]
np.savez(out, **runpy.run_path(example)["main"](model=model, images=images))
"""
PACKAGES = {"onnx": "onnxruntime", "litert": "ai-edge-litert", "openvino": "openvino"}

# TensorFlow's converter uses its own deprecated parts.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def converted(version, tmp_path_factory):
    """The classifier in each format; OpenVINO reads the SavedModel itself."""
    folder = tmp_path_factory.mktemp("converted")
    return {
        "onnx": convert_savedmodel(version, "onnx", out=folder / "shoes.onnx"),
        "litert": convert_savedmodel(version.parent, "litert", out=folder / "shoes.tflite"),
        "openvino": version,
    }


def read_by_example(python, model, images, folder):
    """Returns scores and labels from a process of another Python."""
    np.save(folder / "images.npy", images)
    files = [EXAMPLE, model, folder / "images.npy", folder / "answer.npz"]
    finished = subprocess.run(
        [python, "-c", WITHOUT_TENSORFLOW, *map(str, files)],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "HOME": str(folder)},
    )
    assert finished.returncode == 0, finished.stderr
    with np.load(folder / "answer.npz") as answer:
        return answer["scores"], answer["label"].tolist()


@pytest.mark.parametrize("to", ["onnx", "litert"])
def test_read_in_a_process_without_tensorflow(converted, to, images, expected, tmp_path):
    scores, labels = read_by_example(sys.executable, converted[to], images, tmp_path)
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    assert labels == [CLASS_NAMES[k] for k in expected.argmax(axis=1)]


@pytest.mark.slow
@pytest.mark.parametrize("to", PACKAGES)
def test_read_in_an_environment_without_tensorflow(
    converted, to, images, expected, tmp_path, monkeypatch
):
    """Installs one package from the index that pip is set to, and nothing else."""
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / "bin/python"
    monkeypatch.delenv("PYTHONPATH", raising=False)  # could lead to packages of this one
    subprocess.run([python, "-m", "pip", "install", "-q", PACKAGES[to]], check=True)
    installed = subprocess.run(
        [python, "-m", "pip", "list"], check=True, capture_output=True, text=True
    ).stdout
    assert "tensorflow" not in installed and "keras" not in installed
    scores, labels = read_by_example(python, converted[to], images, tmp_path)
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    assert labels == [CLASS_NAMES[k] for k in expected.argmax(axis=1)]


def test_nothing_but_the_file_is_left_and_it_tells_nothing_of_this_machine(converted):
    folder = converted["onnx"].parent
    assert {path.name for path in folder.iterdir()} == {"shoes.onnx", "shoes.tflite"}
    for path in folder.iterdir():
        content = path.read_bytes()
        for trace in (str(folder), str(REPOSITORY), str(pathlib.Path.home()) + "/"):
            assert trace.encode() not in content


@pytest.mark.parametrize(
    "signature", ["serving_float", pytest.param("features", marks=pytest.mark.slow)]
)
def test_other_signatures(version, signature, tmp_path):
    file = convert_savedmodel(version, "litert", out=tmp_path / "x.tflite", signature=signature)
    run = convert.FORMATS["litert"].read(file, signature)
    rows = np.random.default_rng(0).random((2, 12, 9, 1), np.float32)
    if signature == "features":
        rows = (255 * rows).astype(np.uint8)
    serve = tf.saved_model.load(str(version)).signatures[signature]
    wanted = serve(image=tf.constant(rows))
    for name, value in run(rows).items():
        if name != "label":
            np.testing.assert_allclose(value, wanted[name], rtol=1e-5, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("to", ["onnx", "litert"])
def test_classifiers_and_encoders_in_every_format(version, to, tmp_path):
    vae = tfzero.VAE(build_small_encoder())
    posterior = tfzero.export_encoder(vae.parts()["posterior"], tmp_path / "posterior")
    for directory, signatures in [
        (version, ("serving_default", "serving_float", "features")),
        (posterior, ("serving_default", "serving_float")),
    ]:
        for signature in signatures:
            out = tmp_path / f"{directory.parent.name}-{signature}"
            assert convert_savedmodel(directory, to, out=out, signature=signature) == out


@pytest.mark.slow
def test_a_generator_becomes_every_format(tmp_path):
    generator = tfzero.GAN(build_small_encoder()).parts()["generator"]
    version = tfzero.export_generator(generator, tmp_path / "1")
    for name, to in (("x.onnx", "onnx"), ("x.tflite", "litert")):
        assert convert_savedmodel(version, to, out=tmp_path / name).exists()


@pytest.mark.slow
def test_an_operation_that_a_format_lacks_is_told(tmp_path):
    latents = keras.Input((16,))
    pixels = keras.ops.sigmoid(keras.ops.erfinv(keras.ops.tanh(latents)))  # LiteRT has no erfinv
    generator = keras.Model(latents, keras.layers.Reshape((4, 4, 1))(pixels))
    version = tfzero.export_generator(generator, tmp_path / "1")
    with pytest.raises(InputError, match="TensorFlow cannot convert"):
        convert_savedmodel(version, "litert", out=tmp_path / "x.tflite")


def test_the_default_name_is_that_of_the_version(version, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert convert_savedmodel(version, "litert") == pathlib.Path("shoes-1.tflite")
    before = (tmp_path / "shoes-1.tflite").read_bytes()
    with pytest.raises(InputError, match=r"shoes-1\.tflite exists"):
        convert_savedmodel(version, "litert")
    assert (tmp_path / "shoes-1.tflite").read_bytes() == before


def replace(monkeypatch, to, **parts):
    changed = convert.dataclasses.replace(convert.FORMATS[to], **parts)
    monkeypatch.setitem(convert.FORMATS, to, changed)


@pytest.mark.slow
def test_a_file_that_answers_otherwise_is_not_kept(version, tmp_path, monkeypatch):
    other = tfzero.export_savedmodel(build_model(seed=1), tmp_path / "o", class_names=CLASS_NAMES)
    write = convert.FORMATS["litert"].write
    replace(monkeypatch, "litert", write=lambda _, signature, file: write(other, signature, file))
    out = tmp_path / "x.tflite"
    with pytest.raises(InputError, match=r"not kept\. scores: off by .*, allowed 1e-05"):
        convert_savedmodel(version, "litert", out=out)
    read = convert.FORMATS["litert"].read

    def misname(file, signature):
        run = read(file, signature)
        return lambda rows: {**run(rows), "label": np.roll(run(rows)["label"], 1)}

    replace(monkeypatch, "litert", write=write, read=misname)
    with pytest.raises(InputError, match="It names another class"):
        convert_savedmodel(version, "litert", out=out)
    assert {path.name for path in tmp_path.iterdir()} == {"o"}


def test_a_file_of_somebody_who_was_faster_stays(version, tmp_path, monkeypatch):
    out = tmp_path / "x.tflite"

    def write(version, signature, file):
        convert._write_litert(version, signature, file)
        out.write_text("theirs")

    replace(monkeypatch, "litert", write=write)
    with pytest.raises(InputError, match="Another process wrote"):
        convert_savedmodel(version, "litert", out=out)
    assert out.read_text() == "theirs"


@pytest.mark.parametrize(
    ("to", "converter"),
    [pytest.param("onnx", "tf2onnx", marks=pytest.mark.slow), ("litert", "TensorFlow")],
)
def test_what_a_converter_refuses_is_told(version, tmp_path, monkeypatch, to, converter):
    monkeypatch.setattr(convert, "_find_input", lambda version, signature: "image_bytes")
    with pytest.raises(InputError, match=f"{converter} cannot convert"):
        convert_savedmodel(version, to, out=tmp_path / "x", signature="nothing")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_used(version, tmp_path, monkeypatch):
    out = tmp_path / "x"
    for to, options, message in [
        ("onxx", {}, 'Unknown format "onxx". Did you mean "onnx"'),
        ("onnx", {"signature": "features "}, 'Did you mean "features"'),
        ("onnx", {"signature": "serving_bytes"}, "which only TensorFlow does"),
        ("onnx", {"out": tmp_path / "no/x"}, "does not exist; create it"),
    ]:
        with pytest.raises(InputError, match=message):
            convert_savedmodel(version, to, **{"out": out, **options})
    changed = shutil.copytree(version, tmp_path / "1")
    (changed / "assets/labels.txt").write_text("other")
    with pytest.raises(
        InputError, match=r"differs from what was exported: assets/labels\.txt has changed"
    ):
        convert_savedmodel(changed, "onnx", out=out)
    shutil.rmtree(changed / "assets.extra")
    with pytest.raises(InputError, match="expected a SavedModel that tfzero exported"):
        convert_savedmodel(changed, "onnx", out=out)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r'needs tf2onnx and onnxruntime.*"tfzero\[onnx\]"'):
        convert_savedmodel(version, "onnx", out=out)
    with pytest.raises(InputError, match=r'needs ai_edge_litert.*"tfzero\[litert\]"'):
        convert_savedmodel(version, "litert", out=out)
    assert not out.exists()
