"""The data: how many images of each class, what the check found, and what they look like."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np

from tfzero.report.canvas import Canvas, Chart
from tfzero.report.pictures import Image, mosaic
from tfzero.report.run import Run, load_arrays
from tfzero.report.section import Section
from tfzero.report.sections.data.figure import class_counts
from tfzero.report.tables import Rows, Tables

_WIDTH = 520  # CSS pixels


def build(run: Run, canvas: Canvas) -> dict[str, Any]:
    """Returns counts, findings and examples; what was not recorded is empty."""
    notes = run.study.get("data", {}).get("notes") or []
    reading, sources = run.readings.get("data"), _sources(run.study)
    if reading is None:
        nothing = {"counts": None, "findings": [], "left_out": [], "examples": None}
        nothing["passed_over"] = []
        return {"notes": notes, "sources": sources, **nothing}
    said = reading.said
    return {
        "notes": notes,
        "sources": sources,
        "counts": _counts_chart(run, canvas, said.get("counts", {})),
        "findings": [
            (finding["level"], finding["sentence"]) for finding in said.get("findings", [])
        ],
        "left_out": said.get("left_out", []),
        "passed_over": said.get("passed_over", []),
        "examples": _examples(run, load_arrays(reading.arrays)),
    }


def _sources(study: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Returns what encoders come from beside the data: a heading of each, and its notes."""
    sources = []
    if source := study.get("source"):
        counts = f"{source['num_images']:,} images, {source['num_labelled']:,} with labels"
        if source["class_names"]:
            counts += f" of {len(source['class_names']):,} classes"
        heading = f"The source {source['name']} ({source['source']}): {counts}"
        sources.append((heading, list(source.get("notes") or [])))
    if given := study.get("given"):
        sources.append((f"The encoder {given['name']}", list(given.get("notes") or [])))
    return sources


def list_tables(run: Run) -> Tables:
    """Returns the images of each class, and what was not read."""
    return {"classes": class_rows(run), "passed_over": passed_over_rows(run)}


def passed_over_rows(run: Run) -> Rows:
    """Returns how many files of each suffix were not read, and why."""
    reading = run.readings.get("data")
    return [] if reading is None else list(reading.said.get("passed_over", []))


def class_rows(run: Run) -> Rows:
    """Returns the images of each class in training and test part."""
    reading = run.readings.get("data")
    counts = {} if reading is None else reading.said.get("counts", {})
    return [
        {"class": name, **{part: values[k] for part, values in counts.items()}}
        for k, name in enumerate(run.class_names)
        if counts
    ]


def _counts_chart(run: Run, canvas: Canvas, counts: dict[str, list[int]]) -> Chart | None:
    if not counts:
        return None
    names = run.class_names
    train = np.array(counts["train"])
    least, most = int(train.argmin()), int(train.argmax())
    return canvas.chart(
        lambda width: class_counts(counts, names, width=width),
        alt=f"Number of images in each of {len(names)} classes. Of the training images, most are "
        f"in class {names[most]} ({train[most]:,}) and fewest in {names[least]} "
        f"({train[least]:,}).",
        caption="Number of labelled images per class. A study labels only a part of the training "
        "images, the same part for every arm.",
    )


def _examples(run: Run, arrays: dict[str, np.ndarray]) -> Image | None:
    if "examples" not in arrays or not len(arrays["examples"]):
        return None
    labels = arrays["example_labels"]
    present = [int(k) for k in dict.fromkeys(labels.tolist())]
    rows = [arrays["examples"][labels == k] for k in present]
    names = [run.class_names[k] for k in present]
    listed = ", ".join(names)
    rest = len(run.class_names) - len(present)
    more = f" The other {rest:,} classes are not shown." if rest else ""
    return mosaic(
        rows,
        alt=f"Training images, one row per class: {listed}.",
        caption=f"The first training images of each class, one row per class: {listed}.{more}",
        width=_WIDTH,
    )


SECTION = Section(
    id="data",
    title="Data",
    template=pathlib.Path(__file__).with_name("section.html"),
    build=build,
    tables=list_tables,
)
