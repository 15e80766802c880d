"""Locks: which process is at work on what, so that processes that share a folder share the work.

A lock saves work and nothing else: records appear whole and are the same whoever makes them, so
that two holders of one lock would cost time, not truth.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import pathlib
import platform
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple

from tfzero.common.checks import StopError
from tfzero.common.files import sentence_for

# Seconds between a holder's signs of life.
BEAT_SECONDS = 5.0
# A lock without a sign of life for this long is free: twelve beats, for a network file system
# may stall. A dead process of this machine is seen at once.
STALE_SECONDS = 60.0
_PARTICIPANT = "participant"
# Seconds between looks at a lock that is waited for.
_LOOK_SECONDS = 0.2


class Process(NamedTuple):
    """A process, told from any other on any machine, also after its number was used again.

    Attributes:
        machine: The start of the machine, and the process namespace (two containers on one
            machine number their processes apart).
        number: Process number.
        started: Clock ticks from the machine's start to the process's; 0 where the system does
            not tell that, as outside Linux. Its locks are free once they show no sign of life.
    """

    machine: str
    number: int
    started: int

    @classmethod
    def current(cls) -> Process:
        """Returns this process."""
        return cls(_this_machine(), os.getpid(), _start_ticks(os.getpid()) or 0)

    def is_dead(self) -> bool:
        """Returns whether it surely has ended; of another machine nobody here knows."""
        is_known = self.started and self.machine == _this_machine()
        return bool(is_known) and _start_ticks(self.number) != self.started


class Holder(NamedTuple):
    """What a lock's file says.

    Attributes:
        token: Tells this lock from any other.
        process: Who works.
        parent: The process that ordered the work.
        deaths: How many processes of a living parent have died in this work already.
        age: Seconds since the last sign of life, by the clock of the file system.
    """

    token: str
    process: Process | None
    parent: Process | None
    deaths: int
    age: float

    def is_stale(self) -> bool:
        """Returns whether nobody works here any more."""
        return self.age > STALE_SECONDS or self.has_died()

    def has_died(self) -> bool:
        """Returns whether the process that worked here surely has ended."""
        return self.process is not None and self.process.is_dead()

    def count_deaths(self, parent: Process) -> int:
        """Returns the deaths in this work, the holder's included, once its lock is stale.

        Where the parent has ended too, a whole run was killed, which tells nothing of the work.
        """
        if self.parent is None or self.parent.is_dead():
            return 0
        return self.deaths + (self.has_died() or self.parent == parent)


class Lock:
    """A lock that this process holds until `release`."""

    def __init__(self, path: pathlib.Path, token: str, deaths: int):
        self.path = path
        self.token = token
        self.deaths = deaths
        self._released = threading.Event()
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    def release(self) -> None:
        """Gives the work free; a lock that others have taken over stays theirs."""
        self._released.set()
        if _read_token(self.path) == self.token:
            self.path.unlink(missing_ok=True)

    def _beat(self):
        while not self._released.wait(BEAT_SECONDS):
            # A file system that does not answer for a while must not end the work.
            with contextlib.suppress(OSError):
                if _read_token(self.path) == self.token:
                    os.utime(self.path)


def try_lock(path: pathlib.Path, *, parent: Process | None = None) -> Lock | None:
    """Returns a lock, or None where a living process holds it.

    Args:
        path: The lock's file; its folder exists.
        parent: The process that ordered the work; None means this one.
    """
    parent = parent or Process.current()
    content = {"token": uuid.uuid4().hex, "process": Process.current(), "parent": parent}
    while True:
        holder = read_holder(path)
        if holder is None:
            if _create(path, {**content, "deaths": 0}):
                return Lock(path, content["token"], 0)
        elif not holder.is_stale():
            return None
        else:
            deaths = holder.count_deaths(parent)
            if not _take_over(path, holder.token, {**content, "deaths": deaths}):
                return None
            return Lock(path, content["token"], deaths)


def _create(path: pathlib.Path, content: dict[str, Any]) -> bool:
    """Makes the lock's file; returns False if it is there already."""
    with sentence_for(path):
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileExistsError:
            return False
        try:
            with os.fdopen(descriptor, "w") as file:
                json.dump(content, file)
        except OSError:  # a full disk
            path.unlink(missing_ok=True)
            raise
    return True


def _take_over(path: pathlib.Path, token: str, content: dict[str, Any]) -> bool:
    """Puts a new lock in the place of the one with this token, once and by one process."""
    with _only_one(path, token) as alone:
        # Who comes later finds another token, or none.
        if not alone or _read_token(path) != token:
            return False
        os.replace(_write_draft(path, content), path)
        return True


