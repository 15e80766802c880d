"""The files by which a run folder knows its study: the plan as it runs, and as it was asked for."""

from __future__ import annotations

import os
import pathlib
import platform
import shlex
import shutil
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pydantic

from tfzero.common.checks import InputError
from tfzero.common.files import atomic_file, read_json, write_json, write_keras
from tfzero.common.version import KEY
from tfzero.data import ImageData, save_arrays
from tfzero.data.source_task import SourceTask, save_source_task
from tfzero.study.growth import Growth
from tfzero.study.planning.difference import plan_difference
from tfzero.study.planning.looks import choose_looks
from tfzero.study.planning.plan import SCHEMA, StudyPlan
from tfzero.study.records import RunFolder
from tfzero.study.work.pool import num_workers

if TYPE_CHECKING:
    import keras

_PROGRAM = "tfzero"
# What `study.json` holds beside the plan.
_BESIDE_PLAN = ("asked", "commands", "machine", KEY)


def open_run(
    plan: StudyPlan,
    data: ImageData,
    run: RunFolder,
    *,
    encoder: keras.Model | None = None,
    source: SourceTask | None = None,
    given: keras.Model | None = None,
    overwrite: bool = False,
) -> StudyPlan | None:
    """Prepares the run folder for a plan, or recognizes that it holds this study already.

    Args:
        plan: What is asked for.
        data: The images.
        run: The folder.
        encoder: The own architecture, if there is one.
        source: The other data set that encoders learn from, if there is one.
        given: The encoder that comes ready, if there is one.
        overwrite: Whether another study in the folder is removed first.

    Returns:
        The plan that the folder's study runs by, which may have been fitted into a time or have
        had seeds added; None if there is no study yet. `store_plan` begins one.

    Raises:
        InputError: If the folder holds a study that was asked for otherwise, or cannot be
            written.
    """
    stored = find_study(plan, run, overwrite=overwrite)
    if overwrite and read_json(run.study) is not None:
        _remove_study(run)
    run.create()
    if not (run.cache_for(plan.data.fingerprint) / "data.json").exists():
        save_arrays(data, run.cache_for(plan.data.fingerprint))
    if source is not None:
        save_source_task(source, run.cache_for(source.fingerprint))
    with atomic_file(run.test_labels) as file:
        np.save(file, data.test_labels)
    if encoder is not None:
        write_keras(run.own_encoder, encoder.save)
    if given is not None:
        write_keras(run.given_encoder, given.save)
    return stored


def find_study(plan: StudyPlan, run: RunFolder, *, overwrite: bool) -> StudyPlan | None:
    """Returns the plan of the study that the run folder holds already; None if there is none.

    Nothing is written.

    Args:
        plan: What is asked for.
        run: The folder; need not exist.
        overwrite: Whether a study in it is to be removed, and does not count.

    Raises:
        InputError: If the folder holds a study that was asked for otherwise.
    """
    old = None if overwrite else read_json(run.study)
    if old is None:
        return None
    _require_current(old, run.path)
    asked = old.get("asked", old)
    differences = plan_difference(_comparable(asked), _comparable(plan.to_json()))
    if differences:
        raise InputError(
            f"{run.path} holds a study with another plan ({'; '.join(differences[:5])}). "
            "Choose another folder with `out`, or start again with `overwrite=True`."
        )
    return _parse_plan(old, run.path)


def store_plan(plan: StudyPlan, asked: StudyPlan, run: RunFolder) -> None:
    """Writes `study.json`: the plan, what was asked for, the command lines, and the machine."""
    old = read_json(run.study) or {}
    # One a look: seeds that were added took a command of their own.
    commands = [*old.get("commands", []), *_command()]
    beside = {"asked": asked.to_json(), "commands": commands, "machine": _describe_machine()}
    write_json(run.study, {**plan.to_json(), **beside})


def replace_plan(plan: StudyPlan, run: RunFolder) -> None:
    """Writes another plan into `study.json`, and leaves the rest of it as it is."""
    write_json(run.study, {**(read_json(run.study) or {}), **plan.to_json()})


def read_asked_plan(run: RunFolder) -> StudyPlan:
    """Returns the plan as it was asked for, before anything was dropped.

    Raises:
        InputError: If there is no study.
    """
    old = read_json(run.study)
    if old is None:
        raise InputError(
            f"{run.path} holds no study to which seeds could be added. Run the study first, with "
            "`seeds`."
        )
    _require_current(old, run.path)
    return _parse_plan(old["asked"], run.path)


