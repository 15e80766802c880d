"""A study's jobs, run with the plan shown before them and the progress while they last."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from rich.console import Console

from tfzero.common.console import print_plain
from tfzero.jobs import opening
from tfzero.jobs.device import require_lane
from tfzero.study import plan_screen, screen
from tfzero.study.growing import grow_study
from tfzero.study.growth import Growth, read_growth
from tfzero.study.planning.lanes import lane_of_networks
from tfzero.study.standing import Standing
from tfzero.study.work.devices import ON_CPUS, Devices
from tfzero.study.work.estimate import Estimate
from tfzero.study.work.forecast import Forecast
from tfzero.study.work.pool import num_workers
from tfzero.study.work.progress import Planned, Progress
from tfzero.study.work.tasks import missing_cells
from tfzero.study.workspace import Workspace


class Shown(NamedTuple):
    """Where a study is shown, and how much of it.

    Attributes:
        console: Where.
        verbose: Whether all of it.
        dry_run: Whether nothing is run.
        guessed: Whether nobody said the kind of the images.
        devices: What the workers run on.
    """

    console: Console
    verbose: bool
    dry_run: bool
    guessed: bool
    devices: Devices = ON_CPUS


def make_forecast(workspace: Workspace, estimate: Estimate | None) -> Forecast | None:
    """Returns what is left to do; None where nothing is."""
    growth = read_growth(workspace)
    if growth.next_number is None and not missing_cells(workspace, growth.cells()):
        return None
    forecast = Forecast(
        workspace, estimate or opening.estimate_study(workspace), workers=num_workers()
    )
    forecast.keep(growth.possible_cells())
    return forecast


def show_plan(workspace: Workspace, forecast: Forecast | None, shown: Shown) -> None:
    """Prints the plan, and the minutes of what is left to do."""
    plan_screen.show_plan(
        shown.console,
        workspace.plan,
        forecast,
        guessed=shown.guessed,
        devices=shown.devices,
        verbose=shown.verbose,
        dry_run=shown.dry_run,
    )


def run_missing(
    workspace: Workspace, console: Console, forecast: Forecast | None
) -> tuple[Workspace, Planned | None]:
    """Runs what has no record yet.

    Returns:
        The study with the number of seeds that was decided, and what all was expected to take;
        None where there was nothing to run.
    """
    if forecast is None:
        print_plain(console, "Every cell already has its record; there is nothing to train.")
        return workspace, None
    require_lane(workspace, lane_of_networks(workspace.plan))
    planned = plan_screen.start_clock(forecast)
    standing = Standing(workspace)
    progress = Progress(console, workers=num_workers(), standing=standing, forecast=forecast)

    def settle(workspace: Workspace) -> Workspace:
        settled = opening.settle_plan(workspace, forecast)
        if settled.plan.looks != workspace.plan.looks:
            forecast.follow(settled)
            standing.follow(settled)
            screen.show_seeds(console, settled.plan, before=workspace.plan.seeds)
        return settled

    def tell(growth: Growth) -> None:
        forecast.keep(growth.possible_cells())
        screen.show_look(console, growth, forecast)

    try:
        growth = grow_study(
            workspace, estimate=forecast.estimate, progress=progress, settle=settle, tell=tell
        )
    finally:
        progress.stop()
    failures = workspace.run.read_failures()
    if failures:
        screen.show_failures(console, failures)
    workspace = dataclasses.replace(workspace, plan=growth.plan)
    return workspace, planned._replace(revised=forecast.revised)
