"""What a study prints before it runs: on one screen what is compared, and how long that takes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tfzero.common.console import print_plain
from tfzero.common.numbers import count_of
from tfzero.common.surroundings import describe_dropped, foreign_variables
from tfzero.data.kinds import KINDS
from tfzero.networks.frozen import describe_frozen
from tfzero.study.inits import read_init
from tfzero.study.plain_names import plain_name
from tfzero.study.planning.families import list_families
from tfzero.study.planning.parts import DataSummary
from tfzero.study.planning.plan import METRICS, StudyPlan
from tfzero.study.verdict.pairing import MIN_SEEDS
from tfzero.study.verdict.words import join, smallest_difference
from tfzero.study.work.devices import ON_CPUS, Devices
from tfzero.study.work.forecast import Forecast
from tfzero.study.work.progress import Planned, format_seconds

if TYPE_CHECKING:
    import keras

# A plan that takes up to this many times the minutes keeps to them.
_OVER = 1.1
_ENDING = "start, export and report"


def show_plan(
    console: Console,
    plan: StudyPlan,
    forecast: Forecast | None = None,
    *,
    guessed: bool = False,
    verbose: bool = False,
    dry_run: bool = False,
    devices: Devices = ON_CPUS,
) -> None:
    """Prints what will be run.

    Args:
        console: Where to.
        plan: The study.
        forecast: What is left to do; None where nothing is.
        guessed: Whether nobody said the kind of the images.
        verbose: Whether every setting is printed.
        dry_run: Whether nothing is run after all.
        devices: What the workers run on.
    """
    data = plan.data
    height, width, channels = data.image_shape
    print_plain(
        console,
        Text.assemble(
            (plan.name, "bold"),
            f": {data.num_pool:,} unlabeled images, {_count_labelled(data)}; "
            f"{height}x{width}x{channels}, {len(data.class_names):,} classes",
        ),
    )
    for note in data.notes:
        print_plain(console, f"  {note}")
    _show_foreign(console, plan)
    kind = next(iter(plan.transfer.values())).kind
    if guessed:
        others = ", ".join(name for name in KINDS if name != kind)
        print_plain(console, f"Kind of images: {kind}, a guess; `kind` changes it ({others}).")
    print_plain(console, f"{_describe_labels(plan)}. {_describe_seeds(plan)}")
    if verbose or plan.metric != METRICS[0]:
        print_plain(console, _describe_metric(plan))
    if verbose:
        _show_settings(console, plan, kind)
    if devices.is_news or (verbose and devices.why):
        print_plain(console, f"Device: {devices.why}.")
    if plan.precision is not None:
        print_plain(console, f"Networks compute in {plan.precision}.")
    if forecast is not None:
        _show_minutes(console, plan, forecast)
    if plan.dropped:
        # Not broken, to be copied.
        print_plain(console, _describe_dropped(plan), soft_wrap=True)
    families = list_families(plan.arms)
    # With one or two encoders the claims are about these, and each seed counts.
    units = plan.seeds if plan.num_encoders < MIN_SEEDS else plan.num_encoders
    arms = len(families[0].pairs) if families else 1
    print_plain(console, smallest_difference(plan, arms=arms, units=units))
    if plan.provisional and forecast is not None and not dry_run:
        print_plain(
            console,
            f"Timing the first {min(plan.looks)} seeds now. They decide how many seeds fit "
            f"into {plan.minutes:g} min; {plan.seeds} is a first guess.",
        )


def start_clock(forecast: Forecast) -> Planned:
    """Returns what the study is expected to take, from now on."""
    return Planned(forecast.planned, forecast.ending, time.monotonic())


def show_left_out(console: Console, encoder: keras.Model | None) -> None:
    """Prints what of the surroundings a study does not use, and what of an own encoder is fixed."""
    if foreign := foreign_variables():
        print_plain(console, describe_dropped(foreign))
    frozen = "" if encoder is None else describe_frozen(encoder, name="`encoder`")
    if frozen:
        print_plain(console, frozen)


def _count_labelled(data: DataSummary) -> str:
    if data.num_folds > 1:
        return f"{data.num_train:,} labelled images for training and, by cross-fitting, for testing"
    return f"{data.num_train:,} labelled for training, {data.num_test:,} for testing"


def _describe_labels(plan: StudyPlan) -> str:
    """Returns the label counts, and that there are more labels where it is so."""
    counts = ", ".join(f"{count:,}" for count in plan.label_counts)
    most, labelled = plan.data.most_labels, plan.data.num_train
    if max(plan.label_counts) == most:
        return f"Labels: {counts}" + (
            f" (of {labelled:,}, less one fold)" if most < labelled else ""
        )
    return f"Labels: as if you had labelled {counts} of your {plan.data.num_train:,} images"


def _describe_seeds(plan: StudyPlan) -> str:
    if plan.extensions:
        earlier = (*plan.looks, *plan.extensions)[-2]
        return f"Seeds: up to {earlier} before, {plan.extensions[-1]} now."
    if len(plan.looks) == 1:
        return f"Seeds: {plan.seeds}."
    return f"Seeds: {join(plan.looks)}; the study stops as soon as the question is answered."


def _describe_metric(plan: StudyPlan) -> str:
    """Returns which metric the verdict is made on, and why."""
    if plan.metric == METRICS[0]:
        return (
            "Metric: accuracy. Every test image counts equally. To count every class "
            "equally, use `metric=balanced_accuracy`."
        )
    return "Metric: balanced accuracy. Every class counts equally, even if it is rare."


def _show_settings(console: Console, plan: StudyPlan, kind: str) -> None:
    print_plain(console, f"Kind of images: {kind} ({KINDS[kind].summary}).")
    for name, settings in plan.pretraining.items():
        print_plain(console, f"Pretraining {name}: {settings.describe()}")
    if plan.encoders is not None:
        print_plain(console, f"Encoders: {plan.encoders} per method, shared by the seeds")


def _describe_dropped(plan: StudyPlan) -> str:
    """Returns what was left out to keep to the minutes, and what adds the most of it."""
    arms = [name.removeprefix("arm ") for name in plan.dropped if name.startswith("arm ")]
    parts = [f"{len(arms)} arm{'s' * (len(arms) > 1)}"] if arms else []
    parts += [name for name in plan.dropped if not name.startswith("arm ")]
    said = f"Left out to keep to {plan.minutes:g} min: {join(parts)}."
    if arms:
        return f"{said} To add them, give the same command with `add_arms={','.join(arms)}`"
    if plan.seeds < _asked_seeds(plan):
        more = _asked_seeds(plan) - plan.seeds
        return f"{said} To add them, give the same command with `more_seeds={more}`"
    return f"{said} To run all of it, use `minutes=none` and `overwrite=True`."


def _asked_seeds(plan: StudyPlan) -> int:
    """Returns how many seeds were asked for, by what was dropped of them."""
    found = [name for name in plan.dropped if name.endswith(" seeds")]
    return int(found[0].split()[2]) if found else plan.seeds


def _show_foreign(console: Console, plan: StudyPlan) -> None:
    if (source := plan.source) is not None:
        labels = f"{source.num_labelled:,} with labels of {len(source.class_names):,} classes"
        shown = f": {source.num_images:,} images, {labels if source.num_labelled else 'no labels'}"
        print_plain(console, Text.assemble("Source ", (source.name, "bold"), shown))
    if (given := plan.given) is not None:
        print_plain(
            console, Text.assemble("Source ", (given.name, "bold"), ": an existing encoder")
        )
    for found in (source, given):
        for note in () if found is None else found.notes:
            print_plain(console, f"  {note}")


def _count_workers(plan: StudyPlan, forecast: Forecast) -> str:
    if plan.device is None:
        return f"on {count_of(forecast.workers, 'core')}"
    return f"by {forecast.workers} processes (a guess, until the GPU has done the first jobs)"


def _show_minutes(console: Console, plan: StudyPlan, forecast: Forecast) -> None:
    """Prints how long each arm will take, and all of it."""
    seconds = divide_seconds(plan, forecast)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("arm", no_wrap=True)
    table.add_column("time", no_wrap=True, justify="right")
    named = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    named.add_column("arm", no_wrap=True)
    named.add_column("time", no_wrap=True, justify="right")
    named.add_column("", no_wrap=True, style="dim")
    for name, part in seconds.items():
        row = name, format_seconds(part)
        table.add_row(*row)
        named.add_row(*row, "" if name == _ENDING else plain_name(name))
    roomy = console.options.update(width=10_000, markup=False)
    has_room = console.measure(named, options=roomy).maximum <= console.width
    print_plain(console, named if has_room else table)
    total, missing = len(plan.cells()), len(forecast.cells)
    done = f" ({total - missing:,} of {total:,} are already done)" if missing < total else ""
    print_plain(
        console,
        f"Plan: {count_of(len(forecast.pretraining), 'pretraining')} and "
        f"{count_of(missing, 'cell')}{done} {_count_workers(plan, forecast)}, about "
        f"{format_seconds(forecast.planned)}",
    )
    if plan.minutes is not None and forecast.planned > _OVER * 60 * plan.minutes:
        print_plain(
            console,
            f"That is more than {plan.minutes:g} min, because a verdict needs it or you "
            "asked for it. You can stop at any time. The same command continues the study.",
        )


def divide_seconds(plan: StudyPlan, forecast: Forecast) -> dict[str, float]:
    """Returns the expected seconds of each arm with cells to come, and of the rest.

    Together they are all that is expected. A pretraining counts for the arms that start from it,
    in equal parts.
    """
    estimate = forecast.estimate
    arms = list(dict.fromkeys(cell.arm for cell in forecast.cells.values()))
    seconds: dict[str, float] = {arm: 0.0 for arm in plan.arms if arm in arms}
    for cell in forecast.cells.values():
        seconds[cell.arm] += estimate.cell(plan, cell) / forecast.workers
    for word, replicate in forecast.pretraining.values():
        users = [a for a in arms if word in [s.word for s in read_init(a.init).stages()]]
        part = estimate.learning(plan, word, replicate) / forecast.workers / max(1, len(users))
        for arm in users:
            seconds[arm] += part
    seconds[_ENDING] = max(0.0, forecast.planned - sum(seconds.values()))
    return seconds
