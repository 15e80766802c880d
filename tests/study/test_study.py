"""What `study.json` says beside the plan."""

import sys

import pytest

from tests.conftest import draw_bars
from tests.study.small import open_small_run
from tests.study.studies import make_plan
from tfzero.common.checks import InputError
from tfzero.common.files import read_json, write_json
from tfzero.data import from_arrays
from tfzero.study.records import RunFolder
from tfzero.study.stored import open_run, read_asked, read_plan, store_plan


def test_each_look_adds_its_command_and_python_none(tmp_path, monkeypatch):
    plan, run = open_small_run(tmp_path)
    lines = []
    for arguments in (["compare", "my images"], ["compare", "my images", "--more-seeds", "2"]):
        monkeypatch.setattr(sys, "argv", ["/usr/bin/tfzero", *arguments])
        store_plan(plan, plan, run)
        lines.append(read_json(run.study)["commands"])
    first = "tfzero compare 'my images'"
    assert lines == [[first], [first, f"{first} --more-seeds 2"]]
    assert read_json(run.study)["machine"]["workers"] >= 1
    monkeypatch.setattr(sys, "argv", ["/usr/lib/ipykernel_launcher.py", "-f", "x.json"])
    store_plan(plan, plan, run)
    assert read_json(run.study)["commands"] == lines[-1]


def test_what_stands_beside_the_plan_makes_no_other_study(tmp_path, monkeypatch):
    plan, run = open_small_run(tmp_path)
    store_plan(plan, plan, run)
    data = from_arrays(*draw_bars(80, seed=0))
    monkeypatch.setattr("os.cpu_count", lambda: 999)
    assert open_run(plan, data, run) == plan


@pytest.mark.parametrize(
    "asked",
    [
        {"kind": "clothes"},
        {"unlabeled_from": "generated", "arms": ["vae/selftrain", "scratch/finetune"]},
        {"class_weights": True, "margin": 2.5, "epochs": 3},
        {"seeds": 4, "encoders": 2, "label_counts": [8, 12]},
    ],
)
def test_what_a_study_was_asked_for_need_not_be_said_again(tmp_path, asked):
    data = from_arrays(*draw_bars(80, seed=0))
    plan = make_plan(data, **{"arms": ["vae/lpft", "scratch/finetune"], "seeds": 3, **asked})
    run = RunFolder(tmp_path)
    open_run(plan, data, run)
    store_plan(plan, plan, run)
    assert make_plan(data, **read_asked(run)) == plan


def test_a_study_of_another_version_is_named_in_a_sentence(tmp_path):
    plan, run = open_small_run(tmp_path)
    store_plan(plan, plan, run)
    old = {**read_json(run.study), "schema": 1, "family": []}
    write_json(run.study, old)
    data = from_arrays(*draw_bars(80, seed=0))
    for read in (
        lambda: open_run(plan, data, run),
        lambda: read_asked(run),
        lambda: read_plan(run.path),
    ):
        with pytest.raises(InputError, match=r"another version of tfzero \(schema 1; expected 2\)"):
            read()
    assert open_run(plan, data, run, overwrite=True) is None
    with pytest.raises(InputError, match="holds no study"):
        read_plan(tmp_path / "nowhere")


def test_a_file_that_is_not_a_plan_is_named_in_a_sentence(tmp_path):
    plan, run = open_small_run(tmp_path)
    store_plan(plan, plan, run)
    write_json(run.study, {**read_json(run.study), "seeds": "many"})
    with pytest.raises(InputError, match=r"study\.json that is not a plan: seeds: .*\(1 in all\)"):
        read_plan(run.path)
