"""The start of a study: which one the folder holds, what is added to it, and what fits the time."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Console

from tfzero.common.checks import InputError
from tfzero.common.console import print_plain
from tfzero.data import ImageData
from tfzero.jobs.source import Source
from tfzero.study import screen
from tfzero.study.growth import read_growth
from tfzero.study.minutes import fit_minutes, kept_arms, settle_seeds
from tfzero.study.planning.lanes import Lane
from tfzero.study.planning.plan import StudyPlan
from tfzero.study.planning.request import Request
from tfzero.study.planning.resolve import add_to_plan
from tfzero.study.stored import (
    add_seeds,
    find_study,
    open_run,
    read_asked_plan,
    read_plan,
    replace_plan,
    store_plan,
)
from tfzero.study.work.estimate import Estimate, make_estimate
from tfzero.study.work.forecast import Forecast
from tfzero.study.work.locks import hold_lock, others_take_part
from tfzero.study.work.pool import num_workers
from tfzero.study.work.tasks import read_records
from tfzero.study.workspace import Workspace

if TYPE_CHECKING:
    import keras


class Added(NamedTuple):
    """What is to be added to a study that is there.

    Attributes:
        wider: The plan with more arms and label counts.
        arms: Those to be added.
        seeds: Replicates to be added, or None.
    """

    wider: StudyPlan
    arms: tuple[str, ...]
    seeds: int | None


class Opening(NamedTuple):
    """What decides which study a folder holds.

    Attributes:
        asked: The study that is asked for.
        request: What was asked for, before any default was resolved.
        added: What is added to it.
        data: Its images.
        encoder: The own architecture, or None.
        source: What encoders can come from beside the pool.
        overwrite: Whether another study in the folder is removed first.
    """

    asked: Workspace
    request: Request
    added: Added
    data: ImageData
    encoder: keras.Model | None
    source: Source
    overwrite: bool


def open_study(opening: Opening, console: Console) -> tuple[Workspace, Estimate | None]:
    """Returns the workspace of the study to run, and the estimate if that took one."""
    asked, run = opening.asked, opening.asked.run
    if opening.overwrite and others_take_part(run.locks):
        raise InputError(
            f"Another process is working in {run.path}; expected none with `overwrite=True`. "
            "Stop it first, or choose another folder with `out`."
        )
    stored = open_run(
        asked.plan,
        opening.data,
        run,
        encoder=opening.encoder,
        source=opening.source.task,
        given=opening.source.encoder,
        overwrite=opening.overwrite,
    )
    plan, estimate = _settle_plan(opening, stored, console)
    if plan != stored:
        store_plan(plan, asked.plan, run)
    return dataclasses.replace(asked, plan=plan), estimate


def preview_study(opening: Opening, console: Console) -> tuple[Workspace, Estimate]:
    """Returns what `open_study` would, and writes nothing."""
    asked = opening.asked
    stored = find_study(asked.plan, asked.run, overwrite=opening.overwrite)
    if opening.overwrite:  # what is there would be removed, and does not count
        asked = dataclasses.replace(asked, folder=asked.folder / "anew")
        opening = opening._replace(asked=asked)
    plan, estimate = _settle_plan(opening, stored, console)
    workspace = dataclasses.replace(asked, plan=plan)
    return workspace, estimate or _estimate(opening, workspace)


def _settle_plan(
    opening: Opening, stored: StudyPlan | None, console: Console
) -> tuple[StudyPlan, Estimate | None]:
    """Returns the plan to run by, and the estimate if that took one."""
    asked, added = opening.asked, opening.added
    full, run = asked.plan, asked.run
    estimate, plan = None, stored or full
    if stored is None and full.minutes is not None:
        with screen.working(console, "Timing this machine to estimate the minutes ..."):
            estimate = _estimate(opening, asked)
        plan = fit_minutes(
            full,
            estimate,
            minutes=full.minutes,
            workers=num_workers(),
            kept=kept_arms(
                full.arms, opening.request.arms, source_asked=not opening.source.is_default
            ),
            shorten=opening.request.epochs is None,
        )
    growth = read_growth(dataclasses.replace(asked, plan=plan))
    plan = add_to_plan(plan, added.wider, added.arms, looked=bool(growth.taken))
    if added.seeds is not None:
        plan = add_seeds(dataclasses.replace(growth, plan=plan), run, added.seeds)
        if plan == stored:
            print_plain(console, "The study is not finished; continuing with its seeds.")
    return plan, estimate


def _estimate(opening: Opening, workspace: Workspace) -> Estimate:
    return estimate_study(workspace, opening.encoder)


def settle_plan(workspace: Workspace, forecast: Forecast) -> Workspace:
    """Returns the study as its folder holds it, with its number of seeds decided and stored."""
    run = workspace.run
    with hold_lock(run.locks / "folder.json"):
        plan = read_plan(run.path)
        if plan.provisional and plan.minutes is not None:
            asked, seconds = read_asked_plan(run), 60 * plan.minutes - forecast.spent()
            whole = settle_seeds(plan, asked, lambda each: 0.0, seconds=math.inf)
            expect = forecast.expect_of(dataclasses.replace(workspace, plan=whole))
            plan = settle_seeds(plan, asked, expect, seconds=seconds)
            replace_plan(plan, run)
    return dataclasses.replace(workspace, plan=plan)


def estimate_study(workspace: Workspace, encoder: keras.Model | None = None) -> Estimate:
    """Returns what jobs are expected to take, by the records in the folder and a probe.

    Args:
        workspace: The study.
        encoder: As in `make_estimate`.
    """
    cells, encoders = read_records(workspace)
    on_gpu = num_workers(Lane.GPU)
    return make_estimate(workspace, [*cells, *encoders], encoder, num_on_gpu=on_gpu)
