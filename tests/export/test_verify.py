from __future__ import annotations

import json
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tfzero.common.checks import InputError
from tfzero.export import fresh_process, verify_savedmodel

REPOSITORY = pathlib.Path(__file__).parents[2]


@pytest.fixture
def copied(version, tmp_path):
    return shutil.copytree(version, tmp_path / "shoes/1")


def accept_checksums(version):
    """Makes a changed version look as if it had been exported so."""
    spec = json.loads((version / fresh_process.SPEC_FILE).read_text("utf-8"))
    spec["sha256"] = fresh_process.checksum_files(version)
    (version / fresh_process.SPEC_FILE).write_text(json.dumps(spec), "utf-8")


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_good_version_in_a_fresh_process(version):
    assert verify_savedmodel(version.parent) == []


@pytest.mark.slow
def test_a_fresh_process_finds_a_tampered_file(copied):
    flip_a_byte(copied / "variables/variables.data-00000-of-00001")
    (problem,) = verify_savedmodel(copied)
    assert problem.startswith("variables/variables.data-00000-of-00001 has changed since export")


def test_the_fresh_process_can_import_neither_tfzero_nor_keras(tmp_path):
    script = (
        "import runpy, sys\n"
        f"sys.argv[1:] = [{str(tmp_path)!r}]\n"
        f"runpy.run_path({fresh_process.__file__!r}, run_name='__main__')\n"
        "for name in ('tfzero', 'keras', 'keras.layers'):\n"
        "    try:\n"
        "        __import__(name)\n"
        "    except ModuleNotFoundError:\n"
        "        print('hidden', name)\n"
    )
    command = [sys.executable, "-c", script]
    finished = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=True)
    hidden = [line for line in finished.stdout.splitlines() if line.startswith("hidden")]
    assert hidden == ["hidden tfzero", "hidden keras", "hidden keras.layers"]


def test_files_that_are_missing_or_added(copied):
    (copied / "assets/labels.txt").unlink()
    (copied / "assets/more.txt").write_text("")
    assert fresh_process.check_version(copied) == [
        "assets/labels.txt is missing.",
        "assets/more.txt was added after export.",
    ]


def test_specification_that_cannot_be_read(copied):
    (copied / fresh_process.SPEC_FILE).write_text("{")
    (problem,) = fresh_process.check_version(copied)
    assert "model_spec.json cannot be read" in problem


@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")
def test_other_scores_than_at_export(copied):
    path = copied / fresh_process.GOLDEN / "outputs/scores.npy"
    np.save(path, np.load(path) + np.float32(5e-5))
    accept_checksums(copied)
    problems = fresh_process.check_version(copied)
    for loader in ("tf.saved_model.load", "session loader"):
        for name in ("serving_default", "serving_float", "serving_bytes"):
            assert any(
                problem.startswith(f"{loader}: {name} returns other scores") for problem in problems
            )
    assert len(problems) == 6


def test_a_failing_warmup_request(copied):
    message = fresh_process.prediction_log()()
    request = message.predict_log.request
    request.model_spec.signature_name = "serving_default"
    tensor = tf.make_tensor_proto(np.zeros((1, 3, 3, 1), np.uint8))
    request.inputs.add(key="image", value=tensor.SerializeToString())
    with tf.io.TFRecordWriter(str(copied / fresh_process.WARMUP_FILE)) as writer:
        writer.write(message.SerializeToString())
    (problem,) = fresh_process.check_graph(copied)
    assert problem.startswith(
        "Warm-up after 1 requests: InvalidArgumentError: Shape of tensor image"
    )


def test_a_graph_that_reads_files_is_not_run(copied, monkeypatch):
    module = tf.Module()
    module.read = tf.function(tf.io.read_file, input_signature=[tf.TensorSpec([], tf.string)])
    tf.saved_model.save(module, str(copied.parent / "2"))
    shutil.copy(copied.parent / "2/saved_model.pb", copied / "saved_model.pb")
    accept_checksums(copied)
    monkeypatch.setattr(fresh_process, "object_runner", lambda directory: pytest.fail("was run"))
    assert fresh_process.check_version(copied) == ["The graph contains the operation ReadFile."]


def test_what_is_no_savedmodel(tmp_path):
    with pytest.raises(InputError, match="holds no SavedModel"):
        verify_savedmodel(tmp_path)


def test_differences_count_relative_to_the_largest_value_of_an_image():
    wanted = np.array([[20.0, 0.1], [0.5, 0.2]], np.float32)
    small = np.array([[0, 1e-4], [0, 0]], np.float32)
    # Rounding in a deep network moves small features as far as large ones.
    assert fresh_process.find_difference(wanted + small, wanted) == ""
    for moved, off in ((6 * small, "off by 3e-05"), (small[::-1, ::-1] / 2, "off by 5e-05")):
        assert off in fresh_process.find_difference(wanted + moved, wanted)
    broken = wanted.copy()
    broken[1, 1] = np.nan
    assert "off by nan" in fresh_process.find_difference(broken, wanted)
    assert fresh_process.find_difference(wanted[:0], wanted[:0]) == ""
    assert "shape (1, 2), expected (2, 2)" in fresh_process.find_difference(wanted[:1], wanted)
