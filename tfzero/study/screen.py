"""What a study prints: the plan before it runs, the table and the verdict after."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tfzero.common.arm import Arm
from tfzero.common.console import print_plain
from tfzero.common.numbers import write_number
from tfzero.common.surroundings import describe_dropped, foreign_variables
from tfzero.networks.frozen import describe_frozen
from tfzero.study.growth import Growth
from tfzero.study.planning.families import list_families
from tfzero.study.planning.parts import DataSummary
from tfzero.study.planning.plan import METRICS, StudyPlan
from tfzero.study.study import Study
from tfzero.study.verdict.claims import AVERAGE
from tfzero.study.verdict.pairing import MIN_SEEDS
from tfzero.study.verdict.words import format_points, join, smallest_difference
from tfzero.study.work.forecast import Forecast
from tfzero.study.work.progress import Planned, format_seconds

if TYPE_CHECKING:
    import keras

# A plan that takes up to this many times the minutes keeps to them.
_OVER = 1.1
# Sentences beside the verdict in a terminal; the report has them all.
_MOST_BESIDE = 6


def show_plan(console: Console, plan: StudyPlan) -> None:
    """Prints what will be run."""
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
    print_plain(console, f"Arms: {', '.join(plan.arms)}")
    print_plain(console, f"{_describe_labels(plan)}; seeds: {plan.seeds}")
    for name, settings in plan.pretraining.items():
        print_plain(console, f"Pretraining {name}: {settings.describe()}")
    if plan.encoders is not None:
        print_plain(console, f"Encoders: {plan.encoders} a method, shared by the seeds")
    _show_looks(console, plan)
    print_plain(console, "Device: processor; a GPU is not used yet.")
    print_plain(console, _describe_metric(plan))
    if plan.dropped:
        dropped = ", ".join(plan.dropped)
        print_plain(
            console,
            f"Dropped to keep to {plan.minutes:g} min: {dropped}. To have all of it, start anew "
            "with `minutes=none` and `overwrite=True`.",
        )
        arms = [name.removeprefix("arm ") for name in plan.dropped if name.startswith("arm ")]
        if arms:
            print_plain(
                console,
                f"To add some of them to this study, give the command with `add_arms={arms[0]}`.",
            )
    families = list_families(plan.arms)
    # With one or two encoders the claims are about these, and each seed counts.
    units = plan.seeds if plan.num_encoders < MIN_SEEDS else plan.num_encoders
    arms = len(families[0].pairs) if families else 1
    print_plain(console, smallest_difference(plan, arms=arms, units=units))


def show_left_out(console: Console, encoder: keras.Model | None) -> None:
    """Prints what of the surroundings a study does not use, and what of an own encoder is fixed."""
    if foreign := foreign_variables():
        print_plain(console, describe_dropped(foreign))
    frozen = "" if encoder is None else describe_frozen(encoder, name="`encoder`")
    if frozen:
        print_plain(console, frozen)


def _count_labelled(data: DataSummary) -> str:
    if data.num_folds > 1:
        return f"{data.num_train:,} labelled to train and, by cross-fitting, to test"
    return f"{data.num_train:,} labelled to train, {data.num_test:,} to test"


def _describe_labels(plan: StudyPlan) -> str:
    """Returns the label counts, and that there are more labels where it is so."""
    counts = ", ".join(f"{count:,}" for count in plan.label_counts)
    most, labelled = plan.data.most_labels, plan.data.num_train
    if max(plan.label_counts) == most:
        return f"Labels: {counts}" + (
            f" (of {labelled:,}, less one fold)" if most < labelled else ""
        )
    return f"Labels: as if you had {counts} of your {plan.data.num_train:,}"


def _show_looks(console: Console, plan: StudyPlan) -> None:
    if plan.extensions:
        earlier = (*plan.looks, *plan.extensions)[-2]
        print_plain(
            console, f"Seeds were added: up to {earlier} before, {plan.extensions[-1]} now."
        )
    elif len(plan.looks) > 1:
        looks = join(plan.looks)
        print_plain(
            console,
            f"Looks at {looks} seeds. The study stops at the first that answers its question.",
        )
    if plan.provisional:
        print_plain(
            console,
            f"After {min(plan.looks)} seeds it is decided how many seeds fit into "
            f"{plan.minutes:g} min; {plan.seeds} is a first guess.",
        )


def _describe_metric(plan: StudyPlan) -> str:
    """Returns which metric the verdict is made on, and why."""
    if plan.metric == METRICS[0]:
        return (
            "Metric: accuracy, in which every test image counts alike. For classes that count "
            "alike: `metric=balanced_accuracy`."
        )
    return "Metric: balanced accuracy, in which every class counts alike, however rare."


def show_seeds(console: Console, plan: StudyPlan, *, before: int) -> None:
    """Prints how many seeds fit into the minutes, now that the first ones were timed."""
    print_plain(
        console,
        f"By the time of the first seeds, {plan.seeds} seeds fit into {plan.minutes:g} min (the "
        f"first guess was {before}).",
    )


def show_look(console: Console, growth: Growth, forecast: Forecast) -> None:
    """Prints what a look decided, and what the arms that are still open would take."""
    last = growth.taken[-1]
    found = f"After {last['seeds']} seeds"
    if last["stops"]:
        print_plain(console, f"{found}: the question is answered; the study stops.")
        return
    settled = [arm for arm in growth.plan.arms if arm not in last["open"]]
    if settled:
        found += f": settled {join(settled)}"
    if growth.next_number is None:
        print_plain(console, f"{found}. These were all seeds.")
        return
    print_plain(console, f"{found}. The study goes on to {growth.seeds} seeds.")
    for entry in last["comparisons"]:
        if entry["num_labels"] is not AVERAGE or entry["settled_by"] is None:
            continue
        seeds = entry["settled_by"]["seeds"]
        if seeds is not None and seeds[0] > last["seeds"]:
            more = seeds[0] - last["seeds"]
            seconds = more * forecast.seconds_per_seed(Arm.parse(entry["arm"]))
            print_plain(
                console,
                f"  {entry['arm']} against {entry['baseline']}: "
                f"{format_points(entry['difference'], sign='+')} points "
                f"({format_points(entry['low'])} to {format_points(entry['high'])}). To tell, it "
                f"would take about {more:,} more seeds, {format_seconds(seconds)}.",
            )


def _show_foreign(console: Console, plan: StudyPlan) -> None:
    if (source := plan.source) is not None:
        labels = f"{source.num_labelled:,} with labels of {len(source.class_names):,} classes"
        print_plain(
            console,
            Text.assemble(
                "Source ",
                (source.name, "bold"),
                f": {source.num_images:,} images, {labels if source.num_labelled else 'no labels'}",
            ),
        )
    if (given := plan.given) is not None:
        print_plain(
            console, Text.assemble("Source ", (given.name, "bold"), ": an encoder ready made")
        )
    for found in (source, given):
        for note in () if found is None else found.notes:
            print_plain(console, f"  {note}")


def show_estimate(console: Console, plan: StudyPlan, forecast: Forecast) -> Planned:
    """Prints how much there is to do and how long each part will take; returns the whole."""
    total, workers, estimate = len(plan.cells()), forecast.workers, forecast.estimate
    missing = len(forecast.cells)
    done = f" ({total - missing:,} of {total:,} are there already)" if missing < total else ""
    print_plain(
        console,
        f"Plan: {len(forecast.pretraining)} pretrainings and {missing:,} cells{done} on {workers} "
        f"{'core' if workers == 1 else 'cores'}, about {format_seconds(forecast.planned)}",
    )
    parts: dict[str, float] = {}
    for method, _ in forecast.pretraining.values():
        name = f"pretraining {method}"
        parts[name] = parts.get(name, 0.0) + estimate.pretraining(plan, method)
    for cell in forecast.cells.values():
        parts[cell.arm] = parts.get(cell.arm, 0.0) + estimate.cell(plan, cell)
    listed = [f"{name} {format_seconds(part / workers)}" for name, part in parts.items()]
    listed.append(f"export and report {format_seconds(forecast.ending)}")
    print_plain(console, f"  of which {', '.join(listed)}")
    if plan.minutes is not None and forecast.planned > _OVER * 60 * plan.minutes:
        print_plain(
            console,
            f"That is more than {plan.minutes:g} min, but what a verdict needs and what was asked "
            "for is not dropped. Stopping it loses nothing: the same command goes on.",
        )
    return Planned(forecast.planned, forecast.ending, time.monotonic())


def show_time(console: Console, planned: Planned) -> None:
    """Prints how long the study took, beside what was planned."""
    took = time.monotonic() - planned.began
    later = ""
    if planned.revised is not None:
        later = f", and {planned.revised:,.0f} s after the first seed"
    print_plain(console, f"Took {took:,.0f} s; planned were {planned.seconds:,.0f} s{later}.")


def show_failures(console: Console, failures) -> None:
    """Prints which jobs failed twice, and why."""
    print_plain(
        console,
        f"{len(failures)} jobs failed twice and are missing from the verdict; the same command "
        "tries them again:",
    )
    for failure in failures:
        print_plain(console, f"- {failure['label']}: {failure['reason']}")


def show_verdict(console: Console, study: Study) -> None:
    """Prints the table and the verdict."""
    _show_table(console, study)
    print_plain(console, "* not detectably below the highest at this label count\n")
    print_plain(console, study.results["headline"], style="bold")
    for sentence in study.results["details"]:
        print_plain(console, sentence)
    for sentence in _choose_sentences(study):
        print_plain(console, f"- {sentence}")
    beside = study.results["exploratory"]
    if beside:
        print_plain(console, "\nBeside the verdict, each figure on its own:")
        for sentence in beside[:_MOST_BESIDE]:
            print_plain(console, f"- {sentence}")
        if len(beside) > _MOST_BESIDE:
            print_plain(console, f"- {len(beside) - _MOST_BESIDE} more are in the report.")
    for sentence in study.results["caveats"]:
        print_plain(console, f"  {sentence}", style="dim")


def _show_table(console: Console, study: Study) -> None:
    """Prints the accuracy of each arm at each label count."""
    title = "Test accuracy in %, mean ± half-width of the 95 % interval over seeds"
    counts = [f"{count:,} labels" for count in study.plan.label_counts]
    table = Table(title=title)
    table.add_column("arm", no_wrap=True)
    for count in counts:
        table.add_column(count, justify="right", no_wrap=True)
    cells = {arm: _format_row(study, arm) for arm in study.plan.arms}
    for arm, row in cells.items():
        table.add_row(arm, *row)
    roomy = console.options.update(width=10_000, markup=False)
    if console.measure(table, options=roomy).maximum <= console.width:
        print_plain(console, table)
        return
    # Columns that do not fit would be cut off, and with them digits.
    print_plain(console, title)
    for arm, row in cells.items():
        print_plain(console, arm, soft_wrap=True)
        for count, cell in zip(counts, row, strict=True):
            print_plain(console, f"  {count}: {cell}".rstrip(), soft_wrap=True)


def _format_row(study: Study, arm: str) -> list[str]:
    """Returns an arm's cells of the table, the best of a label count with a star."""
    rows = {row["num_labels"]: row for row in study.table() if row["arm"] == arm}
    best = {entry["num_labels"] for entry in study.results["best"] if arm in entry["arms"]}
    return [
        f"{_format(rows[count])} {'*' if count in best else ' '}" if count in rows else "-"
        for count in study.plan.label_counts
    ]


