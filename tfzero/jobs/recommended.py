"""The end of a study: its recommended arm, trained on all labels and exported."""

from __future__ import annotations

import contextlib
import os
import pathlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from rich.console import Console

from tfzero.common.arm import Arm
from tfzero.common.checks import InputError
from tfzero.study.records import RunFolder
from tfzero.study.verdict.recommendation import describe_file, why_not_exported
from tfzero.study.work.final import (
    Trained,
    divide_labels,
    final_key,
    finish_final,
    raw_path,
    read_final,
    train_beside,
    train_final,
)
from tfzero.study.work.pool import Job, num_workers, run_jobs
from tfzero.study.work.process import in_study
from tfzero.study.work.progress import Planned, Progress
from tfzero.study.workspace import Workspace

# Training on all labels for longer than this shows how far it is, in seconds.
_LONG = 30.0


class Exporting(NamedTuple):
    """Where versions of the SavedModel go.

    Attributes:
        target: Their folder.
        asked: Whether the user said so.
    """

    target: pathlib.Path
    asked: bool


def choose_place(
    name: str,
    run: RunFolder,
    *,
    out: str | os.PathLike | None,
    export: str | os.PathLike | None,
) -> Exporting:
    """Returns where the SavedModel goes: as asked, or beside all else of a run that has a place.

    Args:
        name: Of the study.
        run: Its folder.
        out: What was asked of the run folder.
        export: What was asked of the SavedModel.
    """
    if export is not None:
        return Exporting(pathlib.Path(export), asked=True)
    place = pathlib.Path("savedmodels", name) if out is None else run.savedmodel
    return Exporting(place, asked=False)


def export_recommended(
    workspace: Workspace,
    verdict: dict[str, Any],
    exporting: Exporting,
    console: Console,
    planned: Planned | None,
) -> None:
    """Exports the recommended arm unless there is a reason not to.

    Adds to the verdict where the file is and how it scores, or the reason.
    """
    verdict["not_exported"] = why_not_exported(verdict, asked=exporting.asked)
    if verdict["not_exported"] is not None:
        return
    plan, run, recommended = workspace.plan, workspace.run, verdict["recommended"]
    target, arm = exporting.target, Arm.parse(recommended["arm"])
    if read_final(workspace, arm) is None:
        trained = _train_on_all(workspace, arm, console, planned)
        finishing = Job("calibration", 1.0, finish, (workspace, arm, plan.data.num_train, trained))
        run_jobs([finishing], log=run.log)
    record = read_final(workspace, arm)
    assert record is not None
    recommended["file"] = describe_record(record)
    said = describe_file(recommended, minutes=plan.minutes)
    notes = {
        "study": plan.name,
        "arm": arm,
        "trained_on": f"{record['num_labels']} of {plan.data.num_train} labelled training images, "
        "first seed",
        "this_file": recommended["file"],
        # No seconds: they differ from run to run, and would make each export a new version.
        "accuracy_in_study": [
            {name: row[name] for name in ("num_labels", "mean", "half_width", "seeds")}
            for row in verdict["table"]
            if row["arm"] == arm
        ],
        "notes": [*said, f"{arm}, {recommended['reason']}.", *recommended["notes"]],
        "data_fingerprint": plan.data.fingerprint,
        "recipe": plan.recipe,
    }
    # Absolute: a worker's working directory is that of the process that first needed it.
    arguments = (workspace, arm, target.resolve(), notes)
    [version] = run_jobs([Job("export", 1.0, export_file, arguments)], log=run.log)
    exported = target / version
    recommended["sentences"] = said
    recommended["savedmodel"] = str(exported)
    recommended["bytes"] = sum(p.stat().st_size for p in exported.rglob("*") if p.is_file())


def describe_record(record: dict[str, Any]) -> dict[str, Any]:
    """Returns what the verdict and the export's notes say of the file itself, in percent."""
    kept = ("num_labels", "num_labelled", "cut", "num_test", "calibration")
    return {
        **{name: record[name] for name in kept},
        "accuracy": 100 * record["result"]["accuracy"],
        "balanced_accuracy": 100 * record["result"]["balanced_accuracy"],
    }


def _train_on_all(
    workspace: Workspace, arm: Arm, console: Console, planned: Planned | None
) -> list[Trained]:
    """Trains the network, and those that it is calibrated by, on all workers."""
    most = workspace.plan.data.num_train
    console.print(f"Training {arm} on all {most:,} labels, to export it ...", highlight=False)
    seconds = 0.0 if planned is None else planned.ending
    label = f"training {arm} on all labels"
    folds = range(len(divide_labels(workspace, most).folds))
    jobs = [
        Job(label, seconds, train_final, (workspace, arm, most)),
        *(Job(label, seconds, train_beside, (workspace, arm, most, fold)) for fold in folds),
    ]
    progress = Progress(console, workers=num_workers()) if seconds > _LONG else None
    with _shown(progress, jobs):
        return run_jobs(jobs, log=workspace.run.log, progress=progress)


@contextlib.contextmanager
def _shown(progress: Progress | None, jobs) -> Iterator[None]:
    """Shows the progress of jobs while the block runs, if there is any to show."""
    if progress is None:
        yield
        return
    progress.start(jobs)
    try:
        yield
    finally:
        progress.stop()


@in_study
def finish(workspace: Workspace, arm: Arm, most: int, trained: list[Trained]) -> None:
    """Calibrates and scores the trained network, in a worker."""
    from tfzero.jobs.load import load_model

    model = load_model(raw_path(workspace, arm), custom_objects=workspace.custom_objects)
    finish_final(workspace, arm, most, trained, model)


@in_study
def export_file(workspace: Workspace, arm: Arm, target: pathlib.Path, notes: dict[str, Any]) -> str:
    """Exports the kept network; returns the version's name.

    Runs in a worker, where TensorFlow is loaded already.
    """
    from tfzero.export import export_savedmodel
    from tfzero.jobs.load import load_model

    data = workspace.plan.data
    path = workspace.run.final / f"{final_key(workspace, arm)}.keras"
    version = export_savedmodel(
        load_model(path, custom_objects=workspace.custom_objects),
        target,
        class_names=data.class_names,
        notes=notes,
        resize=data.resize,
        sound=data.sound,
    )
    return version.name


def require_writable(target: pathlib.Path) -> None:
    """Refuses before hours of training what could not be exported after them."""
    existing = target
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise InputError(
            f"Cannot write to {existing}; the SavedModel would go to {target}. "
            "Choose another folder with `export`."
        )
