"""Studies in the lanes of a GPU, which these machines only pretend to have."""

import functools
import io

import numpy as np
import pytest
from rich.console import Console

import tfzero
from tests.conftest import build_small_encoder, draw_bars
from tests.study.small import at, open_small_run
from tests.study.work.test_devices import make_gpus
from tests.study.work.test_run import kill_worker, make_tasks, tries, work
from tfzero.common import surroundings
from tfzero.common.checks import StopError
from tfzero.common.gpus import Found
from tfzero.data import from_arrays
from tfzero.jobs import device
from tfzero.study.planning.lanes import Lane
from tfzero.study.records import RunFolder
from tfzero.study.work import executors, process
from tfzero.study.work.devices import Devices, Slot
from tfzero.study.work.estimate import Estimate
from tfzero.study.work.pool import Pool, num_workers, use_workers
from tfzero.study.work.progress import Progress
from tfzero.study.work.run import run_study, run_tasks
from tfzero.study.work.slots import fix_rounding, take_slot
from tfzero.study.work.tasks import study_tasks
from tfzero.transfer import STRATEGIES

NAME = "NVIDIA Test"
ARMS = (
    "scratch/finetune",
    "scratch/spread_finetune",
    "vae/lpft",
    "vae/label_spreading",
    "kmeans/svm",
    "pixels/svm",
)


def begin_on_pretended_gpu(parent, slots):
    """Begins a worker that takes a slot, and whose TensorFlow goes on without a GPU."""
    process.begin_worker(parent)
    take_slot(slots)
    surroundings.show_gpu("-1")
    process.configure_gpu = fix_rounding


