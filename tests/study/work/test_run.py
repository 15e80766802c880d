"""Jobs that fail, kill their process or are at work elsewhere; real processes, no TensorFlow."""

import errno
import functools
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import pytest

from tests.study.work.test_locks import ELSEWHERE, write_lock
from tfzero.common.checks import InputError, StopError
from tfzero.study.records import RunFolder
from tfzero.study.work.attempt import Task
from tfzero.study.work.pool import Pool, use_workers
from tfzero.study.work.run import run_tasks

TWO_PROCESSES = """
import sys
from tests.study.work.test_run import make_tasks, slow
from tfzero.study.work.pool import use_workers
from tfzero.study.records import RunFolder
from tfzero.study.work.run import run_tasks

run = RunFolder(sys.argv[1])
with use_workers(2):
    run_tasks(make_tasks(run, slow, count=12), run)
"""


def record(run, key):
    return run.cells / f"{key}.txt"


def tries(run, key):
    path = run.path / f"{key}.tries"
    return len(path.read_text()) if path.exists() else 0


def work(run, key):
    """Does a task: counts the tries and leaves a record."""
    with (run.path / f"{key}.tries").open("a") as file:
        file.write(".")
    record(run, key).write_text("done")


def slow(run, key):
    time.sleep(0.3)
    work(run, key)


def kill_worker(run, key, *, times):
    work(run, key)
    if tries(run, key) <= times:
        record(run, key).unlink()
        os.kill(os.getpid(), signal.SIGKILL)


def fail(run, key, *, times, error):
    work(run, key)
    if tries(run, key) <= times:
        record(run, key).unlink()
        raise error


def make_tasks(run, call, *, count=1, name="task"):
    keys = [f"{name}{number}" for number in range(count)]
    return [
        Task(key, f"work on {key}", 1.0, call, (run, key), record(run, key).exists) for key in keys
    ]


@pytest.fixture
def run(tmp_path):
    folder = RunFolder(tmp_path)
    folder.create()
    return folder


@pytest.fixture(autouse=True)
def two_workers():
    with use_workers(2):
        yield


def bad_tasks(run, call, **settings):
    return make_tasks(run, functools.partial(call, **settings), name="bad")


def test_a_task_that_kills_its_worker_twice_is_recorded_as_failed_and_the_rest_is_done(run):
    good = make_tasks(run, slow, count=6)
    bad = bad_tasks(run, kill_worker, times=9)
    run_tasks([*good[:3], *bad, *good[3:]], run)
    assert tries(run, "bad0") == 2
    assert all(task.is_done() for task in good)
    [failure] = run.read_failures()
    assert failure["key"] == "bad0" and failure["label"] == "work on bad0"
    assert "killed 2 times" in failure["reason"]
    assert os.listdir(run.locks) == []


def test_a_worker_killed_once_costs_only_what_was_in_hand(run):
    good = make_tasks(run, slow, count=6)
    run_tasks([*good[:3], *bad_tasks(run, kill_worker, times=1), *good[3:]], run)
    assert record(run, "bad0").exists() and run.read_failures() == []
    # The fellow's task, if one was in hand, was begun again, but had left no trace yet.
    assert [tries(run, task.key) for task in good] == [1] * 6
    assert os.listdir(run.locks) == []


@pytest.mark.parametrize("error", [MemoryError(), ValueError("no such layer")])
def test_an_error_is_tried_once_more_and_then_recorded(run, error):
    run_tasks(bad_tasks(run, fail, times=2, error=error) + make_tasks(run, work, count=2), run)
    assert tries(run, "bad0") == 2 and record(run, "task1").exists()
    [failure] = run.read_failures()
    assert failure["reason"].startswith(type(error).__name__) and str(error) in failure["reason"]
    assert "Traceback" in failure["details"]
    run.forget_failure("bad0")  # as a study does when it starts again
    run_tasks(bad_tasks(run, fail, times=2, error=error), run)
    assert record(run, "bad0").exists() and run.read_failures() == []


def test_an_error_that_passes_leaves_no_failure(run):
    run_tasks(bad_tasks(run, fail, times=1, error=OSError(errno.EIO, "bad cable")), run)
    assert record(run, "bad0").exists() and run.read_failures() == []


def test_a_full_disk_stops_the_study_in_a_sentence(run):
    error = RuntimeError("Can't write data (error message = 'No space left on device')")
    for full in (OSError(errno.ENOSPC, "full"), OSError(errno.EDQUOT, "quota"), error):
        with pytest.raises(StopError, match="full. Free some space. The same command continues"):
            run_tasks(bad_tasks(run, fail, times=99, error=full), run)
    assert tries(run, "bad0") == 3  # once each
    assert run.read_failures() == [] and os.listdir(run.locks) == []


def test_a_refusal_passes_through(run):
    with pytest.raises(InputError, match="not these"):
        run_tasks(bad_tasks(run, fail, times=9, error=InputError("not these")), run)
    assert run.read_failures() == [] and os.listdir(run.locks) == []


