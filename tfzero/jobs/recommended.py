"""The end of a study: its recommended arm, trained on all labels and exported."""

from __future__ import annotations

import contextlib
import functools
import os
import pathlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from rich.console import Console

from tfzero.common.arm import Arm
from tfzero.common.console import print_plain
from tfzero.jobs.device import require_lane
from tfzero.study import screen
from tfzero.study.planning.lanes import Lane, lane_of_networks
from tfzero.study.records import RunFolder
from tfzero.study.verdict.recommendation import describe_file, why_not_exported
from tfzero.study.work.ending import LONG, Training, plan_training
from tfzero.study.work.estimate import Estimate
from tfzero.study.work.final import (
    Trained,
    divide_labels,
    final_key,
    network_arm,
    raw_path,
    train_beside,
    train_final,
    train_on_threads,
)
from tfzero.study.work.finish import finish_final, read_final
from tfzero.study.work.pool import Job, num_workers, run_jobs
from tfzero.study.work.process import in_study
from tfzero.study.work.progress import Progress
from tfzero.study.workspace import Workspace


class Exporting(NamedTuple):
    """Where versions of the SavedModel go.

    Attributes:
        target: Their folder.
        asked: Whether the user said so.
        has_threads: Whether training may use several cores of this machine in one process.
    """

    target: pathlib.Path
    asked: bool
    has_threads: bool = True


def choose_place(
    name: str,
    run: RunFolder,
    *,
    out: str | os.PathLike | None,
    export: str | os.PathLike | None,
    has_threads: bool = True,
) -> Exporting:
    """Returns where the SavedModel goes: as asked, or beside all else of a run that has a place.

    Args:
        name: Of the study.
        run: Its folder.
        out: What was asked of the run folder.
        export: What was asked of the SavedModel.
        has_threads: As in `Exporting`.
    """
    place = pathlib.Path("savedmodels", name) if out is None else run.savedmodel
    if export is not None:
        place = pathlib.Path(export)
    return Exporting(place, asked=export is not None, has_threads=has_threads)


def export_recommended(
    workspace: Workspace,
    verdict: dict[str, Any],
    exporting: Exporting,
    console: Console,
    *,
    estimate: Callable[[], Estimate],
) -> None:
    """Exports the recommended arm unless there is a reason not to.

    Adds to the verdict where the file is and how it scores, or the reason.

    Args:
        workspace: The study.
        verdict: Its verdict.
        exporting: Where the file goes.
        console: Is told of the training.
        estimate: Returns the estimate of the study's jobs; called only to train.
    """
    verdict["not_exported"] = why_not_exported(verdict, asked=exporting.asked)
    if verdict["not_exported"] is not None:
        return
    plan, run, recommended = workspace.plan, workspace.run, verdict["recommended"]
    target, arm = exporting.target, Arm.parse(recommended["arm"])
    if read_final(workspace, arm) is None:
        training = _plan_training(workspace, estimate(), arm, has_threads=exporting.has_threads)
        trained = _train(workspace, arm, training, console)
        finishing = Job("calibration", 1.0, finish, (workspace, arm, training.most, trained))
        run_jobs([finishing], log=run.log)
    record = read_final(workspace, arm)
    assert record is not None
    file = describe_record(record)
    said = describe_file({**recommended, "file": file}, minutes=plan.minutes)
    notes = {
        "study": plan.name,
        "arm": arm,
        "trained_on": f"{record['num_labels']} of {plan.data.num_train} labelled training images, "
        "first seed",
        "this_file": file,
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
    num_bytes = sum(p.stat().st_size for p in exported.rglob("*") if p.is_file())
    # All at once: a verdict never tells of a file that failed to appear.
    recommended |= {
        "file": file,
        "sentences": said,
        "savedmodel": str(exported),
        "bytes": num_bytes,
    }


def describe_record(record: dict[str, Any]) -> dict[str, Any]:
    """Returns what the verdict and the export's notes say of the file itself, in percent."""
    kept = ("network", "num_labels", "num_labelled", "cut", "num_test", "num_folds")
    kept += ("calibration",)
    return {
        **{name: record[name] for name in kept},
        "accuracy": 100 * record["result"]["accuracy"],
        "balanced_accuracy": 100 * record["result"]["balanced_accuracy"],
    }


def _plan_training(
    workspace: Workspace, estimate: Estimate, arm: Arm, *, has_threads: bool
) -> Training:
    """Returns how the recommended arm's network is trained."""
    on_gpu = num_workers(Lane.GPU)
    return plan_training(
        workspace.plan,
        functools.partial(estimate.training, workspace.plan, network_arm(arm)),
        lambda count: len(divide_labels(workspace, count).folds),
        cores=on_gpu or num_workers(),
        has_threads=has_threads and not on_gpu,
    )


def _train(workspace: Workspace, arm: Arm, training: Training, console: Console) -> list[Trained]:
    """Trains the network, and those that it is calibrated by, with all cores."""
    plan, most = workspace.plan, training.most
    total = plan.data.num_train
    count = f"all {total:,} labels"
    if most < total:
        count = f"{most:,} of {total:,} labels, within a fifth of {plan.minutes:g} minutes"
    said = f"Training {arm} on {count}, to export it ..."
    if not console.is_terminal:  # else it is shown while it lasts
        print_plain(console, said)
    label, common = f"training {arm} to export it", (workspace, arm, most)
    lane = lane_of_networks(plan)
    require_lane(workspace, lane)
    calls = [(train_final, *common)]
    calls += [(train_beside, *common, fold) for fold in range(training.num_beside)]
    jobs = [
        Job(label, training.seconds, train_on_threads, (training.threads, *call), lane)
        for call in calls
    ]
    is_long = training.seconds > LONG
    progress = Progress(console, workers=num_workers()) if is_long else None
    if progress is not None and console.is_terminal:
        print_plain(console, said)
    with screen.working(console, said) if progress is None else _shown(progress, jobs):
        return run_jobs(jobs, log=workspace.run.log, progress=progress)


@contextlib.contextmanager
def _shown(progress: Progress, jobs) -> Iterator[None]:
    """Shows the progress of jobs while the block runs."""
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
        file_range=data.pixel_range,
        sound=data.sound,
    )
    return version.name
