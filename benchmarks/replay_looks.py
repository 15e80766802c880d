"""What stopping early saves, on the records of a study that used all its seeds.

    tfzero compare --no-early-stop --minutes none --out runs/whole
    python benchmarks/replay_looks.py runs/whole

Replays the looks of a study that may stop early over the cells of one that did not. Prints when it
stops and which arms are settled before, the cells and seconds that it needs of the whole, and where
its outcomes differ from those of one look at all seeds.
"""

from __future__ import annotations

import argparse
import pathlib
from typing import Any

from tfzero.study.growth import Growth, judge_look
from tfzero.study.planning.looks import choose_looks
from tfzero.study.planning.plan import StudyPlan
from tfzero.study.stored import read_plan
from tfzero.study.work.tasks import read_records
from tfzero.study.workspace import Workspace

Outcomes = dict[tuple[str, str, int | None], str]


def replay(workspace: Workspace, plan: StudyPlan) -> Growth:
    """Returns the study as it is when its looks have ended it."""
    growth = Growth(plan)
    while growth.next_number is not None:
        growth = Growth(plan, (*growth.taken, judge_look(workspace, growth)))
    return growth


def list_outcomes(growth: Growth) -> Outcomes:
    """Returns by arm, baseline and label count (None for the average) what the last look says."""
    return {
        (entry["arm"], entry["baseline"], entry["num_labels"]): entry["outcome"]
        for entry in growth.taken[-1]["comparisons"]
    }


def count_seconds(workspace: Workspace, growth: Growth) -> float:
    """Returns the seconds that the cells of a study and their encoders took."""
    cells, encoders = read_records(workspace, growth.cells())
    return sum(record["cost"]["seconds"] for record in (*cells, *encoders))


def compare_courses(folder: pathlib.Path) -> dict[str, Any]:
    """Returns what stopping early saves of a finished study, and what it says otherwise."""
    plan = read_plan(folder)
    workspace = Workspace(plan, folder.resolve())
    seeds = plan.looks[-1]
    whole = replay(workspace, plan.model_copy(update={"looks": (seeds,)}))
    early = replay(workspace, plan.model_copy(update={"looks": choose_looks(seeds)}))
    found, last = list_outcomes(early), list_outcomes(whole)
    return {
        "looks": [(record["seeds"], record["open"]) for record in early.taken],
        "seeds": (early.seeds, seeds),
        "cells": (len(early.cells()), len(whole.cells())),
        "seconds": (count_seconds(workspace, early), count_seconds(workspace, whole)),
        "differs": {
            place: (found.get(place), outcome)
            for place, outcome in last.items()
            if found.get(place) != outcome
        },
        "same": sum(found.get(place) == outcome for place, outcome in last.items()),
    }


def main() -> None:
    """Prints what was found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=pathlib.Path, help="of a study that used all its seeds")
    found = compare_courses(parser.parse_args().folder)
    for seeds, still in found["looks"]:
        print(f"after {seeds} seeds open: {', '.join(still)}")
    for name in ("seeds", "cells", "seconds"):
        ours, whole = found[name]
        print(f"{name}: {ours:,.0f} of {whole:,.0f}, {100 * (1 - ours / whole):.0f} % saved")
    print(f"outcomes: {found['same']} the same; early, then with all seeds:")
    for (arm, baseline, count), (early, whole) in found["differs"].items():
        where = "on average" if count is None else f"at {count:,} labels"
        print(f"  {arm} against {baseline} {where}: {early}; {whole}")
    if not found["differs"]:
        print("  none differs")


if __name__ == "__main__":
    main()
