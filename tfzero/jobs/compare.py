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
from tfzero.common.surroundings import PRECISIONS, own_settings, trusts_files
from tfzero.data import ImageData
from tfzero.data.check import check_briefly, require_no_leaks
from tfzero.data.options import LoadOptions
from tfzero.jobs import opening
from tfzero.jobs.check import show_briefly
from tfzero.jobs.device import AskedWorkers, choose_devices, read_kept_device, spare_gpus
from tfzero.jobs.encoder import read_study_encoder, require_encoder_again
from tfzero.jobs.ending import end_study
from tfzero.jobs.example import find_example
from tfzero.jobs.load import require_known_precision
from tfzero.jobs.recommended import (
    choose_place,
)
from tfzero.jobs.running import Shown, make_forecast, run_missing, show_plan
from tfzero.jobs.sizing import Studied, Unloaded, load_for_study
from tfzero.jobs.source import default_source, open_source
from tfzero.jobs.study import Study
from tfzero.study import plan_screen, screen
from tfzero.study.outside import read_arms
from tfzero.study.planning.request import AUTO, read_request
from tfzero.study.planning.resolve import BUILT_IN, choose_precision, make_plan
from tfzero.study.readings.data import record_data, record_images
from tfzero.study.records import RunFolder
from tfzero.study.stored import read_asked, read_asked_plan
from tfzero.study.work.attempt import disk_full
from tfzero.study.work.locks import hold_lock, others_take_part, take_part
from tfzero.study.work.pool import use_workers
from tfzero.study.workspace import Workspace

if TYPE_CHECKING:
    import keras