def test_two_runs_share_a_folder_and_do_nothing_twice(run):
    processes = [
        subprocess.Popen([sys.executable, "-c", TWO_PROCESSES, str(run.path)]) for _ in range(2)
    ]
    assert [process.wait(timeout=100) for process in processes] == [0, 0]
    keys = [f"task{number}" for number in range(12)]
    assert [tries(run, key) for key in keys] == [1] * 12
    assert os.listdir(run.locks) == []


def test_what_another_machine_has_in_hand_is_waited_for(run):
    tasks = make_tasks(run, work, count=3)
    for number in (0, 1, 2):
        write_lock(run.locks / f"task{number}.json", ELSEWHERE)

    def elsewhere():
        time.sleep(1)
        record(run, "task0").write_text("done elsewhere")
        run.write_failure("task1", label="task1", reason="failed elsewhere")
        for number in (0, 1, 2):  # the last one without a result, as when that run was stopped
            (run.locks / f"task{number}.json").unlink()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    run_tasks(tasks, run)
    thread.join()
    assert [tries(run, task.key) for task in tasks] == [0, 0, 1]
    assert record(run, "task2").exists()


def test_what_a_killed_run_had_in_hand_is_taken_at_once(run):
    script = (
        "import os, pathlib, sys\n"
        "from tfzero.study.work.locks import try_lock\n"
        "for key in ('task0', 'task1'): try_lock(pathlib.Path(sys.argv[1], key + '.json'))\n"
        "os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", script, str(run.locks)])
    assert json.loads((run.locks / "task0.json").read_text())["deaths"] == 0
    start = time.monotonic()
    run_tasks(make_tasks(run, work, count=3), run)
    assert time.monotonic() - start < 20
    assert [tries(run, f"task{number}") for number in range(3)] == [1] * 3


def chained(run, call, *names):
    """Tasks each of which needs the one before."""
    [first, *rest] = [make_tasks(run, call, name=name)[0] for name in names]
    tasks = [first]
    for task in rest:
        tasks.append(task._replace(needs=(tasks[-1].key,)))
    return tasks


def read_order(run, key):
    """Does a task that notes its place among all."""
    work(run, key)
    with (run.path / "order").open("a") as file:
        file.write(f"{key}\n")


def test_a_task_starts_when_what_it_needs_is_there(run):
    tasks = chained(run, read_order, "c", "a", "b")
    others = make_tasks(run, read_order, count=4)
    run_tasks([*reversed(tasks), *others], run)
    order = (run.path / "order").read_text().split()
    assert len(order) == 7 and [key for key in order if "task" not in key] == ["c0", "a0", "b0"]


@pytest.mark.parametrize("workers", [1, 2])
def test_tasks_go_replicate_by_replicate(run, monkeypatch, workers):
    tasks = [
        task._replace(replicate=number % 3)
        for number, task in enumerate(make_tasks(run, read_order, count=12))
    ]
    handed_out = []
    submit = Pool.submit

    def spy(self, item, call, *arguments, lane):
        handed_out.append(item.replicate)
        return submit(self, item, call, *arguments, lane=lane)

    monkeypatch.setattr(Pool, "submit", spy)
    with use_workers(workers):
        run_tasks(tasks, run)
    # Which of those at work ends first is chance.
    assert handed_out == sorted(handed_out) and len(handed_out) == 12
    done = (run.path / "order").read_text().split()
    assert sorted(done) == sorted(task.key for task in tasks)


def test_a_failure_fails_what_needs_it_and_nothing_else(run):
    [first, second, third] = chained(run, work, "first", "second", "third")
    broken = functools.partial(fail, times=9, error=ValueError("no such layer"))
    first = first._replace(call=broken)
    run_tasks([third, second, first, *make_tasks(run, work)], run)
    reasons = {failure["key"]: failure["reason"] for failure in run.read_failures()}
    reason = "ValueError: no such layer"
    assert reasons == {
        "first0": reason,
        "second0": f"its pretraining failed ({reason})",
        "third0": f"its pretraining failed (its pretraining failed ({reason}))",
    }
    assert tries(run, "second0") == tries(run, "third0") == 0 and record(run, "task0").exists()


def test_what_others_do_frees_what_waits_for_it(run):
    [first, second] = chained(run, work, "first", "second")
    write_lock(run.locks / "first0.json", ELSEWHERE)

    def elsewhere():
        time.sleep(1)
        record(run, "first0").write_text("done elsewhere")
        (run.locks / "first0.json").unlink()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    run_tasks([first, second], run)
    thread.join()
    assert tries(run, "first0") == 0 and record(run, "second0").exists()


def test_one_worker_does_it_all(run):
    with use_workers(1):
        run_tasks(make_tasks(run, work, count=3), run)
    assert all(pathlib.Path(record(run, f"task{number}")).exists() for number in range(3))