@pytest.fixture
def pretended(monkeypatch, tmp_path):
    """Makes workers of a lane of the GPU begin without one."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(executors, "begin_gpu_worker", begin_on_pretended_gpu)


def devices(count):
    return Devices(NAME, tuple(Slot("GPU-pretended", number, 1000) for number in range(count)))


def run_all(folder, arms, *, workers, slots, monkeypatch):
    """Runs a small study; returns each cell's result and answers, and each task's lane."""
    plan, run = open_small_run(folder, arms=arms, device=NAME)
    lanes, submit = {}, Pool.submit

    def spy(self, item, call, *arguments, lane):
        lanes[item.label] = lane
        return submit(self, item, call, *arguments, lane=lane)

    monkeypatch.setattr(Pool, "submit", spy)
    with use_workers(workers, devices=devices(slots)):
        progress = Progress(Console(quiet=True), workers=num_workers())
        run_study(at(plan, run), estimate=Estimate(num_on_gpu=slots), progress=progress)
    monkeypatch.setattr(Pool, "submit", submit)
    assert run.read_failures() == []
    keys = [plan.cell_key(cell) for cell in plan.cells()]
    return {key: (run.read_cell(key)["result"], run.read_probabilities(key)) for key in keys}, lanes


def test_each_job_runs_in_its_lane(pretended, tmp_path, monkeypatch):
    arms = ("kmeans/label_spreading", "kmeans/svm", "pixels/svm")
    _, lanes = run_all(tmp_path / "run", arms, workers=1, slots=1, monkeypatch=monkeypatch)
    assert lanes == {
        "pretrain kmeans, seed 0": Lane.CPU,
        # Once for the test and labelled images, once for the pool.
        "read images by kmeans, seed 0": Lane.GPU,
        "kmeans/label_spreading, 8 labels, seed 0": Lane.CPU,
        "kmeans/svm, 8 labels, seed 0": Lane.CPU,
        "pixels/svm, 8 labels, seed 0": Lane.CPU,
    }


@pytest.mark.slow
def test_results_do_not_depend_on_the_workers_of_the_lanes(pretended, tmp_path, monkeypatch):
    first, _ = run_all(tmp_path / "one", ARMS, workers=1, slots=1, monkeypatch=monkeypatch)
    second, _ = run_all(tmp_path / "four", ARMS, workers=4, slots=2, monkeypatch=monkeypatch)
    assert first.keys() == second.keys()
    for key, (result, probabilities) in first.items():
        assert result == second[key][0]
        np.testing.assert_array_equal(probabilities, second[key][1])


def test_only_studies_with_a_gpu_have_keys_of_it(tmp_path):
    arms = ("vae/lpft", "pixels/svm")
    plans = [
        open_small_run(tmp_path / str(place), arms=arms, device=device)[0]
        for place, device in enumerate((None, NAME, "Another"))
    ]
    keys = [{plan.cell_key(cell) for cell in plan.cells()} for plan in plans]
    assert len(set.union(*keys)) == 6
    assert len({plan.pretraining_key("vae", 0) for plan in plans}) == 3
    assert plans[0].model_copy(update={"device": None}).cell_key(plans[0].cells()[0]) in keys[0]


def test_every_strategy_has_a_lane(tmp_path):
    arms = ["scratch/finetune", *(f"vae/{name}" for name in STRATEGIES if name != "finetune")]
    for name in (None, NAME):
        plan, run = open_small_run(tmp_path / str(name), arms=arms, device=name)
        tasks = study_tasks(at(plan, run), Estimate())
        found = {task.spec["arm"]: task for task in tasks if task.spec is not None}
        for arm, task in found.items():
            trains = STRATEGIES[arm.split("/")[1]].trains_encoder
            assert (task.lane is Lane.GPU) == (trains and name is not None), arm
            # Images are read on the GPU before, unless the job itself runs there.
            reads = [need for need in task.needs if need.startswith("read-")]
            by_network = not trains and not arm.startswith("pixels/")
            assert bool(reads) == (by_network and name is not None), arm
        learning = [task for task in tasks if task.label.startswith("pretrain")]
        assert {task.lane for task in learning} == {Lane.CPU if name is None else Lane.GPU}


def test_a_failed_reading_fails_what_needs_it(pretended, tmp_path, monkeypatch):
    plan, run = open_small_run(tmp_path / "run", arms=("kmeans/svm", "pixels/svm"), device=NAME)

    def fail(*_):
        raise ValueError("no such images")

    workspace = at(plan, run)
    tasks = [
        task._replace(call=fail, arguments=()) if task.label.startswith("read") else task
        for task in study_tasks(workspace, Estimate())
    ]
    with use_workers(2, devices=devices(1)):
        run_tasks(tasks, run)
    reasons = {failure["label"]: failure["reason"] for failure in run.read_failures()}
    assert reasons == {
        "read images by kmeans, seed 0": "ValueError: no such images",
        "kmeans/svm, 8 labels, seed 0": "reading its images failed (ValueError: no such images)",
    }
    assert run.has_cell(plan.cell_key(plan.cells()[1]))


def test_workers_of_the_gpu_that_are_killed_are_replaced_and_take_their_slots(pretended, tmp_path):
    run = RunFolder(tmp_path / "run")
    run.create()
    good = make_tasks(run, work, count=3)
    bad = make_tasks(run, functools.partial(kill_worker, times=1), name="bad")
    tasks = [task._replace(lane=Lane.GPU) for task in (*good[:2], *bad, good[2])]
    with use_workers(2, devices=devices(2)):
        run_tasks(tasks, run)
    assert tries(run, "bad0") == 2 and all(task.is_done() for task in tasks)
    assert run.read_failures() == []


@pytest.mark.slow
def test_a_whole_study_ends_with_an_export_and_is_read_where_no_gpu_is(
    pretended, tmp_path, monkeypatch
):
    images, labels = draw_bars(90, seed=0)
    data = from_arrays(images.repeat(4, axis=1).repeat(4, axis=2), labels)
    [gpu] = make_gpus(24000, name=NAME)
    found = [Found((gpu,))]
    monkeypatch.setattr(device, "list_gpus", lambda visible: found[0])
    monkeypatch.setattr(device, "count_seen_by_tensorflow", lambda uuid: 1)
    asked = {
        "arms": ["scratch/finetune", "kmeans/svm"],
        "label_counts": [8],
        "seeds": 2,
        "encoder": build_small_encoder((32, 32, 1)),
        "out": tmp_path / "run",
        "export": tmp_path / "exported",
        "workers": 2,
        "minutes": None,
    }
    out = io.StringIO()
    study = tfzero.compare(data, console=Console(file=out, width=100), **asked)
    assert f"Device: {NAME}, 2 processes" in out.getvalue()
    assert study.plan.device == NAME and not study.results["unfinished"]
    assert list((tmp_path / "exported").glob("*/saved_model.pb"))
    found[0] = Found((), "No NVIDIA driver was found")
    again = tfzero.compare(data, console=Console(quiet=True), **asked)
    assert again.verdict == study.verdict


def test_what_the_gpu_read_is_not_read_again_without_it(pretended, tmp_path):
    plan, run = open_small_run(tmp_path, arms=("kmeans/svm",), device=NAME)
    [task] = [t for t in study_tasks(at(plan, run), Estimate()) if t.spec is not None]
    with use_workers(1, devices=devices(1)):
        with pytest.raises(StopError, match="is gone from the study's cache"):
            run_tasks([task], run)
