"""The main job: study, then report, then export."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import shutil
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console

from tfzero.common.checks import StopError
from tfzero.common.files import is_disk_full, require_folder_place
from tfzero.common.outlet import standard_output
from tfzero.common.surroundings import own_settings, trusts_files
from tfzero.data import ImageData
from tfzero.data.check import check_briefly, require_no_leaks
from tfzero.data.options import LoadOptions
from tfzero.jobs import opening
from tfzero.jobs.check import show_briefly
from tfzero.jobs.ending import end_study
from tfzero.jobs.example import find_example
from tfzero.jobs.recommended import (
    choose_place,
)
from tfzero.jobs.running import Shown, make_forecast, run_missing, show_plan
from tfzero.jobs.sizing import Studied, Unloaded, load_for_study
from tfzero.jobs.source import open_source
from tfzero.jobs.study import Study
from tfzero.study import plan_screen, screen
from tfzero.study.outside import read_arms
from tfzero.study.planning.request import AUTO, read_request
from tfzero.study.planning.resolve import BUILT_IN, make_plan
from tfzero.study.readings.data import record_data, record_images
from tfzero.study.records import RunFolder
from tfzero.study.stored import read_asked
from tfzero.study.work.attempt import disk_full
from tfzero.study.work.locks import hold_lock, others_take_part, take_part
from tfzero.study.work.pool import use_workers
from tfzero.study.workspace import Workspace

if TYPE_CHECKING:
    import keras


@own_settings()
def compare(
    data: ImageData | str | os.PathLike | Unloaded = "digits",
    *,
    arms: Sequence[str | tuple[Any, Any]] | None = None,
    label_counts: Sequence[int | str] | None = None,
    seeds: int | None = None,
    epochs: int | None = None,
    encoders: int | None = None,
    early_stop: bool | None = None,
    margin: float | None = None,
    metric: str | None = None,
    minutes: float | Literal["auto"] | None = AUTO,
    more_seeds: int | None = None,
    add_arms: Sequence[str] | None = None,
    add_label_counts: Sequence[int | str] | None = None,
    class_weights: bool | None = None,
    kind: str | None = None,
    unlabeled_from: str | None = None,
    encoder: keras.Model | None = None,
    source: ImageData | str | os.PathLike | None = None,
    then: str | None = None,
    weights: str | os.PathLike | None = None,
    out: str | os.PathLike | None = None,
    export: str | os.PathLike | None = None,
    overwrite: bool = False,
    workers: int | None = None,
    scheduler: str | None = None,
    console: Console | None = None,
    verbose: bool = False,
    dry_run: bool = False,
) -> Study:
    """Measures whether pretraining pays on your images, and exports the best network.

    A folder that holds a part of the same study is continued; a finished one is only read. Any
    number of processes, on any machines that see the folder, may run the same study in it.

    Args:
        data: What `load_data` returns, or what it takes. Where images have several sizes and only
            the path is given, all become a square of 32, 64, 96 or 128 pixels, padded: the
            largest that `minutes` allows.
        arms: As INIT/STRATEGY, for example "vae/lpft"; None takes the default ones. Or pairs
            (init, strategy), where the init may be a class of your own, derived from
            `tfzero.pretrain.base.Pretrainer`, and the strategy an object of your own, derived
            from `tfzero.transfer.strategies.base.Strategy`.
        label_counts: Numbers or "all"; None takes 2, 5 and 20 labels a class.
        seeds: The most replicates: each redraws labels, starting weights and training; None
            means 10. The study stops earlier where its question is answered.
        epochs: Pretraining passes over the pool; None chooses by its size.
        encoders: Encoders a method, shared by the replicates where they are fewer; None
            pretrains one each. The verdict then counts encoders, not replicates.
        early_stop: Whether the study may stop before all its seeds: when an arm is shown to be
            better than training from scratch on average over the label counts, or all averages
            are settled. None means that it may. Arms that are settled get no more seeds.
        margin: Smallest difference worth having, in points of accuracy; None means 1.
        metric: What the verdict is made on: "accuracy", or "balanced_accuracy", the mean of the
            classes' accuracies; None means "accuracy".
        minutes: What the study may take on this machine, export and report included: "auto" means
            30, and 3 on the built-in digits; None means any time. Default arms are added as far as
            they fit, pretraining is shortened before an arm is dropped, and the seeds are as many
            as fit, 3 at least. What you ask for by name is never dropped.
        more_seeds: Adds replicates to the finished study in the folder, and looks again. What is
            not given here is as it was asked for then.
        add_arms: Adds arms to the study in the folder; all its records stay. After a look, nothing
            is claimed of them until seeds are added.
        add_label_counts: Adds label counts, likewise.
        class_weights: Whether rare classes weigh as much as frequent ones in training, in every
            arm; None means not.
        kind: The kind of data, which decides what training may change in an image: "digits",
            "clothes" (may be mirrored), "photos", "microscopy" (may be mirrored and turned by
            right angles; the default arms then have no rotation) or "spectrograms". None takes
            "photos" for three channels, else "digits".
        unlabeled_from: Where the images come from that networks are trained on without labels, by
            strategies that do so: "pool", "generated" (by the arm's own pretrained GAN or VAE) or
            "both". None means "pool".
        encoder: An own architecture, any Keras model from float32 images in 0..1 to features
            `(B, D)`; its weights are drawn anew for every replicate.
        source: Where encoders can come from beside the pool: another data set, with classes or
            without, as `load_data` takes it (arms `supervised/...` and `METHOD@source/...`);
            "imagenet:NAME" for a network of `keras.applications` with its published weights
            (arms `public/...`), perhaps "imagenet:NAME,size=96"; or a `.keras` file (arms
            `file/...`). Without `arms`, the default ones get some of these beside them.
        then: Method that goes on from the source's encoder on the target's own pool; adds the
            chain, as `supervised+vae/lpft`, and each of its halves alone.
        weights: File of weights for "imagenet:NAME"; None lets Keras find or download them.
        out: Run folder; None means `runs/NAME`.
        export: Where versions of the SavedModel go. None means `savedmodels/NAME`, or
            `savedmodel` in the run folder where `out` is given; a study without a verdict then
            exports nothing.
        overwrite: Whether another study in the folder is removed first.
        workers: Processes on this machine; None takes one per core. No cell's result depends on
            it, but how many arms and seeds fit into `minutes` does, and so do the last bits of
            the exported model: its training may use several threads.
        scheduler: Address of a Dask scheduler whose workers are used instead; they see the run
            folder under the same path.
        console: Where plan and progress are shown; None means standard output.
        verbose: Whether every setting of the plan and every sentence of the verdict is printed,
            not only what fits on one screen each.
        dry_run: Whether the plan alone is printed. Nothing is written, and the study that is
            returned has a plan and empty `results`.

    Returns:
        The finished study. Where something failed after the verdict, as the export on a full disk,
        `results["unfinished"]` says so in sentences; the same call tries it again.

    Raises:
        InputError: If something given cannot be used.
        StopError: If the study cannot go on, as on a full disk; what is done is kept.
    """
    console = console or Console(file=standard_output(), emoji=False)
    named, outside = read_arms(arms)
    asked = {
        "arms": named,
        "outside": outside.fingerprints() or None,
        "label_counts": label_counts,
        "seeds": seeds,
        "epochs": epochs,
        "encoders": encoders,
        "early_stop": early_stop,
        "margin": margin,
        "metric": metric,
        "class_weights": class_weights,
        "kind": kind,
        "unlabeled_from": unlabeled_from,
        "then": then,
    }
    told = {} if minutes == AUTO else {"minutes": minutes}  # None lifts the limit
    is_called = not isinstance(data, Unloaded)
    if not isinstance(data, ImageData):
        unread = data if isinstance(data, Unloaded) else Unloaded(data, LoadOptions())
        kept = None if overwrite else out or AUTO
        studied = Studied({**_without_none(asked), **told}, encoder, kept, workers, scheduler)
        with screen.working(console, "Reading the images ..."):
            data, encoder = load_for_study(unread, studied)
    data = data.cross_fitted()
    checked = check_briefly(data)
    require_no_leaks(checked)
    run = RunFolder(pathlib.Path("runs", data.name) if out is None else out)
    grows = more_seeds is not None or add_arms or add_label_counts
    earlier = read_asked(run) if grows else {}
    request = read_request({**earlier, **_without_none(asked), **told})
    opened = open_source(source, like=data, weights=weights)
    foreign = {"encoder": encoder, "source": opened.task, "given": opened.given}
    full = make_plan(data, request, **foreign)
    wider = full
    if add_arms or add_label_counts:
        wider = make_plan(data, request.widened(add_arms, add_label_counts, like=full), **foreign)
    # A cluster's cores are not for one process alone.
    one_machine = scheduler is None
    exporting = choose_place(full.name, run, out=out, export=export, has_threads=one_machine)
    chosen_by = "export" if export is not None or out is None else "out"
    require_folder_place(exporting.target, chosen_by=chosen_by)
    own_networks = encoder is not None or opened.encoder is not None
    # The workers' working directory may be another.
    asked_for = Workspace(
        full,
        run.path.resolve(),
        _own_objects() if own_networks else {},
        outside,
        trusts_files=own_networks and trusts_files(),
    )
    added = opening.Added(wider, tuple(add_arms or ()), more_seeds)
    begun = opening.Opening(asked_for, request, added, data, encoder, opened, overwrite)
    is_guess = request.kind is None and data.told_kind is None and data.source != BUILT_IN
    shown = Shown(console, verbose, dry_run, is_guess)
    with _sentence_for_full_disk(run), use_workers(workers, scheduler=scheduler):
        if dry_run:
            workspace, estimate = opening.preview_study(begun, console)
            plan_screen.show_left_out(console, encoder)
            show_briefly(console, checked)
            show_plan(workspace, make_forecast(workspace, estimate), shown)
            return Study(workspace.plan, str(run.path), {})
        run.create()
        with take_part(run.locks):
            with hold_lock(run.locks / "folder.json"):
                workspace, estimate = opening.open_study(begun, console)
            record_data(run, data, checked)
            record_images(run, data)
            forecast = make_forecast(workspace, estimate)
            plan_screen.show_left_out(console, encoder)
            show_briefly(console, checked)
            show_plan(workspace, forecast, shown)
            workspace, planned = run_missing(workspace, console, forecast)
            with hold_lock(run.locks / "ending.json"):
                study = end_study(workspace, exporting, console, verbose=verbose)
            study = dataclasses.replace(study, example=find_example(data, run))
            if planned is not None and verbose:
                screen.show_time(console, planned)
            if is_called:  # a command says it in other words
                screen.show_places(console, study)
            with hold_lock(run.locks / "folder.json"):
                if not others_take_part(run.locks):
                    shutil.rmtree(run.cache, ignore_errors=True)  # made again when needed
    return study


@contextlib.contextmanager
def _sentence_for_full_disk(run: RunFolder) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if is_disk_full(error) and not isinstance(error, StopError):
            raise disk_full(run) from error
        raise


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _own_objects() -> dict[str, Any]:
    """Returns the custom classes registered with Keras that are not ours, for the workers."""
    import keras

    return {
        name: value
        for name, value in keras.saving.get_custom_objects().items()
        if not name.startswith("tfzero>")
    }
