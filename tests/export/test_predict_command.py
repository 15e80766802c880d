"""The options of `tfzero predict`, from the command line to the files that they write."""

from __future__ import annotations

import csv
import json

import PIL.Image
import pytest
from typer.testing import CliRunner

from tests.export.conftest import CLASS_NAMES
from tfzero import cli
from tfzero.common.checks import InputError
from tfzero.export import predict_files


@pytest.fixture
def folder(images, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for number, image in enumerate(images):
        PIL.Image.fromarray(image[..., 0]).save(folder / f"{number}.png")
    return folder


def run(*arguments, code=0):
    result = CliRunner().invoke(cli.app, ["predict", *map(str, arguments)])
    assert result.exit_code == code, (result.output, result.exception)
    return result


def test_table_page_and_marks_agree(version, folder, tmp_path):
    predictions = predict_files(version, [folder])
    scores = sorted(one.scores[one.label] for one in predictions)
    between = (scores[1] + scores[2]) / 2  # two are below it
    table, page = tmp_path / "answers.csv", tmp_path / "next.html"
    options = ("--csv", table, "--page", page, "--unsure", between)
    told = run(version, folder, *options)
    assert told.stdout.count("  (unsure)\n") == 2
    assert f"2 of 6 files have a best score below {between:g}." in told.stderr
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == [str(one.path) for one in predictions]
    assert [row["label"] for row in rows] == [one.label for one in predictions]
    for row, one in zip(rows, predictions, strict=True):
        found = [float(row[f"score_{name}"]) for name in CLASS_NAMES]
        assert found == [one.scores[name] for name in CLASS_NAMES]
    assert [row["unsure"] for row in rows].count("yes") == 2
    text = page.read_text(encoding="utf-8")
    least = min(predictions, key=lambda one: one.scores[one.label])
    assert f'<span class="name">{least.path}</span>' in text.partition("</li>")[0]
    assert text.count('<strong class="mark">unsure</strong>') == 2
    found = json.loads(run(version, folder, "--json", "--unsure", between).stdout)["predictions"]
    assert [one["unsure"] for one in found] == [row["unsure"] == "yes" for row in rows]
    assert "unsure" not in json.loads(run(version, folder, "--json").stdout)["predictions"][0]


def test_files_are_replaced_only_with_overwrite(version, folder, tmp_path):
    table = tmp_path / "answers.csv"
    table.write_text("mine")
    result = run(version, folder, "--csv", table, code=1)
    assert isinstance(result.exception, InputError)
    assert "choose another file with --csv, or replace it with --overwrite" in str(result.exception)
    assert table.read_text() == "mine" and result.stdout == ""
    run(version, folder, "--csv", table, "--overwrite")
    assert table.read_text(encoding="utf-8").startswith("file,label,score_boot")


def test_a_threshold_that_is_no_score_is_refused_before_the_work(version, folder):
    result = run(version, folder, "--unsure", "60", code=1)
    assert "--unsure is 60; expected a score above 0" in str(result.exception)


def test_what_cannot_be_used_is_on_the_page(version, folder, tmp_path):
    (folder / "broken.png").write_text("no image")
    run(version, folder, "--page", tmp_path / "next.html", code=1)
    text = (tmp_path / "next.html").read_text(encoding="utf-8")
    assert "Files that could not be used" in text and "broken.png cannot be read" in text
