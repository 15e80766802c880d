from __future__ import annotations

import json
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.export.conftest import CLASS_NAMES, SHAPE, build_model, encode
from tfzero.common.checks import InputError
from tfzero.export import export_savedmodel, fresh_process, layout

REPOSITORY = pathlib.Path(__file__).parents[2]
EXPORT_SCRIPT = """
import sys
import tensorflow as tf
from tests.export.conftest import CLASS_NAMES, build_model
from tfzero.export import export_savedmodel
for number in range(int(sys.argv[3])):
    tf.function(lambda x: x + number)(tf.constant(0))
model = build_model(seed=int(sys.argv[2]))
print(export_savedmodel(model, sys.argv[1], class_names=CLASS_NAMES))
"""
LOAD_SCRIPT = """
import sys
for name in ("tfzero", "keras", "tf_keras"):
    sys.modules[name] = None
import numpy as np
import tensorflow as tf
serve = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
np.save(sys.argv[3], serve(image=tf.constant(np.load(sys.argv[2])))["scores"].numpy())
"""


def start(script, *arguments, **environment):
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    return output


def softmax_model(**options):
    inputs = keras.Input((8, 8, 1))
    outputs = keras.layers.Dense(3, **options)(keras.layers.Flatten()(inputs))
    return keras.Model(inputs, outputs)


def test_layout(version):
    assert version.name == "1"
    assert sorted(entry.name for entry in version.parent.iterdir()) == ["1"]
    assert layout.list_files(version) == [
        "assets.extra/golden/inputs.npy",
        "assets.extra/golden/outputs/features.npy",
        "assets.extra/golden/outputs/scores.npy",
        "assets.extra/model_spec.json",
        "assets.extra/tf_serving_warmup_requests",
        "assets/labels.txt",
        "saved_model.pb",
        "variables/variables.data-00000-of-00001",
        "variables/variables.index",
    ]
    assert (version / "assets/labels.txt").read_text("utf-8").splitlines() == CLASS_NAMES
    for path in [version, *version.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o755 if path.is_dir() else 0o644)


def test_specification(version):
    spec = json.loads((version / "assets.extra/model_spec.json").read_text("utf-8"))
    assert spec["image_shape"] == list(SHAPE)
    assert spec["kind"] == "classifier"
    assert spec["class_names"] == CLASS_NAMES
    assert spec["signatures"]["serving_bytes"] == {
        "inputs": {"image_bytes": {"dtype": "string", "shape": [None]}},
        "outputs": {
            "scores": {"dtype": "float32", "shape": [None, 3]},
            "class_id": {"dtype": "int32", "shape": [None]},
            "label": {"dtype": "string", "shape": [None]},
        },
    }
    assert spec["notes"] == {"accuracy": 0.9, "study": {"seeds": 5}}
    assert spec["versions"]["tensorflow"] == tf.__version__
    assert set(spec["sha256"]) == set(layout.list_files(version)) - {"assets.extra/model_spec.json"}


@pytest.mark.parametrize("name", ["serving_default", "serving_float", "serving_bytes"])
def test_signatures_give_the_model_s_probabilities(signatures, images, expected, name):
    if name == "serving_bytes":
        encoded = [encode(image[..., 0]) for image in images]
        outputs = signatures[name](image_bytes=tf.constant(encoded))
    else:
        scaled = images.astype(np.float32) / 255 if name == "serving_float" else images
        outputs = signatures[name](image=tf.constant(scaled))
    np.testing.assert_allclose(outputs["scores"], expected, atol=1e-5)
    best = expected.argmax(axis=1)
    assert len(set(best)) > 1
    assert outputs["class_id"].dtype == tf.int32
    np.testing.assert_array_equal(outputs["class_id"], best)
    assert [label.decode() for label in outputs["label"].numpy()] == [CLASS_NAMES[k] for k in best]


def test_features(signatures, model, images):
    found = signatures["features"](image=tf.constant(images))["features"]
    wanted = model.encoder(tf.constant(images.astype(np.float32) / 255), training=False)
    np.testing.assert_allclose(found, wanted, atol=1e-5, rtol=1e-5)


def test_a_process_without_keras_gives_the_same(version, images, expected, tmp_path):
    np.save(tmp_path / "images.npy", images)
    finish(start(LOAD_SCRIPT, version, tmp_path / "images.npy", tmp_path / "scores.npy"))
    np.testing.assert_allclose(np.load(tmp_path / "scores.npy"), expected, atol=1e-5)


