"""What the winner gets wrong, and how it fares with worse images."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from tfzero.report import _format, _mistakes, _pictures, figures
from tfzero.report._pictures import Canvas, Chart, Image
from tfzero.report._read import Reading, Run, load_arrays
from tfzero.report.figures.images import pair_rows
from tfzero.report.figures.mistakes import heat_images

SCRATCH = "scratch/finetune"
_MOST_IN_MATRIX = 100
_WIDTH = 520  # CSS pixels
_COLUMNS = 6


def find(run: Run) -> _mistakes.Mistakes | None:
    """Returns the mistakes of the recommended arm, or else of the highest with predictions."""
    largest = max(run.study["label_counts"])
    best = {row["num_labels"]: row.get("highest") for row in run.verdict.get("best", [])}
    recommended = (run.verdict.get("recommended") or {}).get("arm")
    return _mistakes.find_mistakes(run, [recommended, best.get(largest), *run.study["arms"]])


def mistakes(run: Run, canvas: Canvas) -> dict[str, Any] | None:
    """Returns everything the section shows; None without predictions."""
    found = find(run)
    if found is None:
        return None
    worst = _mistakes.worst_confusions(found)
    right, total = int(np.trace(found.matrix)), int(found.matrix.sum())
    recommended = (run.verdict.get("recommended") or {}).get("arm")
    return {
        "arm": found.arm,
        "is_recommended": found.arm == recommended,
        "num_labels": found.num_labels,
        "replicates": found.replicates,
        "right": f"{right:,}",
        "total": f"{total:,}",
        "measures": _measures(found.means),
        "worst": [
            (true, taken, f"{count:,}", _format.percent(share))
            for true, taken, count, share in worst
        ],
        "classes": [
            (name, None if share is None else round(100 * share, 1), f"{good:,}", f"{all_:,}")
            for name, share, good, all_ in _mistakes.class_accuracies(found)
        ],
        "matrix": _matrix_chart(found, worst, canvas),
        "calibration": _calibration_chart(found, canvas),
        **_looked_at(run, found.arm),
        "robustness": _robustness(run, found.arm, canvas),
    }


def network_reading(run: Run, arm: str) -> Reading | None:
    """Returns what was recorded of an arm's network."""
    return next(
        (
            reading
            for name, reading in run.readings.items()
            if not name.startswith("map-") and reading.said.get("spec", {}).get("arm") == arm
        ),
        None,
    )


def _matrix_chart(found, worst, canvas: Canvas) -> Chart:
    shown = _mistakes.focus(found, from_classes=_MOST_IN_MATRIX)
    words = "; ".join(f"{true} taken for {taken} {count} times" for true, taken, count, _ in worst)
    named = len(shown.class_names) - (shown is not found)
    values = {"matrix": shown.matrix.tolist(), "names": shown.class_names, "named": named}
    return canvas.chart(
        lambda width: figures.confusion(shown.matrix, shown.class_names, width=width),
        alt=f"Confusion matrix of {found.arm}. Most frequent mistakes: {words or 'none'}.",
        caption="Rows are true classes, columns predictions; numbers, where they fit, are counts "
        "over all replicates. Darker is a larger share of the row, on a square-root scale."
        + ("" if shown is found else " Only the classes of the most frequent mistakes are named."),
        wide=7.0,
        kind="matrix",
        values=json.dumps(values),
    )


def _calibration_chart(found: _mistakes.Mistakes, canvas: Canvas) -> Chart:
    bins = _mistakes.calibration_bins(found.confidences, found.right)
    keys = [
        canvas.say(
            [
                f"confidence {_format.percent(row['low'], 0)} to {_format.percent(row['high'], 0)}",
                f"{row['answers']:,} answers, {_format.percent(row['right'])} right",
            ]
        )
        for row in bins
    ]
    words = "; ".join(
        f"of confidence {row['confidence']:.0%}: {row['right']:.0%} right" for row in bins
    )
    return canvas.chart(
        lambda width: figures.calibration(found.confidences, found.right, width=width),
        alt=f"Calibration curve of {found.arm}. Answers {words}.",
        caption="How often answers of a given confidence are right; on the dashed line confidence "
        "means what it says, below it the network is too sure. Larger points hold more answers.",
        wide=4.2,
        keys={"points-0": keys},
    )


