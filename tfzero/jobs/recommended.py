"""The end of a study: its recommended network, trained on all labels and exported."""

from __future__ import annotations

import contextlib
import os
import pathlib
from collections.abc import Iterator
from typing import Any

from rich.console import Console

from tfzero.common.arm import Arm
from tfzero.common.checks import InputError
from tfzero.common.files import read_json
from tfzero.study.work.final import final_key, run_final
from tfzero.study.work.pool import Job, run_jobs
from tfzero.study.work.process import in_study
from tfzero.study.work.progress import Planned, Progress
from tfzero.study.workspace import Workspace

# Training on all labels for longer than this shows how far it is, in seconds.
_LONG = 30.0


def export_recommended(
    workspace: Workspace,
    verdict: dict[str, Any],
    target: pathlib.Path,
    console: Console,
    planned: Planned | None,
) -> None:
    """Exports the recommended network, and adds to the verdict where it is and its size."""
    plan, run, recommended = workspace.plan, workspace.run, verdict["recommended"]
    arm = Arm.parse(recommended["arm"])
    key = final_key(workspace, arm)
    if read_json(run.final / f"{key}.json") is None:
        # It can take as long as the study: nobody should wait for the verdict.
        console.print(verdict["headline"], style="bold", highlight=False)
        _train_on_all(workspace, arm, console, planned)
    notes = {
        "study": plan.name,
        "arm": arm,
        "trained_on": f"all {plan.data.num_train} labelled training images, first seed",
        # No seconds: they differ from run to run, and would make each export a new version.
        "accuracy_in_study": [
            {name: row[name] for name in ("num_labels", "mean", "half_width", "seeds")}
            for row in verdict["table"]
            if row["arm"] == arm
        ],
        "notes": [recommended["reason"], *recommended["notes"]],
        "data_fingerprint": plan.data.fingerprint,
        "recipe": plan.recipe,
    }
    # Absolute: a worker's working directory is that of the process that first needed it.
    arguments = (workspace, run.final / f"{key}.keras", target.resolve(), notes)
    [version] = run_jobs([Job("export", 1.0, export_file, arguments)], log=run.log)
    exported = target / version
    recommended["savedmodel"] = str(exported)
    recommended["bytes"] = sum(p.stat().st_size for p in exported.rglob("*") if p.is_file())


def _train_on_all(
    workspace: Workspace, arm: Arm, console: Console, planned: Planned | None
) -> None:
    console.print(
        f"Training {arm} on all {workspace.plan.data.num_train:,} labels, to export it ...",
        highlight=False,
    )
    seconds = 0.0 if planned is None else planned.ending
    jobs = [Job(f"training {arm} on all labels", seconds, run_final, (workspace, arm))]
    progress = Progress(console, workers=1) if seconds > _LONG else None
    with _shown(progress, jobs):
        run_jobs(jobs, log=workspace.run.log, progress=progress)


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
def export_file(
    workspace: Workspace, path: pathlib.Path, target: pathlib.Path, notes: dict[str, Any]
) -> str:
    """Exports a saved classifier; returns the version's name.

    Runs in a worker, where TensorFlow is loaded already.
    """
    from tfzero.export import export_savedmodel
    from tfzero.jobs.load import load_model

    data = workspace.plan.data
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
