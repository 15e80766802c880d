import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tfzero.common.checks import StopError
from tfzero.study.work.pool import Job, open_pool, run_jobs, use_workers

SCRIPT = """
import os, pathlib, sys, time
from tfzero.study.work.pool import Job, run_jobs

def nap(place):
    pathlib.Path(sys.argv[1], str(os.getpid())).touch()
    time.sleep(60)

run_jobs([Job(str(i), 1.0, nap, (i,)) for i in range(4)], log=pathlib.Path(sys.argv[1], "log"))
"""


def is_alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    return status != "Z"


def wait_until(condition, seconds=40):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.2)
    return condition()


def test_workers_end_with_a_killed_parent(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT.replace("sys.argv[1]", repr(str(tmp_path)))]
    )

    def workers():
        return [int(path.name) for path in tmp_path.iterdir() if path.name.isdigit()]

    assert wait_until(workers)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert wait_until(lambda: not any(is_alive(worker) for worker in workers()))


def test_values_come_back_whatever_the_order_and_errors_are_raised(tmp_path):
    jobs = [Job(str(i), 1.0, divmod, (i, 2)) for i in range(5)]
    assert run_jobs(jobs, log=tmp_path / "log") == [divmod(i, 2) for i in range(5)]
    assert run_jobs([], log=tmp_path / "log") == []
    try:
        run_jobs([Job("bad", 1.0, divmod, (1, 0))], log=tmp_path / "log")
    except ZeroDivisionError:
        return
    raise AssertionError("the worker's error was lost")


KEPT = []


def keep_memory(megabytes):
    """Holds more memory for good; returns the process and its threads for linear algebra."""
    import threadpoolctl

    KEPT.append(np.ones(megabytes * 2**17))
    time.sleep(1.1)  # loky looks at a worker's memory once a second
    threads = {pool["num_threads"] for pool in threadpoolctl.threadpool_info()}
    return os.getpid(), threads


@pytest.mark.slow
def test_a_worker_that_has_grown_lives_on_and_has_one_thread(tmp_path):
    with use_workers(2):
        jobs = [Job("grow", 1.0, keep_memory, (400,)) for _ in range(6)]
        found = run_jobs(jobs, log=tmp_path / "log")
    assert len({process for process, _ in found}) == 2
    assert all(threads == {1} for _, threads in found)


def end_process():
    os.kill(os.getpid(), signal.SIGKILL)


def test_workers_killed_twice_are_an_error_and_there_are_others_then(tmp_path):
    with use_workers(2):
        with pytest.raises(StopError, match="killed twice at the same work .bad."):
            run_jobs([Job("bad", 1.0, end_process, ())], log=tmp_path / "log")
        assert run_jobs([Job("good", 1.0, divmod, (7, 2))], log=tmp_path / "log") == [(3, 1)]


def test_few_jobs_wait_at_the_workers(tmp_path):
    with use_workers(2), open_pool(tmp_path / "log") as pool:
        while pool.has_room():
            pool.submit("nap", time.sleep, 0.1)
        assert sum(map(len, pool._at_work.values())) == 3 and not pool.is_idle
        while not pool.is_idle:
            assert {ended.item for ended in pool.collect()} == {"nap"}
