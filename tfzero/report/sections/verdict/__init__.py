"""What the study says: the answer, what to do, the chart of all arms, the file, and the cost."""

from __future__ import annotations

import pathlib
from typing import Any

from tfzero.common.arm import Arm
from tfzero.report import formatting
from tfzero.report.canvas import Canvas
from tfzero.report.inits import list_stages
from tfzero.report.run import Run
from tfzero.report.section import Section
from tfzero.report.sections.verdict.chart import efficiency_chart, list_switches
from tfzero.study.plain_names import plain_name
from tfzero.study.verdict.answer import advise_plainly, answer_plainly, shorten


def build(run: Run, canvas: Canvas) -> dict[str, Any]:
    """Returns what the template shows."""
    found = run.verdict
    short, rest = shorten(answer_plainly(found, run.label_counts))
    return {
        "name": run.study.get("name") or run.folder.name,
        "short": short,
        "rest": rest,
        "advice": advise_plainly({**found, "table": run.table}),
        "headline": found.get("headline") or "No verdict.",
        "details": found.get("details") or [],
        "sentences": found.get("sentences") or [],
        "file": describe_export(run),
        "not_exported": found.get("not_exported"),
        "caveats": found.get("caveats") or [],
        "failures": found.get("failures") or [],
        "cost": recommended_cost(run),
        "costs": pretraining_costs(run),
        "switches": list_switches(run),
        "chart": efficiency_chart(run, canvas),
    }


def describe_export(run: Run) -> dict[str, Any] | None:
    """Returns what is known of the exported file; None if nothing is recommended."""
    found = run.recommended
    if not found:
        return None
    file, size = found.get("file") or {}, found.get("bytes")
    return {
        "arm": found["arm"],
        "network": plain_name(file.get("network") or found["arm"]),
        "savedmodel": found.get("savedmodel"),
        "size": formatting.size(size) if size else "",
        "labels": _describe_labels(file),
        "accuracy": _describe_accuracy(file),
        "in_study": _accuracy_in_study(run, found["arm"]),
        "sentences": found.get("sentences") or [],  # a study of before has none
    }


def _describe_labels(file: dict[str, Any]) -> str:
    if not file:
        return ""
    learned, labelled = file["num_labels"], file["num_labelled"]
    return f"all {labelled:,}" if learned == labelled else f"{learned:,} of {labelled:,}"


def _describe_accuracy(file: dict[str, Any]) -> str:
    if not file:
        return ""
    on = f"{file['num_test']:,} test images"
    if file["num_folds"] > 1:
        on = f"estimated by cross-fitting on {file['num_test']:,} images"
    return f"{formatting.number(file['accuracy'])} % ({on})"


def _accuracy_in_study(run: Run, arm: str) -> str:
    """Returns the accuracy of an arm at the largest label count, as the study measured it."""
    rows = [row for row in run.table if row["arm"] == arm]
    last = max(rows, key=lambda row: row["num_labels"], default=None)
    if last is None or last.get("mean") is None:
        return ""
    half = last.get("half_width")
    margin = "" if half is None else f" ± {formatting.number(half)}"
    return f"{formatting.number(last['mean'])}{margin} % at {last['num_labels']:,} labels"


def recommended_cost(run: Run) -> dict[str, str] | None:
    """Returns what the recommended arm took in a replicate, and the study's pretraining in all."""
    arm = run.recommended.get("arm")
    rows = [row for row in run.table if row["arm"] == arm]
    last = max(rows, key=lambda row: row["num_labels"], default=None)
    if arm is None or last is None:
        return None
    spent = [
        encoder.cost["seconds"]
        for encoder in run.encoders
        if formatting.is_number(encoder.cost.get("seconds"))
    ]
    stages = list_stages(Arm.parse(arm).init)
    pretraining = last.get("pretrain_seconds")
    return {
        "pretraining": formatting.seconds(pretraining) if pretraining and stages else "none",
        "transfer": formatting.seconds(last.get("transfer_seconds")),
        "all": formatting.seconds(sum(spent)) if spent else "none",
    }


def pretraining_costs(run: Run) -> list[dict[str, str]]:
    """Returns what each method's pretraining cost, from the encoders' own records."""
    rows = []
    for method, encoders in run.encoders_by_method().items():
        spent = [encoder.cost.get("seconds") for encoder in encoders]
        known = [float(value) for value in spent if value is not None]
        rows.append(
            {
                "method": method,
                "encoders": f"{len(spent):,}",
                "each": formatting.seconds(sum(known) / len(known) if known else None),
                "total": formatting.seconds(sum(known) if known else None),
            }
        )
    return rows


SECTION = Section(
    id="verdict",
    title="Verdict",
    template=pathlib.Path(__file__).with_name("section.html"),
    build=build,
)