def _looked_at(run: Run, arm: str) -> dict[str, Any]:
    """Returns the surest mistakes and the Grad-CAM pictures, or why there are none."""
    reading = network_reading(run, arm)
    nothing: dict[str, Any] = {"surest": [], "attention": [], "no_images": ""}
    if reading is None:
        nothing["no_images"] = (
            f"There are no images of {arm}. They are kept of networks alone, but not of public "
            "ones, and of the first replicate on the most labels, unless that failed or diverged."
        )
        return nothing
    if "reason" in reading.said:
        nothing["no_images"] = f"Its network could not be looked at: {reading.said['reason']}."
        return nothing
    arrays = load_arrays(reading.arrays)
    if "images" not in arrays:
        nothing["no_images"] = "The file of its images is missing."
        return nothing
    names = _names(run, arrays)
    wrong = arrays["labels"] != arrays["guesses"]
    attention = []
    if "heat" in arrays:
        layer = reading.said.get("layer")
        shown = ((wrong, "wrong answers", 12), (~wrong, "right answers", 6))
        attention = [
            _attention(arrays, mask, f"{what}; read at layer {layer}", names, most)
            for mask, what, most in shown
            if mask.any()
        ]
    return {
        "surest": [_surest(arrays, place, names) for place in np.flatnonzero(wrong).tolist()],
        "attention": attention,
        "no_images": "" if wrong.any() else "Its first replicate makes no mistake.",
    }


def _names(run: Run, arrays) -> list[str]:
    largest = int(max(arrays["labels"].max(initial=0), arrays["guesses"].max(initial=0)))
    return run.class_names + [str(k) for k in range(len(run.class_names), largest + 1)]


def _surest(arrays, place: int, names: list[str]) -> dict[str, Any]:
    true, taken = names[arrays["labels"][place]], names[arrays["guesses"][place]]
    row = int(arrays["rows"][place])
    image = _pictures.picture(
        arrays["images"][place], alt=f"Test image {row:,}: {true}, taken for {taken}.",
        caption="", width=96,
    )  # fmt: skip
    sure = _format.percent(float(arrays["confidences"][place]), 0)
    return {"image": image, "true": true, "taken": taken, "sure": sure, "row": f"{row:,}"}


def _attention(arrays, mask: np.ndarray, what: str, names: list[str], most: int) -> Image:
    images, heat = arrays["images"][mask][:most], arrays["heat"][mask][:most]
    color = images if images.shape[-1] == 3 else np.repeat(images, 3, axis=-1)
    guesses = ", ".join(names[k] for k in arrays["guesses"][mask][:most])
    return _pictures.mosaic(
        pair_rows(color, heat_images(images, heat), _COLUMNS),
        alt=f"{len(images)} test images above their Grad-CAM maps, {what}. Answers: {guesses}.",
        caption=f"Grad-CAM, {what}: orange is what spoke for the answer. In order: {guesses}.",
        width=_WIDTH,
    )


def robustness_rows(run: Run, arm: str) -> list[dict[str, Any]]:
    """Returns accuracy by arm, kind of damage and strength, for an arm and for scratch."""
    rows = []
    for name in dict.fromkeys((arm, SCRATCH)):
        reading = network_reading(run, name)
        found = {} if reading is None else reading.said.get("robustness", {})
        for kind, values in found.get("accuracy", {}).items():
            rows += [
                {"arm": name, "damage": kind, "strength": level, "accuracy": value,
                 "images": found["images"]}
                for level, value in enumerate(values)
            ]  # fmt: skip
    return rows


def _robustness(run: Run, arm: str, canvas: Canvas) -> dict[str, Any] | None:
    rows = robustness_rows(run, arm)
    if not rows:
        return None
    accuracy: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        of_arm = accuracy.setdefault(row["arm"], {})
        of_arm.setdefault(row["damage"], []).append(100 * row["accuracy"])
    words = "; ".join(
        f"{name} under strongest {kind} {values[-1]:.1f} %"
        for name, found in accuracy.items()
        for kind, values in found.items()
    )
    lacking = [name for name in dict.fromkeys((arm, SCRATCH)) if name not in accuracy]
    only = "".join(f" There is none of {name}." for name in lacking)
    chart = canvas.chart(
        lambda width: figures.robustness(accuracy, arms=run.study["arms"], width=width),
        alt=f"Accuracy as images get worse: {words}.",
        caption=f"Test accuracy in percent on {rows[0]['images']:,} test images as they are and at "
        "three strengths of damage; networks of the first replicate, on the most labels. One "
        f"network each: small gaps mean nothing.{only}",
    )
    table = [
        (name, kind, [_format.number(value) for value in values])
        for name, found in accuracy.items()
        for kind, values in found.items()
    ]
    return {"chart": chart, "table": table}


def _measures(means: dict[str, float]) -> list[tuple[str, str]]:
    """Returns the measures of an arm, mean over its replicates."""
    names = {
        "accuracy": ("accuracy", 100.0, 1, " %"),
        "macro_f1": ("macro F1", 1.0, 3, ""),
        "negative_log_likelihood": ("negative log-likelihood", 1.0, 3, " nats"),
        "calibration_error": ("calibration error", 1.0, 3, ""),
    }
    rows = []
    for key, value in means.items():
        name, scale, digits, unit = names[key]
        rows.append((name, _format.number(value * scale, digits) + unit))
    return rows
