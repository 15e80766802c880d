"""What a study prints: the plan before it runs, the table and the verdict after."""

from __future__ import annotations

import time

from rich.console import Console
from rich.table import Table

from tfzero.study.planning.plan import StudyPlan
from tfzero.study.study import Study
from tfzero.study.verdict.words import smallest_difference
from tfzero.study.work.forecast import Forecast
from tfzero.study.work.progress import Planned, format_seconds

# Sentences beside the verdict in a terminal; the report has them all.
_MOST_BESIDE = 6


def show_plan(console: Console, plan: StudyPlan) -> None:
    """Prints what will be run."""
    data = plan.data
    height, width, channels = data.image_shape
    console.print(
        f"[bold]{plan.name}[/bold]: {data.num_pool:,} unlabeled images, "
        f"{data.num_train:,} labelled to train, {data.num_test:,} to test; "
        f"{height}x{width}x{channels}, {len(data.class_names):,} classes",
        highlight=False,
    )
    for note in data.notes:
        console.print(f"  {note}", highlight=False, markup=False)
    _show_foreign(console, plan)
    counts = ", ".join(f"{count:,}" for count in plan.label_counts)
    console.print(
        f"Arms: {', '.join(plan.arms)}\nLabels: {counts}; seeds: {plan.seeds}", highlight=False
    )
    for name, settings in plan.pretraining.items():
        console.print(f"Pretraining {name}: {settings.describe()}", highlight=False)
    if plan.encoders is not None:
        console.print(f"Encoders: {plan.encoders} a method, shared by the seeds", highlight=False)
    if len(plan.looks) > 1:
        console.print(f"Look {len(plan.looks)}: seeds {plan.looks[-2] + 1} to {plan.seeds} are new")
    if plan.dropped:
        dropped = ", ".join(plan.dropped)
        console.print(f"Dropped to keep to {plan.minutes:g} minutes: {dropped}", highlight=False)
    console.print(smallest_difference(plan), highlight=False)


def _show_foreign(console: Console, plan: StudyPlan) -> None:
    if (source := plan.source) is not None:
        labels = f"{source.num_labelled:,} with labels of {len(source.class_names):,} classes"
        console.print(
            f"Source [bold]{source.name}[/bold]: {source.num_images:,} images, "
            f"{labels if source.num_labelled else 'no labels'}",
            highlight=False,
        )
    if (given := plan.given) is not None:
        console.print(f"Source [bold]{given.name}[/bold]: an encoder ready made", highlight=False)
    for found in (source, given):
        for note in () if found is None else found.notes:
            console.print(f"  {note}", highlight=False, markup=False)


def show_estimate(console: Console, plan: StudyPlan, forecast: Forecast) -> Planned:
    """Prints how much there is to do and how long each part will take; returns the whole."""
    total, workers, estimate = len(plan.cells()), forecast.workers, forecast.estimate
    missing = len(forecast.cells)
    done = f" ({total - missing:,} of {total:,} are there already)" if missing < total else ""
    console.print(
        f"Plan: {len(forecast.pretraining)} pretrainings and {missing:,} cells{done} on {workers} "
        f"cores, about {format_seconds(forecast.planned)}",
        highlight=False,
    )
    parts: dict[str, float] = {}
    for method, _ in forecast.pretraining.values():
        name = f"pretraining {method}"
        parts[name] = parts.get(name, 0.0) + estimate.pretraining(plan, method)
    for cell in forecast.cells.values():
        parts[cell.arm] = parts.get(cell.arm, 0.0) + estimate.cell(plan, cell)
    listed = [f"{name} {format_seconds(part / workers)}" for name, part in parts.items()]
    listed.append(f"export and report {format_seconds(forecast.ending)}")
    console.print(f"  of which {', '.join(listed)}", highlight=False)
    return Planned(forecast.planned, forecast.ending, time.monotonic())


def show_time(console: Console, planned: Planned) -> None:
    """Prints how long the study took, beside what was planned."""
    took = time.monotonic() - planned.began
    later = ""
    if planned.revised is not None:
        later = f", and {planned.revised:,.0f} s after the first seed"
    console.print(
        f"Took {took:,.0f} s; planned were {planned.seconds:,.0f} s{later}.", highlight=False
    )


def show_failures(console: Console, failures) -> None:
    """Prints which jobs failed twice, and why."""
    console.print(
        f"{len(failures)} jobs failed twice and are missing from the verdict; the same command "
        "tries them again:",
        highlight=False,
    )
    for failure in failures:
        console.print(f"- {failure['label']}: {failure['reason']}", highlight=False, markup=False)


def show_verdict(console: Console, study: Study) -> None:
    """Prints the table, the verdict and where everything is."""
    table = Table(title="Test accuracy in %, mean ± half-width of the 95 % interval over seeds")
    table.add_column("arm", no_wrap=True)
    for count in study.plan.label_counts:
        table.add_column(f"{count:,} labels", justify="right", no_wrap=True)
    rows = {(row["arm"], row["num_labels"]): row for row in study.table()}
    best = {(e["num_labels"], arm) for e in study.results["best"] for arm in e["arms"]}
    for arm in study.plan.arms:
        cells = []
        for count in study.plan.label_counts:
            row = rows.get((arm, count))
            mark = " *" if (count, arm) in best else "  "
            cells.append("-" if row is None else _format(row) + mark)
        table.add_row(arm, *cells)
    console.print(table)
    console.print("* cannot be told from the highest at this label count\n")
    console.print(study.results["headline"], style="bold", highlight=False)
    for sentence in study.results["sentences"]:
        console.print(f"- {sentence}", highlight=False, markup=False)
    beside = study.results["exploratory"]
    if beside:
        console.print("\nBeside the verdict, each figure on its own:")
        for sentence in beside[:_MOST_BESIDE]:
            console.print(f"- {sentence}", highlight=False, markup=False)
        if len(beside) > _MOST_BESIDE:
            console.print(f"- {len(beside) - _MOST_BESIDE} more are in the report.")
    for sentence in study.results["caveats"]:
        console.print(f"  {sentence}", highlight=False, markup=False, style="dim")
    recommended = study.results["recommended"]
    if recommended is not None:
        console.print(
            f"\nExported {recommended['arm']}, {recommended['reason']}, retrained on all labels: "
            f"{recommended['savedmodel']}",
            highlight=False,
        )
    console.print(f"Report: {study.folder}/report.html", highlight=False)


def _format(row) -> str:
    margin = "" if row["half_width"] is None else f" ± {row['half_width']:.1f}"
    return f"{row['mean']:.1f}{margin}"
