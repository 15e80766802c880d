"""The end of a study: its recommended network, trained on all labels and exported."""

from __future__ import annotations

import contextlib
import os
import pathlib
from collections.abc import Iterator
from typing import Any

from tfzero.common.checks import InputError
from tfzero.study.planning.plan import StudyPlan
from tfzero.study.records import RunFolder, read_json
from tfzero.study.work.pool import Job, run_jobs
from tfzero.study.work.progress import Planned, Progress
from tfzero.study.work.worker import final_key, prepare_process, run_final

# Training on all labels for longer than this shows how far it is, in seconds.
_LONG = 30.0


def export_recommended(
    plan: StudyPlan, run: RunFolder, verdict: dict[str, Any], target, console, custom_objects,
    planned: Planned | None,
):  # fmt: skip
    """Exports the recommended network, and adds to the verdict where it is and its size."""
    recommended = verdict["recommended"]
    arm = recommended["arm"]
    key = final_key(plan, arm)
    if read_json(run.final / f"{key}.json") is None:
        # It can take as long as the study: nobody should wait for the verdict.
        console.print(verdict["headline"], style="bold", highlight=False)
        _train_on_all(plan, run, arm, console, custom_objects, planned)
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
    final, absolute = (run.final / f"{key}.keras").resolve(), target.resolve()
    arguments = (
        final, absolute, plan.data.class_names, notes, plan.data.resize, plan.data.sound,
        custom_objects,
    )  # fmt: skip
    [version] = run_jobs([Job("export", 1.0, export_file, arguments)], log=run.log.resolve())
    exported = target / version
    recommended["savedmodel"] = str(exported)
    recommended["bytes"] = sum(p.stat().st_size for p in exported.rglob("*") if p.is_file())


def _train_on_all(plan, run, arm, console, custom_objects, planned: Planned | None) -> None:
    console.print(
        f"Training {arm} on all {plan.data.num_train:,} labels, to export it ...",
        highlight=False,
    )
    arguments = (run.path.resolve(), plan, arm, custom_objects)
    seconds = 0.0 if planned is None else planned.ending
    jobs = [Job(f"training {arm} on all labels", seconds, run_final, arguments)]
    progress = Progress(console, workers=1) if seconds > _LONG else None
    with _shown(progress, jobs):
        run_jobs(jobs, log=run.log.resolve(), progress=progress)


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


def export_file(path, target, class_names, notes, resize, sound, custom_objects) -> str:
    """Exports a saved classifier; returns the version's name.

    Runs in a worker, where TensorFlow is loaded already.
    """
    prepare_process()
    from tfzero.export import export_savedmodel
    from tfzero.jobs.load import load_model

    model = load_model(path, custom_objects=custom_objects)
    version = export_savedmodel(
        model, target, class_names=class_names, notes=notes, resize=resize, sound=sound
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
            "Choose another folder with --export."
        )
