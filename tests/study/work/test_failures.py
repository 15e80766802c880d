"""What a study says and does when its jobs fail; all jobs run in the test's own process."""

import io
import json

import pytest
from rich.console import Console

import tfzero
from tests.conftest import build_small_encoder, draw_bars
from tfzero.common.checks import StopError
from tfzero.data import from_arrays
from tfzero.jobs import ending
from tfzero.study.records import RunFolder
from tfzero.study.work import tasks as runs
from tfzero.study.work.estimate import Estimate

ARMS = ["vae/probe", "scratch/probe"]


pytestmark = pytest.mark.usefixtures("eagerly", "unreported")


@pytest.fixture(autouse=True)
def quickly(monkeypatch):
    monkeypatch.setattr("tfzero.jobs.opening.estimate_study", lambda *_: Estimate())

    def leave_out(workspace, verdict, *_, **__):
        verdict["not_exported"] = "left out"

    monkeypatch.setattr(ending, "export_recommended", leave_out)


def break_job(monkeypatch, name, *, when=lambda *_: True):
    """Lets a kind of job fail where `when(...)`; returns the list of those that failed."""
    whole, failed = getattr(runs, name), []

    def broken(workspace, *rest):
        if when(*rest):
            failed.append(rest)
            raise MemoryError("no room for 3 GB")
        return whole(workspace, *rest)

    monkeypatch.setattr(runs, name, broken)
    return failed


def compare(folder):
    console = Console(file=io.StringIO(), width=200)
    data = from_arrays(*draw_bars(80, seed=0))
    try:
        study = tfzero.compare(
            data,
            arms=ARMS,
            label_counts=[8],
            seeds=3,
            epochs=1,
            encoder=build_small_encoder(),
            out=folder,
            export=folder / "out",
            workers=1,
            console=console,
        )
    finally:
        printed = console.file.getvalue()
    return study, printed


def test_a_failed_pretraining_fails_its_cells_and_the_study_goes_on(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        failed = break_job(patch, "run_pretraining", when=lambda method, replicate: replicate == 1)
        _, printed = compare(tmp_path)
    assert len(failed) == 2  # it was tried again
    run = RunFolder(tmp_path)
    reasons = {failure["label"]: failure["reason"] for failure in run.read_failures()}
    reason = "MemoryError: no room for 3 GB"
    assert reasons == {
        "pretrain vae, seed 1": reason,
        "vae/probe, 8 labels, seed 1": f"its pretraining failed ({reason})",
    }
    assert "2 jobs failed twice" in printed and f"pretrain vae, seed 1: {reason}" in printed
    assert len(list(run.cells.glob("*.json"))) == 5
    verdict = json.loads(run.verdict.read_text())
    assert "vae/probe" in json.dumps(verdict["missing"])
    # The same command tries again, and nothing else.
    study, printed = compare(tmp_path)
    assert "Plan: 1 pretraining and 1 cell " in printed and "failed twice" not in printed
    assert run.read_failures() == [] and study.results["missing"] == []


def test_a_study_of_which_nothing_is_left_says_why(tmp_path, monkeypatch):
    break_job(monkeypatch, "run_cell")
    with pytest.raises(StopError, match="Every job of the study failed.*no room for 3 GB"):
        compare(tmp_path)
    assert len(RunFolder(tmp_path).read_failures()) == 6