def _write_draft(path: pathlib.Path, content: dict[str, Any]) -> pathlib.Path:
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    with sentence_for(path):
        try:
            draft.write_text(json.dumps(content), encoding="utf-8")
        except OSError:  # a full disk
            draft.unlink(missing_ok=True)
            raise
    return draft


@contextlib.contextmanager
def _only_one(path: pathlib.Path, token: str) -> Iterator[bool]:
    """Yields whether this process alone may end the lock with this token, for the moment."""
    gate = path.with_name(f".{path.name}.{token or 'unwritten'}.gate")
    try:
        with sentence_for(path):
            os.close(os.open(gate, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
    except StopError as error:
        if not isinstance(error.__cause__, FileExistsError):
            raise
        with contextlib.suppress(FileNotFoundError):
            # Its maker was killed in the instant that it takes.
            if _file_system_time(path.parent) - gate.stat().st_mtime > STALE_SECONDS:
                gate.unlink()
        yield False
        return
    try:
        yield True
    finally:
        gate.unlink(missing_ok=True)


@contextlib.contextmanager
def hold_lock(path: pathlib.Path) -> Iterator[Lock]:
    """Waits until the lock is free, and holds it until the block ends."""
    while (lock := try_lock(path)) is None:
        time.sleep(_LOOK_SECONDS)
    try:
        yield lock
    finally:
        lock.release()


def read_holder(path: pathlib.Path) -> Holder | None:
    """Returns who holds a lock, or None if nobody does."""
    try:
        with path.open("rb") as file:
            # Opened first: a network file system then asks its server for the time.
            written = os.fstat(file.fileno()).st_mtime
            content = file.read()
        age = _file_system_time(path.parent) - written
    except FileNotFoundError:
        return None
    try:
        said = json.loads(content)
        return Holder(
            token=said["token"],
            process=Process(*said["process"]),
            parent=Process(*said["parent"]),
            deaths=said["deaths"],
            age=age,
        )
    except (ValueError, KeyError, TypeError):  # created, and not written yet, or never
        return Holder("", None, None, 0, age)


def _read_token(path: pathlib.Path) -> str | None:
    try:
        return json.loads(path.read_bytes())["token"]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        return ""


@contextlib.contextmanager
def take_part(folder: pathlib.Path) -> Iterator[None]:
    """Says, until the block ends, that this process uses what the run folder holds."""
    lock = try_lock(folder / f"{_PARTICIPANT}-{uuid.uuid4().hex}.json")
    try:
        yield
    finally:
        if lock is not None:
            lock.release()


def others_take_part(folder: pathlib.Path) -> bool:
    """Returns whether another living process uses the run folder."""
    holders = (read_holder(path) for path in folder.glob(f"{_PARTICIPANT}-*.json"))
    ours = Process.current()
    return any(h and h.process != ours and not h.is_stale() for h in holders)


def release_dead(folder: pathlib.Path, *, parent: Process) -> None:
    """Removes the locks of ended processes whose parent was this one, or has ended as well."""
    for path in folder.glob("*.json"):
        holder = read_holder(path)
        if holder is None or holder.parent is None or not holder.has_died():
            continue
        if holder.parent == parent or holder.parent.is_dead():
            _take_away(path, holder.token)


def _take_away(path: pathlib.Path, token: str) -> None:
    """Removes the lock with this token, unless another process is about to take it over."""
    with _only_one(path, token) as alone:
        if alone and _read_token(path) == token:
            path.unlink(missing_ok=True)


def _file_system_time(folder: pathlib.Path) -> float:
    """Returns the time by the clock that stamps files, which may be another machine's."""
    path = folder / f".clock-{uuid.uuid4().hex}"
    with sentence_for(path):
        try:
            with path.open("xb") as file:
                return os.fstat(file.fileno()).st_mtime
        finally:
            path.unlink(missing_ok=True)


def _start_ticks(number: int) -> int | None:
    """Returns when a process started, or None if it is none, or ended and is not yet buried."""
    try:
        with open(f"/proc/{number}/stat", encoding="utf-8", errors="replace") as file:
            # The name, in parentheses, may hold spaces. Field 3 is the state, 22 the start.
            fields = file.read().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])


@functools.cache
def _this_machine() -> str:
    try:
        boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:  # outside Linux
        return f"{platform.node()} {uuid.getnode():x}"
