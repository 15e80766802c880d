"""The notebooks run, and only one of them is stored with output."""

from __future__ import annotations

import json
import os
import pathlib

import pytest

import tfzero

FOLDER = pathlib.Path(__file__).parents[1] / "examples"
SITE = FOLDER.parent / "docs/notebooks"
NAMES = ["own_images", "quick_start", "reading_a_study"]


def execute(name, folder):
    """Runs a notebook in an empty folder; returns what each code cell printed."""
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    resources = {"metadata": {"path": str(folder)}}
    nbclient.NotebookClient(notebook, timeout=300, resources=resources).execute()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return ["".join(each.get("text", "") for each in cell.outputs) for cell in cells], cells


@pytest.fixture(autouse=True)
def kernel(monkeypatch):
    """Kernels find this checkout, and warn of nothing."""
    monkeypatch.setenv("PYTHONPATH", str(FOLDER.parent) + os.pathsep + os.getenv("PYTHONPATH", ""))


def test_all_are_listed_and_shown_on_the_site():
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == NAMES
    for name in NAMES:
        assert (SITE / f"{name}.ipynb").resolve() == FOLDER / f"{name}.ipynb"


def test_only_the_quick_start_is_stored_with_output():
    stored = []
    for name in NAMES:
        cells = json.loads((FOLDER / f"{name}.ipynb").read_text("utf-8"))["cells"]
        outputs = [each for cell in cells for each in cell.get("outputs", [])]
        assert not any(each.get("name") == "stderr" for each in outputs)
        stored += [name] if outputs else []
    assert stored == ["quick_start"]


@pytest.mark.filterwarnings("ignore")
def test_reading_a_study(tmp_path, monkeypatch, one_core, untimed, unreported):
    monkeypatch.chdir(tmp_path)
    arms = ["pixels/svm", "pixels/knn"]
    study = tfzero.compare("digits", arms=arms, label_counts=[20, 200], seeds=3)
    printed, cells = execute("reading_a_study", tmp_path)
    shown = cells[0].outputs[-1]["data"]["text/html"]
    assert "Do this:" in shown and shown.count("<svg") == 1
    assert printed[1] == f"{study.results['headline']}\n"
    assert printed[2].count("points") == len(study.results["comparisons"])
    assert printed[3].count("'arm': 'pixels/") == 4
    assert cells[4].outputs[0]["data"]["text/html"].count("<tr") >= 4
    assert all("image/png" in cell.outputs[0]["data"] for cell in cells[-2:])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_quick_start(tmp_path):
    printed, _ = execute("quick_start", tmp_path)
    assert "from scratch" in printed[3]
    assert (tmp_path / "savedmodels/quick_start/1/saved_model.pb").exists()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_own_images(tmp_path):
    printed, _ = execute("own_images", tmp_path)
    assert "this study" in printed[4] or "beats" in printed[4] or "no difference" in printed[4]
    assert printed[-1].count(".png") == 3
    assert (tmp_path / "runs/shapes/report.html").exists()
