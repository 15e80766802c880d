"""Fits a study into the minutes given, and says what was dropped for it."""

from __future__ import annotations

from collections.abc import Iterator

from tfzero.common.arm import Arm
from tfzero.common.checks import InputError
from tfzero.study.inits import read_init
from tfzero.study.planning.families import control_of
from tfzero.study.planning.plan import SCRATCH, StudyPlan
from tfzero.study.planning.resolve import resize_plan
from tfzero.study.verdict.pairing import MIN_SEEDS
from tfzero.study.work.estimate import Estimate, estimate_plan

# More replicates than this are dropped before any arm is: fewer make verdicts rare.
_ENOUGH_SEEDS = 5


def fit_minutes(plan: StudyPlan, estimate: Estimate, *, minutes: float, workers: int) -> StudyPlan:
    """Returns the largest study that is expected to end within `minutes`.

    In this order: fewer replicates, down to 5; without the most expensive arms, but never
    without scratch/finetune and one transfer arm; without the most expensive label counts, down
    to one; fewer replicates, down to 3. As many replicates as then fit are kept. What was dropped
    is in the plan's `dropped`.

    Args:
        plan: What was asked for.
        estimate: Timed on this machine.
        minutes: From here to the verdict, report and export.
        workers: Processes that work at once.

    Raises:
        InputError: If the smallest study that can give a verdict takes longer.
    """

    def seconds(candidate: StudyPlan) -> float:
        return estimate_plan(candidate, estimate, workers=workers)

    smallest = plan
    for candidate in _smaller_plans(plan, seconds):
        smallest = candidate
        if seconds(candidate) <= 60 * minutes:
            return candidate.model_copy(update={"dropped": _name_dropped(plan, candidate)})
    needed = -(-seconds(smallest) // 60)
    raise InputError(
        f"{minutes:g} minutes do not suffice: the smallest study that can give a verdict "
        f"({', '.join(smallest.arms)} at {smallest.label_counts[0]:,} labels, {smallest.seeds} "
        f"seeds) takes about {needed:.0f} on this machine. Give `minutes={needed:.0f}`, or fewer "
        "`epochs`, or a smaller `size`."
    )


def _smaller_plans(plan: StudyPlan, seconds) -> Iterator[StudyPlan]:
    """Yields the plan and smaller ones, in the order in which things are given up."""
    asked = plan.seeds
    enough = min(asked, _ENOUGH_SEEDS)

    def with_fewer_seeds(smaller: StudyPlan, most: int, least: int) -> Iterator[StudyPlan]:
        return (_with(smaller, seeds=seeds) for seeds in range(most, least - 1, -1))

    yield plan
    yield from with_fewer_seeds(plan, asked - 1, enough)
    while smaller := [_with(plan, without=arm) for arm in _spare_arms(plan)]:
        plan = min(smaller, key=seconds)
        yield from with_fewer_seeds(plan, asked, enough)
    while len(plan.label_counts) > 1:
        smaller = [_with(plan, without=count) for count in plan.label_counts]
        # Of two as long, without the larger count: few labels are what the question is about.
        plan = min(smaller, key=lambda candidate: (seconds(candidate), candidate.label_counts))
        yield from with_fewer_seeds(plan, asked, enough)
    yield from with_fewer_seeds(plan, enough - 1, min(asked, MIN_SEEDS))


def _spare_arms(plan: StudyPlan) -> list[Arm]:
    """Returns the arms that a verdict on pretraining can do without."""
    learnt = [arm for arm in plan.arms if read_init(arm.init).is_pretrained]
    controls = [control for arm in learnt if (control := control_of(arm)) is not None]
    needed = {SCRATCH, *controls, *(learnt if len(learnt) == 1 else [])}
    spare = [arm for arm in plan.arms if arm not in needed]
    return spare if len(plan.arms) > 1 else []


def _with(plan: StudyPlan, *, seeds: int | None = None, without: Arm | int | None = None):
    return resize_plan(
        plan,
        arms=tuple(arm for arm in plan.arms if arm != without),
        label_counts=tuple(count for count in plan.label_counts if count != without),
        seeds=plan.seeds if seeds is None else seeds,
    )


def _name_dropped(asked: StudyPlan, fitted: StudyPlan) -> tuple[str, ...]:
    dropped = []
    if fitted.seeds < asked.seeds:
        dropped.append(f"{asked.seeds - fitted.seeds} of {asked.seeds} seeds")
    dropped += [f"arm {arm}" for arm in asked.arms if arm not in fitted.arms]
    dropped += [f"{n:,} labels" for n in asked.label_counts if n not in fitted.label_counts]
    return tuple(dropped)