def test_weights_are_stored_once(version, model):
    data = (version / "variables/variables.data-00000-of-00001").stat().st_size
    used = [weight for weight in model.weights if weight is not model.unused]
    weights = sum(weight.numpy().nbytes for weight in used)
    assert weights <= data <= 1.1 * weights


def test_no_trace_of_this_machine(version):
    local = [str(version.parents[2]), str(REPOSITORY), str(pathlib.Path.home()) + "/", ".staging"]
    for path in filter(pathlib.Path.is_file, version.rglob("*")):
        content = path.read_bytes()
        assert not [trace for trace in [*local, ".py"] if trace.encode() in content], path


def test_identical_model_is_not_published_again(model, version, tmp_path):
    for number in range(3):  # whatever the process traced before must not matter
        tf.function(lambda x, n=number: x + n)(tf.constant(0))
    notes = {"accuracy": 0.9, "study": {"seeds": 5}}
    base = shutil.copytree(version.parent, tmp_path / "shoes")
    for same in (model, build_model()):  # Keras names the second one with_encoder_1
        assert export_savedmodel(same, base, class_names=CLASS_NAMES, notes=notes) == base / "1"
    assert layout.list_versions(base) == [base / "1"]


def test_changed_model_is_published_as_the_next_version(tmp_path):
    model = softmax_model(activation="softmax")
    (tmp_path / "7").mkdir()  # taken, if only by an empty folder
    first = export_savedmodel(model, tmp_path)
    assert first == tmp_path / "8"
    before = {name: (first / name).read_bytes() for name in layout.list_files(first)}
    model.set_weights([weights + 0.1 for weights in model.get_weights()])
    assert export_savedmodel(model, tmp_path) == tmp_path / "9"
    assert {name: (first / name).read_bytes() for name in layout.list_files(first)} == before
    assert "features" not in tf.saved_model.load(str(first)).signatures


def test_losing_a_race_takes_the_next_number(tmp_path, monkeypatch):
    staged = tmp_path / ".staging-x/version"
    staged.mkdir(parents=True)
    (staged / "file").write_text("ours")
    rename, calls = os.rename, []

    def slow_rename(source, target):
        calls.append(target)
        if len(calls) == 1:  # somebody else is faster
            pathlib.Path(target).mkdir()
            (pathlib.Path(target) / "file").write_text("theirs")
        rename(source, target)

    monkeypatch.setattr(os, "rename", slow_rename)
    assert layout.publish(staged, tmp_path) == tmp_path / "2"
    assert (tmp_path / "1/file").read_text() == "theirs"
    assert (tmp_path / "2/file").read_text() == "ours"


PUBLISH_SCRIPT = """
import os, pathlib, signal, sys
from tfzero.export import layout
base, content, killed = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "killed"
with layout.open_staging(base) as staging:
    (staging / "version").mkdir()
    (staging / "version/saved_model.pb").write_text(content)
    if killed:
        os.rename = lambda *paths: os.kill(os.getpid(), signal.SIGKILL)
    layout.publish(staging / "version", base)
"""


def test_many_at_once_get_a_version_each(tmp_path):
    running = [start(PUBLISH_SCRIPT, tmp_path, number, "") for number in range(6)]
    [finish(process) for process in running]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == list("123456")
    contents = {(tmp_path / name / "saved_model.pb").read_text() for name in "123456"}
    assert contents == set("012345")


def test_a_killed_exporter_leaves_nothing_visible(tmp_path):
    process = start(PUBLISH_SCRIPT, tmp_path, "half", "killed")
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".staging-")  # no number, so servers overlook it
    assert layout.list_versions(tmp_path) == []
    finish(start(PUBLISH_SCRIPT, tmp_path, "whole", ""))
    assert layout.find_version(tmp_path) == tmp_path / "1"