def _choose_sentences(study: Study) -> list[str]:
    """Returns a sentence per average, or per comparison if there is none, and on the best arms."""
    comparisons, sentences = study.results["comparisons"], study.results["sentences"]
    averages = [entry["num_labels"] is AVERAGE for entry in comparisons]
    shown = [
        sentence
        for sentence, is_average in zip(sentences, averages, strict=False)
        if is_average or not any(averages)
    ]
    left = len(comparisons) - len(shown)
    more = [f"{left} comparisons at single label counts are in the report."] if left else []
    return [*shown, *more, *sentences[len(comparisons) :]]


def show_export(console: Console, study: Study, *, has_report: bool = True) -> None:
    """Prints what is known of the exported file, or why there is none, and where everything is."""
    recommended, reason = study.results["recommended"], study.results["not_exported"]
    print_plain(console)
    if reason is not None:
        print_plain(console, reason)
    else:
        for sentence in recommended["sentences"]:
            print_plain(console, sentence)
        print_plain(console, f"{recommended['arm']} is {recommended['reason']}.")
        _print_place(console, f"SavedModel: {recommended['savedmodel']}")
    for sentence in study.results["unfinished"]:
        if sentence != reason:
            print_plain(console, sentence)
    if has_report:
        _print_place(console, f"Report: {study.folder}/report.html")


def _print_place(console: Console, text: str) -> None:
    """Prints a line that ends in a path, which is not broken, to be copied."""
    print_plain(console, text, soft_wrap=True)


def _format(row) -> str:
    margin = "" if row["half_width"] is None else f" ± {write_number(row['half_width'])}"
    return f"{write_number(row['mean'])}{margin}"
