import os

import numpy as np
import pytest

from tfzero.common.checks import InputError
from tfzero.common.files import atomic_file, is_whole_archive, read_json, write_arrays, write_json
from tfzero.common.version import stamp
from tfzero.study.records import RunFolder
from tfzero.study.work.scores import calibration_error, score_probabilities


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "record.json"
    write_json(path, {"whole": 1})
    with pytest.raises(RuntimeError), atomic_file(path) as file:
        file.write(b"half")
        raise RuntimeError("killed")
    assert read_json(path) == stamp({"whole": 1})
    assert os.listdir(tmp_path) == ["record.json"]


def test_numbers_that_json_has_not_are_refused_rather_than_written(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "record.json", {"loss": float("nan")})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("content", ["", '{"half":', "[1, 2", "[1, 2]", "null"])
def test_an_unreadable_record_counts_as_missing(tmp_path, content):
    run = RunFolder(tmp_path / "run")
    run.create()
    (run.cells / "key.json").write_text(content)
    write_arrays(run.cells / "key.npz", probabilities=np.eye(2, dtype=np.float32))
    assert run.read_cell("key") is None


def test_a_record_without_its_probabilities_counts_as_missing(tmp_path):
    run = RunFolder(tmp_path / "run")
    run.create()
    write_json(run.cells / "key.json", {"result": {}})
    assert run.read_cell("key") is None
    write_arrays(run.cells / "key.npz", probabilities=np.eye(2, dtype=np.float32))
    assert run.read_cell("key") == stamp({"result": {}})
    assert run.read_probabilities("key").tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize("keep", [0, 20, 0.5, 0.99])
def test_a_record_whose_probabilities_are_cut_short_counts_as_missing(tmp_path, keep):
    run = RunFolder(tmp_path / "run")
    run.create()
    write_json(run.cells / "key.json", {"result": {}})
    path = run.cells / "key.npz"
    write_arrays(path, probabilities=np.random.default_rng(0).random((50, 3), np.float32))
    assert run.read_cell("key") is not None and is_whole_archive(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: keep if isinstance(keep, int) else int(keep * len(whole))])
    assert run.read_cell("key") is None and not is_whole_archive(path)


def test_a_record_whose_probabilities_have_a_wrong_byte_counts_as_missing(tmp_path):
    run = RunFolder(tmp_path / "run")
    run.create()
    write_json(run.cells / "key.json", {"result": {}})
    path = run.cells / "key.npz"
    write_arrays(path, probabilities=np.random.default_rng(0).random((50, 3), np.float32))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    assert run.read_cell("key") is None and not is_whole_archive(path)


def test_a_folder_that_cannot_be_made_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="Choose another folder with `out`"):
        RunFolder(tmp_path / "file" / "run").create()


def test_scores_by_hand():
    probabilities = np.array([[0.8, 0.2], [0.4, 0.6], [0.9, 0.1], [0.3, 0.7]], np.float32)
    scores = score_probabilities(probabilities, np.array([0, 1, 1, 1]))
    assert scores["accuracy"] == 0.75
    expected = -np.mean(np.log([0.8, 0.6, 0.1, 0.7]))
    assert scores["negative_log_likelihood"] == pytest.approx(expected, rel=1e-6)
    # Class 0: precision 1/2, recall 1; class 1: precision 1, recall 2/3.
    assert scores["macro_f1"] == pytest.approx((2 / 3 + 0.8) / 2)


def test_a_sure_mistake_costs_much_but_not_everything():
    probabilities = np.array([[1.0, 0.0]], np.float32)
    score = score_probabilities(probabilities, np.array([1]))["negative_log_likelihood"]
    assert score == pytest.approx(-np.log(1e-7))


def test_calibration_error_by_hand():
    # Bin of 0.95: gap |0.95 - 0.5| on two images; bin of 0.55: gap |0.55 - 1| on one.
    confidence = np.array([0.95, 0.95, 0.55])
    right = np.array([True, False, True])
    assert calibration_error(confidence, right) == pytest.approx((2 * 0.45 + 0.45) / 3)
    assert calibration_error(np.array([1.0, 1.0]), np.array([True, True])) == 0.0