def test_nothing_is_published_that_does_not_reproduce_the_model(tmp_path, monkeypatch):
    save = tf.saved_model.save

    def save_others(module, *arguments, **options):
        module.weights[0].assign(2 * module.weights[0])
        save(module, *arguments, **options)

    monkeypatch.setattr(tf.saved_model, "save", save_others)
    with pytest.raises(RuntimeError, match="nothing was exported.*serving_default returns other"):
        export_savedmodel(softmax_model(activation="softmax"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_leftovers_of_killed_exporters_are_swept(tmp_path):
    for name, age in [(".staging-old", 2 * 3600), (".staging-new", 60)]:
        (tmp_path / name).mkdir()
        then = time.time() - age
        os.utime(tmp_path / name, (then, then))
    with layout.open_staging(tmp_path) as staging:
        assert {entry.name for entry in tmp_path.iterdir()} == {".staging-new", staging.name}
    assert layout.list_versions(tmp_path) == []


def field(number, payload):
    assert len(payload) < 128
    return bytes([number << 3 | 2, len(payload)]) + payload


def test_warmup_record_is_what_tensorflow_serving_reads():
    message = fresh_process.prediction_log()()
    request = message.predict_log.request
    request.model_spec.signature_name = "serving_default"
    request.inputs.add(key="image", value=b"tensor")
    spec, entry = field(3, b"serving_default"), field(1, b"image") + field(2, b"tensor")
    by_hand = field(6, field(1, field(1, spec) + field(2, entry)))
    assert message.SerializeToString() == by_hand


def test_warmup_covers_every_signature(version):
    records = tf.data.TFRecordDataset(str(version / fresh_process.WARMUP_FILE))
    logs = [fresh_process.prediction_log().FromString(r.numpy()) for r in records]
    names = [log.predict_log.request.model_spec.signature_name for log in logs]
    offered = ["serving_default", "serving_float", "serving_bytes", "features"]
    assert sorted(names) == sorted(2 * offered)


@pytest.mark.parametrize("channels", [2, 3])
def test_other_channels(tmp_path, channels):
    inputs = keras.Input((8, 8, channels))
    outputs = keras.layers.Dense(2, activation="softmax")(keras.layers.Flatten()(inputs))
    path = export_savedmodel(keras.Model(inputs, outputs), tmp_path)
    offered = tf.saved_model.load(str(path)).signatures
    assert ("serving_bytes" in offered) == (channels == 3)


class NoShape(keras.Model):
    def call(self, images):
        return tf.nn.softmax(tf.reduce_sum(images, axis=(1, 2)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"class_names": ["a", "b"]}, "2 names.*3 outputs"),
        ({"class_names": ["a", "b", "a"]}, "'a' twice"),
        ({"class_names": ["a", "b", "c\nd"]}, "one line each"),
        ({"class_names": "abc"}, "expected a list"),
        ({"image_shape": (8, 8)}, "expected a fixed"),
        ({"image_shape": (9, 9, 1)}, "cannot be called on an input of shape"),
        ({"notes": {"accuracy": float("nan")}}, "notes cannot be written"),
        ({"notes": {"accuracy": np.float32(1)}}, "notes cannot be written"),
    ],
)
def test_arguments_are_checked(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        export_savedmodel(softmax_model(activation="softmax"), tmp_path / "base", **options)
    assert not (tmp_path / "base").exists()


@pytest.mark.parametrize("activation", [None, "sigmoid"])
def test_outputs_must_be_probabilities(tmp_path, activation):
    with pytest.raises(InputError, match="from_logits=True.*end it with a softmax"):
        export_savedmodel(softmax_model(activation=activation), tmp_path)


def test_model_without_a_shape(tmp_path):
    with pytest.raises(InputError, match="image_shape="):
        export_savedmodel(NoShape(), tmp_path)
    assert export_savedmodel(NoShape(), tmp_path, image_shape=(8, 8, 3)).name == "1"


def test_base_must_hold_versions(version, model, tmp_path):
    with pytest.raises(InputError, match="is itself a SavedModel"):
        export_savedmodel(model, version)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="Cannot write to"):
        export_savedmodel(model, tmp_path / "file")


def test_importing_the_package_is_light():
    script = "import sys, tfzero.export; print('tensorflow' in sys.modules)"
    assert finish(start(script)).strip() == "False"


@pytest.mark.slow
def test_two_processes_write_the_same_bytes(tmp_path):
    first = start(EXPORT_SCRIPT, tmp_path / "a", 0, 0, PYTHONHASHSEED="1")
    second = start(EXPORT_SCRIPT, tmp_path / "b", 0, 60, PYTHONHASHSEED="2")
    finish(first), finish(second)
    assert layout.list_files(tmp_path / "a/1")
    assert layout.same_files(tmp_path / "a/1", tmp_path / "b/1")


@pytest.mark.slow
def test_concurrent_exporters_get_two_versions(tmp_path):
    running = [start(EXPORT_SCRIPT, tmp_path, seed, 0) for seed in (1, 2)]
    published = {pathlib.Path(finish(process).split()[-1]).name for process in running}
    assert published == {"1", "2"}
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["1", "2"]
