import os
import pathlib
import signal
import subprocess
import sys
import time

from tfzero.study.work.pool import Job, run_jobs

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
    assert sorted(run_jobs(jobs, log=tmp_path / "log")) == [divmod(i, 2) for i in range(5)]
    assert run_jobs([], log=tmp_path / "log") == []
    try:
        run_jobs([Job("bad", 1.0, divmod, (1, 0))], log=tmp_path / "log")
    except ZeroDivisionError:
        return
    raise AssertionError("the worker's error was lost")
