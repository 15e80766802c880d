"""A study that is stopped, killed or run by several at once ends with the same results."""

import os
import pathlib
import random
import shutil
import signal
import subprocess
import time

import pytest

from tests.jobs.test_compare import SIZE, command, make_images, read_results, run_command
from tests.study.work.test_pool import wait_until

QUICK = ["--arms", "vae/lpft,scratch/finetune,scratch/probe", *SIZE]
# Its jobs take seconds, and nothing is traced before the first but what it trains.
SHORT = ["--arms", "scratch/finetune", "--label-counts", "12", "--seeds", "4"]


def start(folder, *arguments, errors="errors.txt"):
    """Starts a study in a process group of its own, as a terminal does.

    Also where the tests run in the background of a shell, which has them ignore Ctrl-C.
    """
    with (folder / errors).open("w") as file:
        return subprocess.Popen(
            command("compare", "bars.npz", *arguments),
            cwd=folder,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=file,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )


def list_session(session):
    """Returns the living processes of a session, without those that nobody has buried."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            fields = (path / "stat").read_text().rsplit(")", 1)[1].split()
            said = (path / "cmdline").read_bytes()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] not in "ZX":
            found.append((int(path.name), said))
    return found


def list_workers(process):
    """Returns the numbers of a study's worker processes."""
    return [number for number, said in list_session(process.pid) if b"popen_loky" in said]


def list_claims(folder):
    """Returns the jobs in hand."""
    names = [path.name for path in (folder / "runs/bars/locks").glob("*.json")]
    return [name for name in names if name.startswith(("vae", "scratch", "gan", "pixels"))]


@pytest.mark.parametrize(
    ("number", "send", "code"),
    [
        (signal.SIGINT, os.killpg, 130),  # a terminal sends it to all
        pytest.param(signal.SIGTERM, os.kill, 143, marks=pytest.mark.slow),
    ],
)
def test_asked_to_stop_it_stops_cleanly(tmp_path, number, send, code):
    make_images(tmp_path)
    process = start(tmp_path, *SHORT)
    assert wait_until(lambda: list_claims(tmp_path), 100)
    send(process.pid, number)
    assert process.wait(timeout=60) == code
    assert (
        tmp_path / "errors.txt"
    ).read_text() == "tfzero: stopped. To continue from here, give the same command again.\n"
    assert wait_until(lambda: not list_session(process.pid))
    assert list((tmp_path / "runs/bars/locks").iterdir()) == []


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The results of a study that nobody disturbed."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    make_images(folder)
    done = run_command("compare", "bars.npz", *QUICK, cwd=folder)
    assert done.returncode == 0, done.stderr
    return read_results(folder / "runs/bars")


def finish(folder):
    """Runs the study to its end; returns the results.

    Jobs that kills from outside hit twice are recorded as failed; the same command tries them.
    """
    for _ in range(2):
        done = run_command("compare", "bars.npz", *QUICK, cwd=folder)
        assert done.returncode == 0, done.stderr
    assert list_claims(folder) == [] and list((folder / "runs/bars/failures").iterdir()) == []
    return read_results(folder / "runs/bars")


@pytest.mark.slow
def test_killed_at_twenty_random_moments_it_ends_with_the_same_results(tmp_path, uninterrupted):
    make_images(tmp_path)
    chance = random.Random()
    kills, process = [], None
    while len(kills) < 20:
        if process is None or process.poll() is not None:
            if process is not None and process.returncode == 0:
                assert finish(tmp_path) == uninterrupted
                shutil.rmtree(tmp_path / "runs")
            process = start(tmp_path, *QUICK)
            time.sleep(4)  # nothing runs before
        time.sleep(chance.uniform(0, 8))
        workers = list_workers(process)
        if process.poll() is None and workers and chance.random() < 0.5:
            os.kill(chance.choice(workers), signal.SIGKILL)
            kills.append("worker")
        elif process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            kills.append("run")
            process.wait()
    process.kill()
    process.wait()
    print(kills)
    assert finish(tmp_path) == uninterrupted


@pytest.mark.slow
def test_two_runs_in_one_folder_share_the_work_and_agree(tmp_path, uninterrupted):
    make_images(tmp_path)
    processes = [
        start(tmp_path, *QUICK, "--workers", "1", errors=f"errors{number}.txt")
        for number in range(2)
    ]
    for number, process in enumerate(processes):
        assert process.wait(timeout=600) == 0, (tmp_path / f"errors{number}.txt").read_text()
    assert read_results(tmp_path / "runs/bars") == uninterrupted
    assert [path.name for path in (tmp_path / "savedmodels/bars").iterdir()] == ["1"]
    assert not (tmp_path / "runs/bars/cache").exists()
    assert list((tmp_path / "runs/bars/locks").iterdir()) == []


@pytest.mark.slow
def test_results_do_not_depend_on_the_number_of_workers(tmp_path):
    arguments = [
        *"--arms scratch/finetune,scratch/probe,vae/lpft,vae/probe,gan/lpft,pixels/svm".split(),
        *"--label-counts 20,50,100,200 --seeds 5 --epochs 1".split(),
        # How much fits into some minutes does depend on them.
        *"--minutes none --no-early-stop".split(),
    ]
    results = []
    for workers in ("1", "2"):
        done = run_command(
            *("compare", "digits", *arguments),
            *("--workers", workers, "--out", workers),
            cwd=tmp_path,
            timeout=1200,
        )
        assert done.returncode == 0, done.stderr
        results.append(read_results(tmp_path / workers))
    assert len(results[0]) == 120 and results[0] == results[1]
