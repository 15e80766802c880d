"""The end of a study on one screen: the answer, and a line per arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from tfzero.common.console import print_plain
from tfzero.common.numbers import write_number
from tfzero.study.planning.families import RIVALS
from tfzero.study.study import FinishedStudy
from tfzero.study.verdict.answer import QUESTION, answer_plainly
from tfzero.study.verdict.claims import AVERAGE
from tfzero.study.verdict.family import NO_DIFFERENCE
from tfzero.study.verdict.words import format_points

TITLE = "Test accuracy in % ± half of the 95 % interval; * not detectably below the highest"
_SHORT_TITLE = "Test accuracy in %; * not detectably below the highest"
_RIVAL = "†"
_SHORT = {NO_DIFFERENCE: "no difference"}


class _Line(NamedTuple):
    """What a table says of an arm.

    Attributes:
        cells: At each label count, "94.1 ± 1.2" and whether it is among the best.
        difference: Against the baseline, with its interval.
        outcome: Of that.
    """

    cells: tuple[tuple[str, bool], ...]
    difference: str
    outcome: str


def show_answer(console: Console, study: FinishedStudy) -> None:
    """Prints the answer in plain words."""
    answer = answer_plainly(study.results, study.plan.label_counts)
    print_plain(console, " ".join([QUESTION, *answer]), style="bold")


def show_arms(console: Console, study: FinishedStudy) -> None:
    """Prints accuracies, and of each arm the difference on average over the label counts.

    Where the screen is narrow, first the half-widths go, then the smaller label counts. Where not
    even that fits, each arm gets lines of its own.
    """
    lines = {str(arm): _describe_arm(study, arm) for arm in study.plan.arms}
    counts = study.plan.label_counts
    roomy = console.options.update(width=10_000, markup=False)
    for shown, is_short in ((counts, False), (counts, True), (counts[-1:], True)):
        table = _make_table(lines, counts, shown, is_short=is_short)
        if console.measure(table, options=roomy).maximum <= console.width:
            print_plain(console, _SHORT_TITLE if is_short else TITLE)
            print_plain(console, table)
            break
    else:
        print_plain(console, TITLE)
        _print_lines(console, lines, counts)
    if any(line.difference.endswith(_RIVAL) for line in lines.values()):
        print_plain(
            console, f"{_RIVAL} against an arm without pretraining on the same unlabeled images"
        )


def _describe_arm(study: FinishedStudy, arm: str) -> _Line:
    rows = {row["num_labels"]: row for row in study.table() if row["arm"] == arm}
    best = {entry["num_labels"] for entry in study.results["best"] if arm in entry["arms"]}
    cells = tuple(
        (_format(rows[count]) if count in rows else "-", count in best)
        for count in study.plan.label_counts
    )
    found = _find_comparison(study.results["comparisons"], arm)
    if found is None:
        is_baseline = any(e["baseline"] == arm for e in study.results["comparisons"])
        return _Line(cells, "", "baseline" if is_baseline else "no claim")
    low, high = format_points(found["low"]), format_points(found["high"])
    mark = f" {_RIVAL}" if found["family"] == RIVALS else ""
    difference = f"{format_points(found['difference'], sign='+')} ({low} to {high}){mark}"
    return _Line(cells, difference, _SHORT.get(str(found["outcome"]), str(found["outcome"])))


def _find_comparison(entries: Sequence[dict[str, Any]], arm: str) -> dict[str, Any] | None:
    """Returns an arm's comparison on average over the label counts, or at the only one.

    That with training from scratch comes before any other.
    """
    mine = [entry for entry in entries if entry["arm"] == arm]
    averages = [entry for entry in mine if entry["num_labels"] is AVERAGE] or mine
    return min(averages, key=lambda entry: entry["family"] == RIVALS, default=None)


def _make_table(
    lines: Mapping[str, _Line], counts: Sequence[int], shown: Sequence[int], *, is_short: bool
) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("arm / labels" if is_short else "arm", no_wrap=True)
    for count in shown:
        head = f"{count:,}  " if is_short else f"{count:,} labels"
        table.add_column(head, justify="right", no_wrap=True)
    what = "difference" if len(counts) == 1 else "average difference"
    table.add_column(what, no_wrap=True)
    table.add_column("outcome", no_wrap=True)
    for arm, line in lines.items():
        cells = [
            f"{text.partition(' ')[0] if is_short else text} {'*' if is_best else ' '}"
            for count, (text, is_best) in zip(counts, line.cells, strict=True)
            if count in shown
        ]
        table.add_row(arm, *cells, line.difference, line.outcome)
    return table


def _print_lines(console: Console, lines: Mapping[str, _Line], counts: Sequence[int]) -> None:
    """Prints all of it below one another; columns that do not fit would lose digits."""
    for arm, line in lines.items():
        print_plain(console, arm, soft_wrap=True)
        for count, (text, is_best) in zip(counts, line.cells, strict=True):
            said = f"  {count} labels: {text}{' *' if is_best else ''}"
            print_plain(console, said, soft_wrap=True)
        said = f"  {line.difference} {line.outcome}".rstrip()
        print_plain(console, said, soft_wrap=True)


def _format(row: dict[str, Any]) -> str:
    margin = "" if row["half_width"] is None else f" ± {write_number(row['half_width'])}"
    return f"{write_number(row['mean'])}{margin}"
