import concurrent.futures
import json
import os
import subprocess
import sys
import time

import pytest

from tfzero.study.work import locks
from tfzero.study.work.locks import Process, hold_lock, read_holder, release_dead, try_lock

ELSEWHERE = Process("another machine", 1, 1)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "key.json"


@pytest.fixture(scope="module")
def dead():
    """A process of this machine that has ended."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        found = Process(
            Process.current().machine, process.pid, locks._start_ticks(process.pid) or 0
        )
        assert not found.is_dead()
        process.communicate(b"\n")
    assert found.is_dead()
    return found


def write_lock(path, process, *, parent=None, deaths=0, age=0.0):
    said = {"token": "theirs", "process": process, "parent": parent or process, "deaths": deaths}
    path.write_text(json.dumps(said))
    now = time.time()
    os.utime(path, (now - age, now - age))


def test_a_lock_is_held_once_and_free_after_its_release(path):
    first = try_lock(path)
    assert first is not None and try_lock(path) is None
    holder = read_holder(path)
    assert holder is not None and holder.process == Process.current() and not holder.is_stale()
    first.release()
    assert read_holder(path) is None and os.listdir(path.parent) == []
    second = try_lock(path)
    assert second is not None
    second.release()


def test_a_dead_process_of_this_machine_loses_its_lock_at_once(path, dead):
    write_lock(path, dead)
    lock = try_lock(path)
    assert lock is not None and os.listdir(path.parent) == ["key.json"]
    lock.release()


def test_a_process_that_took_the_number_of_a_dead_one_is_another(path):
    ours = Process.current()
    assert ours._replace(started=ours.started - 1).is_dead() and not ours.is_dead()


def test_a_dead_process_that_nobody_buried_is_dead(path):
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        deadline = time.monotonic() + 20
        while locks._start_ticks(process.pid) is not None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert os.path.exists(f"/proc/{process.pid}")
        assert locks._start_ticks(process.pid) is None


@pytest.mark.parametrize("content", [None, "", '{"token":'])
def test_a_lock_from_elsewhere_is_free_after_its_last_sign_of_life(path, content):
    write_lock(path, ELSEWHERE)
    if content is not None:
        path.write_text(content)
    assert try_lock(path) is None
    past = time.time() - locks.STALE_SECONDS - 5
    os.utime(path, (past, past))
    lock = try_lock(path)
    assert lock is not None
    lock.release()


def test_a_stopped_process_loses_its_lock_too(path):
    write_lock(path, Process.current(), age=locks.STALE_SECONDS + 5)
    lock = try_lock(path)
    assert lock is not None
    lock.release()


def test_of_many_that_take_over_one_gets_it(path, dead):
    for _ in range(20):
        write_lock(path, dead)
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            won = [lock for lock in pool.map(lambda _: try_lock(path), range(16)) if lock]
        assert len(won) == 1
        won[0].release()
        assert os.listdir(path.parent) == []


def test_a_fresh_lock_caught_in_a_takeover_is_put_back(path):
    write_lock(path, ELSEWHERE)
    assert not locks._take_away(path, "the stale one seen before")
    holder = read_holder(path)
    assert holder is not None and holder.token == "theirs"
    assert os.listdir(path.parent) == ["key.json"]


def test_the_heart_beats_until_release_and_never_for_another(path, monkeypatch):
    monkeypatch.setattr(locks, "BEAT_SECONDS", 0.02)
    lock = try_lock(path)
    assert lock is not None
    os.utime(path, (0, 0))
    deadline = time.monotonic() + 20
    while path.stat().st_mtime == 0 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert time.time() - path.stat().st_mtime < 20
    write_lock(path, ELSEWHERE)  # taken over
    os.utime(path, (0, 0))
    time.sleep(0.2)
    assert path.stat().st_mtime == 0
    lock.release()
    holder = read_holder(path)
    assert holder is not None and holder.token == "theirs"


def test_a_waiting_process_gets_the_lock_when_it_is_released(path):
    first = try_lock(path)
    assert first is not None
    with concurrent.futures.ThreadPoolExecutor(1) as pool:

        def wait():
            with hold_lock(path) as lock:
                return lock.token

        waiting = pool.submit(wait)
        time.sleep(0.3)
        assert not waiting.done()
        first.release()
        assert waiting.result(timeout=20) != first.token
    assert read_holder(path) is None


def test_deaths_are_counted_while_the_parent_lives(path, dead):
    ours = Process.current()
    for parent, deaths, age, expected in [
        (ours, 0, 0, 1),
        (ours, 1, 0, 2),
        (dead, 1, 0, 0),  # the whole run was killed
    ]:
        write_lock(path, dead, parent=parent, deaths=deaths, age=age)
        lock = try_lock(path)
        assert lock is not None and lock.deaths == expected
        holder = read_holder(path)
        assert holder is not None and holder.deaths == expected
        lock.release()


def test_a_worker_of_ours_on_another_machine_counts_as_dead_when_silent(path):
    for parent, expected in [(Process.current(), 1), (ELSEWHERE, 0)]:
        write_lock(path, ELSEWHERE, parent=parent, age=locks.STALE_SECONDS + 5)
        lock = try_lock(path)
        assert lock is not None and lock.deaths == expected
        lock.release()


def test_the_locks_of_ended_workers_are_released_and_no_others(tmp_path, dead):
    ours = Process.current()
    write_lock(tmp_path / "ended.json", dead, parent=ours)
    write_lock(tmp_path / "killed_run.json", dead, parent=dead)
    write_lock(tmp_path / "another_run.json", dead, parent=ELSEWHERE)
    write_lock(tmp_path / "alive.json", ours, parent=ours)
    release_dead(tmp_path, parent=ours)
    assert sorted(os.listdir(tmp_path)) == ["alive.json", "another_run.json"]
