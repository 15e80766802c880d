"""The size of images that have several sizes, chosen where a study is planned: by its minutes."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any, NamedTuple

from tfzero.common.arm import Arm
from tfzero.common.checks import InputError
from tfzero.common.files import read_json
from tfzero.data import ImageData
from tfzero.data.cross_fit import NUM_FOLDS, has_few_labels
from tfzero.data.load import load
from tfzero.data.options import TEST_SHARE, LoadOptions
from tfzero.data.square import SizeChoice, Survey, choose_square
from tfzero.jobs.device import AskedWorkers, choose_devices
from tfzero.jobs.encoder import StudyEncoder
from tfzero.study.inits import parse_init
from tfzero.study.minutes import fit_minutes, kept_arms
from tfzero.study.planning.lanes import Lane
from tfzero.study.planning.parts import DataSummary
from tfzero.study.planning.plan import SCRATCH, StudyPlan
from tfzero.study.planning.request import AUTO, DEFAULT_MINUTES, Request, read_request
from tfzero.study.planning.resolve import plan_summary, resize_plan
from tfzero.study.records import RunFolder
from tfzero.study.verdict.words import join
from tfzero.study.work.counted import Machine, probe_speed
from tfzero.study.work.devices import Devices
from tfzero.study.work.estimate import Estimate, estimate_plan
from tfzero.study.work.pool import num_workers, use_workers
from tfzero.study.work.progress import format_seconds

Shape = tuple[int, int, int]


class Unloaded(NamedTuple):
    """Images that are read where a study is planned, and not before.

    Attributes:
        source: As `load_data` takes it.
        options: How they are read.
    """

    source: Any
    options: LoadOptions


class Studied(NamedTuple):
    """What decides how long a study takes, and which size its images have already.

    Attributes:
        asked: What is asked of the study, by the names of `Request`.
        encoder: The architecture; an own model knows the size of its images.
        folder: Of the study that may be there; "auto" means `runs/NAME`, None that none counts.
        workers: What was asked of the workers.
    """

    asked: dict[str, Any]
    encoder: StudyEncoder
    folder: Any
    workers: AskedWorkers


def load_for_study(unread: Unloaded, studied: Studied) -> ImageData:
    """Returns the images of a study.

    Raises:
        InputError: If the images cannot be used.
    """
    rule = SizeByMinutes(unread, studied)
    return load(unread.source, dataclasses.replace(unread.options, size_rule=rule))


@dataclasses.dataclass(frozen=True)
class SizeByMinutes:
    """A rule that knows the study: see `tfzero.data.square.SizeRule`.

    A study that is there keeps the size of its images, on whatever machine it goes on. A new one
    gets the largest square at which the study that fits the minutes at the smallest square still
    fits. So nobody pays for pixels with arms or seeds.

    Attributes:
        unread: The images.
        studied: The study.
    """

    unread: Unloaded
    studied: Studied

    def __call__(self, survey: Survey) -> SizeChoice:
        """Returns the size, and why it is this one."""
        studied = self.studied
        if studied.encoder.sides is not None:
            return SizeChoice(studied.encoder.sides, "The encoder takes images of this size.")
        folder = pathlib.Path("runs", survey.name) if studied.folder == AUTO else studied.folder
        stored = None if folder is None else read_json(RunFolder(folder).study)
        if stored is not None:
            height, width, _ = stored["data"]["image_shape"]
            reason = f"The study in {folder} has this size."
            return SizeChoice((height, width), reason, stored["data"]["resize"])
        offered = survey.offer()
        takes = studied.encoder.takes
        sides = [side for side in offered if takes((side, side, survey.channels))] or offered
        if len(sides) == 1:
            return choose_square(survey)
        try:
            shape = min(sides), min(sides), survey.channels
            devices = choose_devices(studied.workers, shape, kept=None)
            asked = {**studied.asked, **({"device": devices.gpu} if devices.gpu else {})}
            request = _without_foreign(read_request(asked))
            plans = {side: self._plan(survey, side, request) for side in sides}
        except InputError:  # which is raised again when all is known
            return choose_square(survey)
        return self._choose(plans, request, devices)

    def _choose(
        self, plans: dict[int, StudyPlan], request: Request, devices: Devices
    ) -> SizeChoice:
        asked = self.studied.workers
        with use_workers(asked.count, scheduler=asked.scheduler, devices=devices):
            seconds, minutes = self._estimate(plans, request)
        limit = max(60 * minutes, min(seconds.values()), seconds[min(plans)])
        side = max(side for side in plans if seconds[side] <= limit)
        listed = join([f"{each} ({format_seconds(seconds[each])})" for each in plans])
        if seconds[side] <= 60 * minutes:
            why = f"is the largest that fits into {minutes:g} min"
        elif side == min(plans):
            why = f"is the fastest; no side fits into {minutes:g} min"
        else:
            why = f"takes at most the time of {min(plans)}; no side fits into {minutes:g} min"
        return SizeChoice((side, side), f"Of the sides {listed}, {side} {why}.")

    def _estimate(
        self, plans: dict[int, StudyPlan], request: Request
    ) -> tuple[dict[int, float], float]:
        """Returns the seconds of one study at each side, and the minutes that it may take."""
        speed, workers = probe_speed(), num_workers()
        machines = {
            side: Estimate(
                Machine(speed, self.studied.encoder.count(plan.data.image_shape)),
                num_on_gpu=num_workers(Lane.GPU),
            )
            for side, plan in plans.items()
        }
        smallest = plans[min(plans)]
        minutes = smallest.minutes or DEFAULT_MINUTES
        fitted = fit_minutes(
            smallest,
            machines[min(plans)],
            minutes=minutes,
            workers=workers,
            kept=kept_arms(smallest.arms, request.arms),
            shorten=request.epochs is None,
        )
        seconds = {}
        for side, plan in plans.items():
            same = resize_plan(
                plan,
                arms=fitted.arms,
                label_counts=fitted.label_counts,
                seeds=fitted.seeds,
                pretraining=fitted.pretraining,
            )
            seconds[side] = estimate_plan(same, machines[side], workers=workers)
        return seconds, minutes

    def _plan(self, survey: Survey, side: int, request: Request) -> StudyPlan:
        summary = _foresee(survey, (side, side, survey.channels), self.unread.options)
        return plan_summary(summary, request, name=survey.name)


def _without_foreign(request: Request) -> Request:
    """Returns the request without what starts from a source, which is not read yet."""
    if request.arms is None:
        return request.model_copy(update={"then": None})
    own = tuple(arm for arm in request.arms if not _is_foreign(arm)) or (SCRATCH,)
    return request.model_copy(update={"then": None, "arms": own})


def _is_foreign(text: str) -> bool:
    try:
        init = parse_init(Arm.parse(text).init)
    except ValueError:
        return False
    return init is not None and init.is_foreign


def _foresee(survey: Survey, shape: Shape, options: LoadOptions) -> DataSummary:
    """Returns about what a plan will hold of the images, once they are read."""
    counts = survey.counts
    labelled, tested = counts.get("train", 0), counts.get("test", 0)
    unlabeled, folds = counts.get("pool", 0), 1
    if not tested and options.test_share is None and has_few_labels(labelled, unlabeled):
        pool, tested, folds = unlabeled, labelled, NUM_FOLDS
    else:
        if not tested:
            tested = round(labelled * (options.test_share or TEST_SHARE))
            labelled -= tested
        pool = unlabeled + (0 if options.pool_only and unlabeled else labelled)
    return DataSummary(
        source=survey.where,
        fingerprint="",
        image_shape=shape,
        class_names=tuple(map(str, range(survey.num_classes))),
        num_pool=pool,
        num_train=labelled,
        num_test=tested,
        notes=(),
        num_folds=folds,
    )
