"""A finished study, and how its verdict is reached from the records in its folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from tfzero.study.growth import read_growth, read_seen
from tfzero.study.planning.families import list_families
from tfzero.study.planning.plan import StudyPlan
from tfzero.study.planning.resolve import BUILT_IN
from tfzero.study.verdict import recommendation, remarks, sources, words
from tfzero.study.verdict.claims import AVERAGE
from tfzero.study.verdict.headline import write_headline
from tfzero.study.verdict.judge import judge, list_missing
from tfzero.study.work.tasks import read_records
from tfzero.study.workspace import Workspace


@dataclasses.dataclass(frozen=True)
class FinishedStudy:
    """A finished study.

    Attributes:
        plan: Plan that was run.
        folder: Folder with its records.
        results: Content of `verdict.json`: comparisons, best arms, table, recommendation.
        example: Path of an image file that the exported model can be tried on, or None.
    """

    plan: StudyPlan
    folder: str
    results: dict[str, Any]
    example: str | None = None

    @property
    def verdict(self) -> str:
        """The verdict in words: the headline, its details, then a sentence per comparison."""
        found = self.results
        return "\n".join([found["headline"], *found["details"], "", *found["sentences"]])

    def table(self) -> list[dict[str, Any]]:
        """Returns a row per arm and label count.

        Each has `arm`, `num_labels`, `mean` accuracy in percent, `half_width` of its 95 %
        interval over seeds, `seeds`, `pretrain_seconds` and `transfer_seconds`.
        """
        return list(self.results["table"])


def reach_verdict(workspace: Workspace) -> dict[str, Any]:
    """Returns the verdict from the records in the folder, as `verdict.json` holds it."""
    plan, run, growth = workspace.plan, workspace.run, read_growth(workspace)
    records, encoders = read_records(workspace, growth.cells())
    seen = read_seen(workspace, growth)
    look = growth.look()
    verdict, judged = judge(plan, records, encoders, seen, look), plan.judged_at(look.number)
    verdict["seeds"] = growth.seeds
    verdict["missing"] = list_missing(growth.cells(), seen.right)
    verdict["failures"] = [
        {name: failure[name] for name in ("label", "reason")} for failure in run.read_failures()
    ]
    verdict["headline"], verdict["details"] = write_headline(verdict, plan=judged)
    verdict["sentences"] = [
        *(words.describe_comparison(entry, plan=judged) for entry in verdict["comparisons"]),
        *(words.describe_best(entry, verdict["table"]) for entry in verdict["best"]),
    ]
    # The person's own number of labels. The built-in digits have labels enough for any count.
    is_own = plan.data.source != BUILT_IN
    verdict["answered_at"] = max(plan.label_counts) if is_own else AVERAGE
    verdict["exploratory"] = remarks.describe_beside(verdict)
    verdict["recommended"] = recommendation.recommend(
        verdict, exportable=plan.exportable_arms(), margin=plan.margin
    )
    verdict["caveats"] = list(_caveats(plan, verdict, encoders))
    return verdict


def _caveats(plan: StudyPlan, verdict: dict[str, Any], encoders: list[dict]) -> Iterator[str]:
    """Yields what a reader has to know beside the verdict, in sentences."""
    yield from remarks.describe_gaps(verdict)
    yield from remarks.describe_alarms(encoders)
    yield from sources.describe_source(plan)
    if plan.dropped:
        yield f"Left out to keep to {plan.minutes:g} minutes: {', '.join(plan.dropped)}."
    if verdict["comparisons"]:
        yield words.describe_level(
            families=len(list_families(plan.arms)),
            alpha=verdict["alpha"],
            extended=verdict["look"] > len(plan.looks),
        )
    yield (
        "The intervals in the table are for one arm alone, and account for seeds only. No "
        "interval says what would happen on other kinds of images."
    )
    if verdict["recommended"] is not None:
        yield from verdict["recommended"]["notes"]