@own_settings(PRECISIONS[0])
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
    encoder: keras.Model | str | os.PathLike | None = None,
    precision: str | None = None,
    source: ImageData | str | os.PathLike | None = None,
    then: str | None = None,
    weights: str | os.PathLike | None = None,
    out: str | os.PathLike | None = None,
    export: str | os.PathLike | None = None,
    overwrite: bool = False,
    workers: int | None = None,
    scheduler: str | None = None,
    device: str = AUTO,
    console: Console | None = None,
    verbose: bool = False,
    dry_run: bool = False,
) -> Study:
    """Measures whether pretraining helps on your images, and exports the best network.

    A study in the folder that is not finished is continued; a finished one is only read. Several
    processes may run the same study, on any machines that share the folder.

    Args:
        data: Result of `load_data`, or a source that `load_data` takes. If only a path is given and
            images have several sizes, all are padded to one square. Its side is the largest of 32,
            64, 96 and 128 that `minutes` allows.
        arms: Arms as INIT/STRATEGY, for example "vae/lpft"; None takes the default arms. An arm may
            also be a pair (init, strategy). Its init may be your own class, derived from
            `tfzero.pretrain.base.Pretrainer`. Its strategy may be your own object, derived from
            `tfzero.transfer.strategies.base.Strategy`.
        label_counts: Numbers of labels or "all"; None takes 2, 5 and 20 labels per class.
        seeds: Largest number of replicates; None means 10. Each draws labels, starting weights and
            training again. The study stops earlier if its question is answered.
        epochs: Number of pretraining passes over the pool; None chooses by its size.
        encoders: Number of encoders per method. Fewer encoders than replicates are shared, and the
            verdict then counts encoders. None pretrains one per replicate.
        early_stop: Whether the study may stop before all its seeds; None means that it may. It
            stops when one arm is shown to be better than training from scratch on average over the
            label counts. It also stops when all averages are settled. Settled arms get no more
            seeds.
        margin: Smallest difference that matters to you, in points of accuracy; None means 1.
        metric: Metric of the verdict: "accuracy", or "balanced_accuracy", the mean of the classes'
            accuracies. None means "accuracy".
        minutes: Minutes that the study may take on this machine, including export and report. With
            "auto", it may take 30, or 3 for the built-in digits; None means no limit. Default arms
            are added while they fit. Pretraining is shortened before an arm is dropped. The study
            uses as many seeds as fit, at least 3. Arms that you name are never dropped.
        more_seeds: Number of replicates to add to the finished study in the folder, which then
            looks again. Arguments that are not given keep their earlier values.
        add_arms: Arms to add to the study in the folder; existing records are kept. Nothing is
            claimed about arms added after a look until seeds are added.
        add_label_counts: Label counts to add to the study in the folder, as `add_arms`.
        class_weights: Whether rare classes get the same total weight as frequent ones in training,
            in every arm; None means False.
        kind: Kind of data, which decides the augmentation: "digits", "clothes" (may be mirrored),
            "photos", "microscopy" or "spectrograms". Images of "microscopy" may be mirrored and
            turned by right angles; the default arms then leave out rotation. None takes "photos"
            for three channels, otherwise "digits".
        unlabeled_from: Unlabeled images for strategies that train networks on them: "pool",
            "generated" (by the arm's own pretrained GAN or VAE) or "both". None means "pool".
        encoder: The architecture: "small", "residual", "base" or "keras:NAME", as in
            `tfzero.build_encoder`; None takes "small". Or your own: any Keras model from float32
            images in 0..1 to features `(B, D)`, or a `.keras` file with one. Every replicate draws
            its weights again.
        precision: Precision in which networks compute: "float32", "mixed_bfloat16" or
            "mixed_float16". The mixed ones are meant for large encoders on a GPU; most CPUs are
            slower with them. None means "float32", or the precision of your own `encoder`.
        source: Another source of encoders. It is another data set that `load_data` takes, with
            classes or without (arms `supervised/...` and `METHOD@source/...`). Or "lite0" for
            EfficientNet-Lite0 with ImageNet weights (arms `public/...`). Studies of colour images
            use it by default if its package is installed and no arms are named. Or "imagenet:NAME",
            optionally "imagenet:NAME,size=96", for a network of `keras.applications` with its
            published weights (arms `public/...`). Or "kerashub:PRESET" for an image network of
            KerasHub, such as "kerashub:dinov2_small" (arms `public/...`). Or a `.keras` file (arms
            `file/...`). Without `arms`, the default arms include some of these.
        then: Method that continues from the source's encoder on the target's pool. Adds the chain,
            such as `supervised+vae/lpft`, and each of its two halves alone.
        weights: File of weights for "imagenet:NAME", or folder of a preset for "kerashub:NAME".
            None lets Keras or KerasHub find or download them.
        out: Run folder; None means `runs/NAME`.
        export: Folder for versions of the SavedModel. None means `savedmodels/NAME`, or
            `savedmodel` in the run folder if `out` is given. In the latter case, a study without a
            verdict exports nothing.
        overwrite: Whether to remove another study in the folder first.
        workers: Number of processes on this machine; None takes one per core. It does not change
            the results of cells. It does change how many arms and seeds fit into `minutes`. It also
            changes the last bits of the exported model, whose training may use several threads.
        scheduler: Address of a Dask scheduler whose workers to use instead. They must see the run
            folder under the same path.
        device: "cpu"; "gpu" for the NVIDIA GPUs of this machine; or numbers of GPUs, such as "0,1".
            With "auto", GPUs are used for images of at least 28 pixels a side, if TensorFlow can
            use them. A study that is in the folder keeps its device. The device changes the last
            bits of results, so each folder has results of one model of GPU, or of CPUs.
        console: Console for plan and progress; None means standard output.
        verbose: Whether to print every setting of the plan and every sentence of the verdict.
            Otherwise each fits on one screen.
        dry_run: Whether to print only the plan. Nothing is written, and the returned study has a
            plan and empty `results`.

    Returns:
        The finished study. If a step failed after the verdict, such as the export,
        `results["unfinished"]` names it in sentences. The same call tries it again.

    Raises:
        InputError: If an argument cannot be used.
        StopError: If the study cannot continue, for example on a full disk. Finished work is kept.
    """
    require_known_precision(precision)
    console = console or Console(file=standard_output(), emoji=False)
    architecture = read_study_encoder(encoder)
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
        "precision": precision,
        "then": then,
    }
    told = {} if minutes == AUTO else {"minutes": minutes}  # None lifts the limit
    is_called = not isinstance(data, Unloaded)
    asked_workers = AskedWorkers(device, workers, scheduler)
    asked_workers.require_possible()
    spare_gpus(asked_workers)
    if not isinstance(data, ImageData):
        unread = data if isinstance(data, Unloaded) else Unloaded(data, LoadOptions())
        kept = None if overwrite else out or AUTO
        studied = Studied({**_without_none(asked), **told}, architecture, kept, asked_workers)
        with screen.working(console, "Reading the images ..."):
            data = load_for_study(unread, studied)
    run = RunFolder(pathlib.Path("runs", data.name) if out is None else out)
    grows = more_seeds is not None or add_arms or add_label_counts
    earlier = read_asked(run) if grows else {}
    with own_settings(precision or earlier.get("precision") or PRECISIONS[0]):
        encoder = architecture.build(data.image_shape)
    if grows:
        require_encoder_again(encoder, read_asked_plan(run).encoder, run.path)
    data = data.cross_fitted()
    checked = check_briefly(data)
    require_no_leaks(checked)
    kept_device = None if overwrite else read_kept_device(run)
    devices = choose_devices(asked_workers, data.image_shape, kept=kept_device)
    asked["device"] = devices.gpu
    request = read_request({**earlier, **_without_none(asked), **told})
    default = None
    if source is None and weights is None:
        named = bool(arms is not None or then)
        default = default_source(data, run, named=named, overwrite=overwrite)
    used = choose_precision(request, encoder) or PRECISIONS[0]
    opened = open_source(source or default, like=data, weights=weights, precision=used)
    opened = opened._replace(is_default=default is not None)
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
    shown = Shown(console, verbose, dry_run, is_guess, devices)
    with (
        _sentence_for_full_disk(run),
        use_workers(workers, scheduler=scheduler, devices=devices),
        own_settings(used),
    ):
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
            example = find_example(data, run)
            # As it was asked for: the workers' path is absolute.
            study = dataclasses.replace(study, folder=str(run.path), example=example)
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
