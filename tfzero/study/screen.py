"""What a study prints while it runs, and at its end; `plan_screen` is the screen before."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

from rich.console import Console

from tfzero.common.arm import Arm
from tfzero.common.console import print_plain
from tfzero.common.numbers import count_of, write_number
from tfzero.study.growth import Growth
from tfzero.study.planning.plan import StudyPlan
from tfzero.study.records import RunFolder
from tfzero.study.study import FinishedStudy
from tfzero.study.verdict.claims import AVERAGE
from tfzero.study.verdict.words import format_points, join
from tfzero.study.verdict_screen import show_answer, show_arms
from tfzero.study.work.forecast import Forecast
from tfzero.study.work.progress import Planned, format_seconds

# Sentences beside the verdict in a terminal; the report has them all.
_MOST_BESIDE = 6


@contextlib.contextmanager
def working(console: Console, text: str) -> Iterator[None]:
    """Shows in a terminal what is being done until the block ends; a log gets no line of it."""
    if not console.is_terminal or console.quiet:
        yield
        return
    with console.status(text):
        yield


def show_seeds(console: Console, plan: StudyPlan, *, before: int) -> None:
    """Prints how many seeds fit into the minutes, now that the first ones were timed."""
    print_plain(
        console,
        f"Timing of the first seeds shows that {plan.seeds} seeds fit into {plan.minutes:g} "
        f"min (the first guess was {before}).",
    )


def show_look(console: Console, growth: Growth, forecast: Forecast) -> None:
    """Prints what a look decided, and what the arms that are still open would take."""
    last = growth.taken[-1]
    found = f"After {count_of(last['seeds'], 'seed')}"
    if last["stops"]:
        print_plain(console, f"{found}: the question is answered, so the study stops.")
        return
    settled = [arm for arm in growth.plan.arms if arm not in last["open"]]
    if settled:
        found += f": settled {join(settled)}"
    if growth.next_number is None:
        print_plain(console, f"{found}. All seeds are done.")
        return
    print_plain(console, f"{found}. The study continues to {growth.seeds} seeds.")
    for entry in last["comparisons"]:
        if entry["num_labels"] is not AVERAGE or entry["settled_by"] is None:
            continue
        seeds = entry["settled_by"]["seeds"]
        if seeds is not None and seeds[0] > last["seeds"]:
            more = seeds[0] - last["seeds"]
            seconds = more * forecast.seconds_per_seed(Arm.parse(entry["arm"]))
            print_plain(
                console,
                f" {entry['arm']} against {entry['baseline']}: "
                f"{format_points(entry['difference'], sign='+')} points "
                f"({format_points(entry['low'])} to {format_points(entry['high'])}). A "
                f"detectable difference would need about {more:,} more seeds, "
                f"{format_seconds(seconds)}.",
            )


def show_time(console: Console, planned: Planned) -> None:
    """Prints how long the study took, beside what was planned."""
    took = time.monotonic() - planned.began
    later = ""
    if planned.revised is not None:
        later = f", and {planned.revised:,.0f} s after the first seed"
    print_plain(console, f"Took {took:,.0f} s; the plan was {planned.seconds:,.0f} s{later}.")


def show_failures(console: Console, failures) -> None:
    """Prints which jobs failed twice, and why."""
    print_plain(
        console,
        f"{len(failures)} jobs failed twice and are missing from the verdict. The same "
        "command tries them again:",
    )
    for failure in failures:
        print_plain(console, f"- {failure['label']}: {failure['reason']}")


def show_verdict(console: Console, study: FinishedStudy, *, verbose: bool = False) -> None:
    """Prints the answer and a line per arm; all that the verdict says if `verbose`."""
    show_answer(console, study)
    show_arms(console, study)
    if verbose:
        _show_sentences(console, study)


def _show_sentences(console: Console, study: FinishedStudy) -> None:
    print_plain(console)
    print_plain(console, study.results["headline"], style="bold")
    for sentence in study.results["details"]:
        print_plain(console, sentence)
    for sentence in _choose_sentences(study):
        print_plain(console, f"- {sentence}")
    beside = study.results["exploratory"]
    if beside:
        print_plain(console, "\nBeside the verdict (each interval holds for its figure alone):")
        for sentence in beside[:_MOST_BESIDE]:
            print_plain(console, f"- {sentence}")
        if len(beside) > _MOST_BESIDE:
            print_plain(console, f"- The report holds {len(beside) - _MOST_BESIDE} more.")
    for sentence in study.results["caveats"]:
        print_plain(console, f"  {sentence}", style="dim")


def _choose_sentences(study: FinishedStudy) -> list[str]:
    """Returns a sentence per average, or per comparison if there is none, and on the best arms."""
    comparisons, sentences = study.results["comparisons"], study.results["sentences"]
    averages = [entry["num_labels"] is AVERAGE for entry in comparisons]
    shown = [
        sentence
        for sentence, is_average in zip(sentences, averages, strict=False)
        if is_average or not any(averages)
    ]
    left = len(comparisons) - len(shown)
    more = [f"The report holds {left} comparisons at single label counts."] if left else []
    return [*shown, *more, *sentences[len(comparisons) :]]


def show_export(console: Console, study: FinishedStudy, *, verbose: bool = False) -> None:
    """Prints what is known of the exported file, or why there is none, and what went wrong."""
    recommended, reason = study.results["recommended"], study.results["not_exported"]
    if reason is not None:
        print_plain(console, reason)
    elif verbose:
        print_plain(console)
        for sentence in recommended["sentences"]:
            print_plain(console, sentence)
        print_plain(console, f"{recommended['arm']} is {recommended['reason']}.")
    else:
        print_plain(console, _describe_file(recommended))
    for sentence in study.results["unfinished"]:
        if sentence != reason:
            print_plain(console, sentence)


def _describe_file(recommended: dict[str, Any]) -> str:
    file = recommended["file"]
    how = "test images right" if file["num_folds"] == 1 else "labelled images right, cross-fitted"
    return (
        f"Exported: {recommended['arm']}, trained on {file['num_labels']:,} labels; "
        f"{write_number(file['accuracy'])} % of {file['num_test']:,} {how}."
    )


def show_places(console: Console, study: FinishedStudy) -> None:
    """Prints where everything is that was written."""
    if study.results["not_exported"] is None:
        _print_place(console, f"SavedModel: {study.results['recommended']['savedmodel']}")
    report = RunFolder(study.folder).report
    if report.exists():
        _print_place(console, f"Report: {report}")


def _print_place(console: Console, text: str) -> None:
    """Prints a line that ends in a path, which is not broken, to be copied."""
    print_plain(console, text, soft_wrap=True)
