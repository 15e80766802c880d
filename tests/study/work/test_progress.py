"""The live table of a terminal, and the lines of a log."""

import io
import json
import time
from types import SimpleNamespace

import pytest
from rich.console import Console

from tests.study.small import at, open_small_run
from tfzero.study.standing import Standing
from tfzero.study.work import progress as showing
from tfzero.study.work.progress import Progress

ARMS = ("scratch/finetune", "pixels/svm")


def write_cell(plan, run, cell, accuracy):
    key = plan.cell_key(cell)
    record = {"spec": cell.model_dump(), "result": {"accuracy": accuracy}}
    (run.cells / f"{key}.json").write_text(json.dumps(record))
    return SimpleNamespace(key=key, seconds=1.0, label=f"{cell.arm}, seed {cell.replicate}")


def test_the_table_has_the_means_so_far(tmp_path):
    plan, run = open_small_run(tmp_path, arms=ARMS, label_counts=(8, 16), seeds=2)
    cells = {(c.arm, c.num_labels, c.replicate): c for c in plan.cells()}
    write_cell(plan, run, cells[ARMS[0], 8, 0], 0.5)
    standing = Standing(at(plan, run))  # what is there already counts
    done = write_cell(plan, run, cells[ARMS[0], 8, 1], 0.75)
    standing.add(done.key)
    standing.add("vae-0-pretraining")  # a job that is no cell
    console = Console(file=io.StringIO(), width=100)
    console.print(standing)
    text = console.file.getvalue()
    assert "Test accuracy so far in %, and number of seeds done of 2" in " ".join(text.split())
    row = next(line for line in text.splitlines() if ARMS[0] in line)
    assert "62.5 (2)" in row and row.count(" - ") == 1
    row = next(line for line in text.splitlines() if ARMS[1] in line)
    assert row.count(" - ") == 2


def test_a_terminal_shows_the_table_and_a_log_shows_lines(tmp_path):
    plan, run = open_small_run(tmp_path, arms=ARMS, seeds=2)
    for terminal in (True, False):
        console = Console(file=io.StringIO(), width=100, force_terminal=terminal)
        progress = Progress(console, workers=1, standing=Standing(at(plan, run)))
        jobs = [write_cell(plan, run, cell, 0.5) for cell in plan.cells()]
        progress.start(jobs)
        for job in jobs:
            progress.advance(job)
        progress.stop()
        text = console.file.getvalue()
        assert ("accuracy so far" in text) is terminal
        assert "4 of 4 jobs" in text
        if not terminal:
            assert text == "100%  4 of 4 jobs, 0 s left (done: pixels/svm, seed 1)\n"


def wait_for(condition, *, seconds=20):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def make_jobs(count, *, seconds):
    return [SimpleNamespace(key=str(k), seconds=seconds, label=f"job {k}") for k in range(count)]


@pytest.mark.parametrize("terminal", [True, False])
def test_it_moves_while_a_long_job_runs(terminal, monkeypatch):
    monkeypatch.setattr(showing, "_LOG_SILENCE", 0.05)
    console = Console(file=io.StringIO(), width=100, force_terminal=terminal)
    progress = Progress(console, workers=2, tick=0.01)
    jobs = make_jobs(2, seconds=0.5)
    progress.start(jobs)
    try:
        assert wait_for(lambda: "99%" in console.file.getvalue())
        assert wait_for(lambda: "0 of 2 jobs, longer than expected" in console.file.getvalue())
        assert "100%" not in console.file.getvalue()
    finally:
        progress.stop()
    written = console.file.getvalue()
    time.sleep(0.1)
    assert console.file.getvalue() == written


def test_jobs_that_wait_for_a_worker_are_never_taken_as_done(monkeypatch):
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(showing.time, "monotonic", lambda: clock.now)
    progress = Progress(Console(file=io.StringIO(), quiet=True), workers=2)
    progress.start(make_jobs(10, seconds=60.0))
    assert progress.seconds_left() == 300
    clock.now += 45
    assert progress.seconds_left() == 255
    clock.now += 500  # the first two take far longer than was expected
    assert progress.seconds_left() == 300 * 8 / 10
    for job in make_jobs(10, seconds=60.0):
        progress.advance(job)
    assert progress.seconds_left() == 0


def test_it_never_goes_back_when_more_is_to_be_done(monkeypatch):
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(showing.time, "monotonic", lambda: clock.now)
    monkeypatch.setattr(showing, "_LOG_INTERVAL", 0.0)
    forecast = SimpleNamespace(left=100.0, begin=lambda key: None, end=lambda key: None)
    forecast.seconds_left = lambda: forecast.left
    console = Console(file=io.StringIO(), width=100)
    progress = Progress(console, workers=1, forecast=forecast, tick=1000.0)
    # Until the first look, where more seeds are asked for than was expected, until the second.
    for expected in ([80.0, 20.0, 5.0], [300.0, 40.0, 0.0]):
        jobs = make_jobs(3, seconds=10.0)
        progress.start(jobs)
        for job, left in zip(jobs, expected, strict=True):
            clock.now += 30
            forecast.left = left
            progress.begin(job)
            progress.advance(job)
        progress.stop()
    lines = console.file.getvalue().splitlines()
    shares = [int(line.partition("%")[0]) for line in lines]
    assert shares == [27, 75, 95, 95, 95, 100]
    counts = [[int(word) for word in line.split() if word.isdecimal()][:2] for line in lines]
    assert counts == [[1, 3], [2, 3], [3, 3], [4, 6], [5, 6], [6, 6]]


def test_a_terminal_names_what_is_being_done_now():
    console = Console(file=io.StringIO(), width=60, force_terminal=True)
    progress = Progress(console, workers=2, tick=0.01)
    jobs = make_jobs(3, seconds=100.0)
    progress.start(jobs)
    try:
        progress.begin(jobs[0])
        progress.begin(jobs[1])
        assert wait_for(lambda: "Now: job 0; job 1" in console.file.getvalue())
        progress.advance(jobs[0])
        assert wait_for(lambda: "Now: job 1" in console.file.getvalue())
    finally:
        progress.stop()
