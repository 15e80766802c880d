"""Clusters whose workers pretend to have a GPU."""

import os

import numpy as np
import pytest
from rich.console import Console

from tests.study.small import at, open_small_run
from tfzero.common.checks import InputError
from tfzero.jobs.device import AskedWorkers, choose_devices
from tfzero.study.planning.lanes import Lane
from tfzero.study.work import process
from tfzero.study.work.cluster import find_gpus
from tfzero.study.work.devices import ON_CPUS, Devices
from tfzero.study.work.estimate import Estimate
from tfzero.study.work.pool import num_workers, use_workers
from tfzero.study.work.progress import Progress
from tfzero.study.work.run import run_study
from tfzero.study.work.slots import fix_rounding

distributed = pytest.importorskip("distributed", reason="needs pip install 'tfzero[dask]'")
NAME = "NVIDIA Test"
LARGE = (96, 96, 3)


@pytest.fixture
def make_cluster(monkeypatch, tmp_path):
    """Starts a cluster of so many workers with a GPU, and so many without; returns its address."""
    tool = tmp_path / "nvidia-smi"
    said = f"GPU-$i, {NAME}, 16000, 16000, 8.0, 1, Default, Disabled"
    tool.write_text(f'#!/bin/sh\nfor i in 0 1; do echo "{said}"; done')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    clusters = []

    def make(*, gpus, cpus):
        specification = {
            f"{kind}{number}": {
                "cls": distributed.Nanny,
                "options": {"nthreads": 1, "resources": {"GPU": 1} if kind == "gpu" else {}},
            }
            for kind, count in (("gpu", gpus), ("cpu", cpus))
            for number in range(count)
        }
        scheduler = {"cls": distributed.Scheduler, "options": {"dashboard_address": ":0"}}
        cluster = distributed.SpecCluster(workers=specification, scheduler=scheduler)
        clusters.append(cluster)
        with distributed.Client(cluster, set_as_default=False) as client:
            client.wait_for_workers(gpus + cpus)
            client.run(go_on_without)
        return cluster.scheduler_address

    yield make
    for cluster in clusters:
        cluster.close()


def go_on_without():
    """Has TensorFlow of this worker run on its processor, in the mode of a GPU."""
    del os.environ["CUDA_VISIBLE_DEVICES"]  # as the tests' settings were imported here, too
    process.configure_gpu = fix_rounding


def run_all(folder, address):
    plan, run = open_small_run(folder, arms=("scratch/probe", "pixels/svm"), device=NAME)
    with use_workers(scheduler=address, devices=Devices(NAME)):
        counts = num_workers(Lane.GPU), num_workers(Lane.CPU)
        progress = Progress(Console(quiet=True), workers=num_workers())
        run_study(at(plan, run), estimate=Estimate(num_on_gpu=counts[0]), progress=progress)
    assert run.read_failures() == []
    keys = [plan.cell_key(cell) for cell in plan.cells()]
    return counts, {
        key: (run.read_cell(key)["result"], run.read_probabilities(key)) for key in keys
    }


@pytest.mark.slow
def test_one_worker_with_a_gpu_is_enough_and_others_take_their_part(tmp_path, make_cluster):
    alone = make_cluster(gpus=1, cpus=0)
    counts, first = run_all(tmp_path / "alone", alone)
    assert counts == (1, 1)
    # It has its GPU until it ends.
    with pytest.raises(InputError, match="has used its GPU in an earlier study"):
        with use_workers(scheduler=alone, devices=ON_CPUS):
            pass
    counts, second = run_all(tmp_path / "beside", make_cluster(gpus=1, cpus=2))
    assert counts == (1, 2)
    assert first.keys() == second.keys()
    for key, (result, probabilities) in first.items():
        assert result == second[key][0]
        np.testing.assert_array_equal(probabilities, second[key][1])


def test_the_cluster_is_asked_for_its_gpus(make_cluster):
    address = make_cluster(gpus=2, cpus=0)
    assert [gpu.name for gpu in find_gpus(address).gpus] == [NAME] * 2
    found = choose_devices(AskedWorkers("auto", None, address), LARGE, kept=None)
    assert (found.gpu, found.slots) == (NAME, ())
    # A study on its processors is possible, too, as long as none has taken its GPU.
    with use_workers(scheduler=address, devices=ON_CPUS):
        assert (num_workers(Lane.GPU), num_workers(Lane.CPU)) == (0, 2)


def test_a_cluster_without_the_resource_has_no_gpu(make_cluster):
    address = make_cluster(gpus=0, cpus=2)
    found = choose_devices(AskedWorkers("auto", None, address), LARGE, kept=None)
    assert found.gpu is None
    with pytest.raises(InputError, match='No worker of the cluster has the Dask resource "GPU"'):
        choose_devices(AskedWorkers("gpu", None, address), LARGE, kept=None)
