import functools
import socket
import sys

import numpy as np
import pytest
from rich.console import Console

from tests.study.small import at, open_small_run
from tests.study.work.test_run import kill_worker, make_tasks, slow, tries
from tfzero.common.checks import InputError
from tfzero.study.records import RunFolder
from tfzero.study.work import cluster
from tfzero.study.work.estimate import Estimate
from tfzero.study.work.pool import num_workers, use_workers
from tfzero.study.work.progress import Progress
from tfzero.study.work.run import run_study, run_tasks

distributed = pytest.importorskip("distributed", reason="needs pip install 'tfzero[dask]'")


@pytest.fixture
def make_cluster():
    clusters = []

    def make(**settings):
        found = distributed.LocalCluster(dashboard_address=None, **settings)
        clusters.append(found)
        return found.scheduler_address

    yield make
    for found in clusters:
        found.close()


def run_all(folder, arms, *, expected, **workers):
    """Runs a small study by as many workers as expected; returns each cell's result and answers."""
    plan, run = open_small_run(folder, arms=arms)
    with use_workers(**workers):
        assert num_workers() == expected
        progress = Progress(Console(quiet=True), workers=expected)
        run_study(at(plan, run), estimate=Estimate(), progress=progress)
    assert run.read_failures() == []
    keys = [plan.cell_key(cell) for cell in plan.cells()]
    return {key: (run.read_cell(key)["result"], run.read_probabilities(key)) for key in keys}


@pytest.mark.parametrize(
    "arms",
    [
        ["scratch/probe", "pixels/svm"],
        pytest.param(["vae/lpft", "scratch/probe"], marks=pytest.mark.slow),
    ],
)
def test_a_study_on_a_cluster_of_two_workers_equals_one_on_this_machine(
    arms, tmp_path, make_cluster
):
    here = run_all(tmp_path / "here", arms, expected=1, count=1)
    address = make_cluster(n_workers=2, threads_per_worker=1, processes=True)
    there = run_all(tmp_path / "there", arms, expected=2, scheduler=address)
    assert here.keys() == there.keys()
    for key, (result, probabilities) in here.items():
        assert result == there[key][0]
        np.testing.assert_array_equal(probabilities, there[key][1])


def test_workers_of_several_threads_are_refused(make_cluster):
    address = make_cluster(n_workers=2, threads_per_worker=2, processes=False)
    with pytest.raises(InputError, match="2 workers of up to 2 threads.*--nthreads 1"):
        with use_workers(scheduler=address):
            pass


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch):
    monkeypatch.setattr(cluster, "_PATIENCE", 0.5)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    for wrong in (address, "nonsense://here", "tcp://127.0.0.1:port"):
        with pytest.raises(InputError, match=f'answers at "{wrong}"'):
            with use_workers(scheduler=wrong):
                pass


def test_without_dask_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"pip install 'tfzero\[dask\]'"):
        with use_workers(scheduler="tcp://127.0.0.1:1"):
            pass


def test_workers_and_a_scheduler_are_not_given_together():
    with pytest.raises(InputError, match="Leave out one"):
        with use_workers(2, scheduler="tcp://127.0.0.1:1"):
            pass


@pytest.mark.slow
def test_a_task_that_kills_workers_of_the_cluster_is_recorded_as_failed(tmp_path, make_cluster):
    run = RunFolder(tmp_path)
    run.create()
    good = make_tasks(run, slow, count=4)
    bad = make_tasks(run, functools.partial(kill_worker, times=9), name="bad")
    address = make_cluster(n_workers=2, threads_per_worker=1, processes=True)
    with use_workers(scheduler=address):
        run_tasks([*good[:2], *bad, *good[2:]], run)
    assert tries(run, "bad0") == 2 and all(task.is_done() for task in good)
    [failure] = run.read_failures()
    assert "killed 2 times" in failure["reason"]
