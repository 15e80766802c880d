"""A job of a study in whatever process it runs: claimed, tried twice, its failure recorded."""

from __future__ import annotations

import enum
import gc
import sys
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

from tfzero.common.checks import InputError, StopError
from tfzero.common.files import is_disk_full
from tfzero.study.planning.lanes import Lane
from tfzero.study.records import RunFolder
from tfzero.study.work.locks import Process, try_lock

# A job is given up after this many errors, or deaths of its process.
_MOST_FAILURES = 2


class Task(NamedTuple):
    """A job that leaves a record.

    Attributes:
        key: The name of its record, and of its lock.
        label: What it is, in words.
        seconds: Expected.
        call: Does the work; takes `arguments`.
        arguments: What it works on.
        is_done: Returns whether the record is there and whole.
        spec: Of a cell, what its record says of it.
        needs: Keys of the tasks that have to be done before.
        replicate: The tasks of earlier ones come first.
        lane: Where it runs.
        noun: What a task that needs it calls it, as the start of a sentence.
    """

    key: str
    label: str
    seconds: float
    call: Callable[..., Any]
    arguments: tuple
    is_done: Callable[[], bool]
    spec: dict[str, Any] | None = None
    needs: tuple[str, ...] = ()
    replicate: int = 0
    lane: Lane = Lane.CPU
    noun: str = "its pretraining"


class Outcome(enum.Enum):
    """How an attempt ended: with a record, with a failure's, or not begun as others are at it."""

    DONE = "done"
    FAILED = "failed"
    HELD = "held"


def attempt(task: Task, run: RunFolder, parent: Process) -> Outcome:
    """Does a task unless it is done already or a living process is at work on it.

    Raises:
        InputError: As the task does.
        StopError: If the disk is full.
    """
    try:
        if task.is_done():
            return Outcome.DONE
        lock = try_lock(run.locks / f"{task.key}.json", parent=parent)
        if lock is None:
            return Outcome.HELD
        try:
            # Others may have ended it between the look and the lock.
            if task.is_done():
                return Outcome.DONE
            if run.has_failed(task.key):
                return Outcome.FAILED
            return _work(task, run, lock.deaths)
        finally:
            lock.release()
    except Exception as error:
        if is_disk_full(error):
            raise disk_full(run) from error
        raise


def disk_full(run: RunFolder) -> StopError:
    """Returns the error that stops a study when nothing can be written any more."""
    return StopError(
        f"The disk that holds {run.path} is full. Free some space. The same command "
        "continues from here."
    )


def _work(task: Task, run: RunFolder, deaths: int) -> Outcome:
    if deaths >= _MOST_FAILURES:
        reason = f"its process was killed {deaths} times, perhaps because memory ran out"
        run.write_failure(task.key, label=task.label, reason=reason, spec=task.spec)
        return Outcome.FAILED
    reason = details = ""
    for _ in range(_MOST_FAILURES):
        try:
            task.call(*task.arguments)
            return Outcome.DONE
        except (InputError, StopError):
            raise
        except Exception as error:
            if is_disk_full(error):
                raise
            reason = _one_line(error)
            details = traceback.format_exc()
        _free_memory()
    run.write_failure(task.key, label=task.label, reason=reason, details=details, spec=task.spec)
    return Outcome.FAILED


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    name = type(error).__name__
    return f"{name}: {text[:300]}" if text else name


def _free_memory() -> None:
    """Drops the models that are kept for reuse: their memory may be what the job lacks."""
    compiled = sys.modules.get("tfzero.common.compiled")  # not loaded, it holds nothing
    if compiled is not None:
        compiled.forget_models()
    gc.collect()