def add_seeds(growth: Growth, run: RunFolder, number: int) -> StudyPlan:
    """Returns the plan with `number` seeds more, or as it is where its verdict is still to come.

    The same command, given again after a kill, then goes on instead of adding seeds again.

    Raises:
        InputError: If the number is not positive.
    """
    if number < 1:
        raise InputError(f"`more_seeds` is {number}; expected at least 1.")
    verdict = read_json(run.verdict)
    if growth.next_number is not None or verdict is None:
        return growth.plan
    if verdict.get("unfinished"):
        return growth.plan
    if verdict.get("look") != growth.taken[-1]["number"]:
        return growth.plan
    return growth.plan.extended(growth.seeds + number)


def read_plan(folder: str | os.PathLike) -> StudyPlan:
    """Returns the plan that the study in a folder runs by.

    Raises:
        InputError: If there is no study.
    """
    stored = read_json(RunFolder(folder).study)
    if stored is None:
        raise InputError(f"{folder} holds no study; expected the folder of a run.")
    _require_current(stored, folder)
    return _parse_plan(stored, folder)


def _require_current(stored: dict[str, Any], folder: str | os.PathLike) -> None:
    schema = stored.get("schema")
    if schema != SCHEMA:
        raise InputError(
            f"{folder} holds a study of another version of tfzero (schema {schema}; expected "
            f"{SCHEMA}). Choose another folder with `out`, or start again with "
            "`overwrite=True`."
        )


def _parse_plan(stored: dict[str, Any], folder: str | os.PathLike) -> StudyPlan:
    try:
        return StudyPlan.model_validate({k: v for k, v in stored.items() if k not in _BESIDE_PLAN})
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the plan"
        raise InputError(
            f"{folder} holds a study.json that is not a plan: {place}: {first['msg']} "
            f"({error.error_count()} in all). Choose another folder with `out`, or start "
            "again with `overwrite=True`."
        ) from error


def read_asked(run: RunFolder) -> dict[str, Any]:
    """Returns what the study in a folder was asked for, as `Request` and `compare` take it.

    Raises:
        InputError: If there is no study.
    """
    asked = read_asked_plan(run)
    passes = {getattr(settings, "epochs", None) for settings in asked.pretraining.values()} - {None}
    return {
        "arms": asked.arms,
        "label_counts": asked.label_counts,
        "seeds": asked.seeds,
        "early_stop": asked.looks == choose_looks(asked.seeds),
        # Where they differ they were chosen by the numbers of images, and are chosen so again.
        "epochs": passes.pop() if len(passes) == 1 else None,
        "kind": next(iter(asked.transfer.values())).kind,
        "unlabeled_from": asked.unlabeled_from,
        "precision": asked.precision,
        "encoders": asked.encoders,
        "margin": asked.margin,
        "metric": asked.metric,
        "minutes": asked.minutes,
        "class_weights": any(settings.class_weights for settings in asked.transfer.values()),
    }


def _comparable(plan: dict[str, Any]) -> dict[str, Any]:
    # The same images in another place are the same study; what follows from the rest need not
    # be named beside it.
    places = ("data", "source", "given")
    left_out = (
        "name",
        "looks",
        "extensions",
        "added_arms",
        "added_counts",
        "extra_steps",
        "provisional",
        *places,
        *_BESIDE_PLAN,
    )
    rest = {key: value for key, value in plan.items() if key not in left_out}
    looks = plan["looks"]
    rest |= {"seeds": looks[-1], "early_stop": tuple(looks) == choose_looks(looks[-1])}
    return {**rest, **{place: _without_place(plan.get(place)) for place in places}}


def _without_place(summary: dict[str, Any] | None) -> dict[str, Any] | None:
    if summary is None:
        return None
    return {key: value for key, value in summary.items() if key not in ("source", "notes")}


def _command() -> list[str]:
    """Returns the command line that this process was started by; none if it was no `tfzero`."""
    program = pathlib.Path(sys.argv[0]).name
    return [shlex.join([program, *sys.argv[1:]])] if program == _PROGRAM else []


def _describe_machine() -> dict[str, Any]:
    """Returns what times and memory of a study depend on."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count(),
        "workers": num_workers(),
    }


def _remove_study(run: RunFolder) -> None:
    """Removes what a study wrote, and nothing else that may lie in the folder."""
    for folder in (*run.own_folders(), run.tables):
        shutil.rmtree(folder, ignore_errors=True)
    for file in run.own_files():
        file.unlink(missing_ok=True)
