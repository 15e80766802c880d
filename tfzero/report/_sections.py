"""The parts of the page, as plain values for the template."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfzero.report import _format, _mistakes, _pictures, figures
from tfzero.report._read import Encoder, Run, load_arrays

_STAGES = ("pretrain", "transfer")
# Images shown of one encoder: enough to judge by, and a page of bearable size.
_MOST_IMAGES, _MOST_LARGE_IMAGES, _LARGE_SIDE = 64, 24, 64


def facts(run: Run) -> list[tuple[str, str]]:
    """Returns the data set and the size of the study as names and values."""
    study, data = run.study, run.study.get("data", {})
    shape = data.get("image_shape")
    sizes = [("unlabeled images", "num_pool"), ("training images", "num_train")]
    rows = [("data", _format.setting(data.get("source")))]
    if shape:
        rows.append(("image", " × ".join(str(side) for side in shape)))
    rows.append(("classes", f"{len(data.get('class_names') or []):,}"))
    rows += [(name, f"{data[key]:,}") for name, key in sizes if key in data]
    if "num_test" in data:
        rows.append(("test images", f"{data['num_test']:,}"))
    rows.append(("replicates", _format.setting(study.get("seeds"))))
    planned = len(study["arms"]) * len(study["label_counts"]) * int(study.get("seeds") or 0)
    if len(run.cells) < planned:
        rows.append(("cells with a result", f"{len(run.cells):,} of {planned:,} planned"))
    return rows


def pretraining_costs(run: Run) -> list[dict[str, str]]:
    """Returns what each method's pretraining cost, from the encoders' own records."""
    rows = []
    for method in dict.fromkeys(encoder.method for encoder in run.encoders):
        spent = [
            encoder.cost.get("seconds") for encoder in run.encoders if encoder.method == method
        ]
        known = [float(value) for value in spent if value is not None]
        rows.append(
            {
                "method": method,
                "encoders": f"{len(spent):,}",
                "each": _format.seconds(sum(known) / len(known) if known else None),
                "total": _format.seconds(sum(known) if known else None),
            }
        )
    return rows


def accuracy_table(run: Run) -> list[dict[str, Any]]:
    """Returns a row an arm: a cell for each label count, and what pretraining and transfer cost."""
    entries = {(row["arm"], row["num_labels"]): row for row in run.verdict.get("table", [])}
    best = {entry["num_labels"]: entry for entry in run.verdict.get("best", [])}
    rows = []
    for arm in run.study["arms"]:
        found = [entries.get((arm, count), {}) for count in run.study["label_counts"]]
        cells = [
            _table_cell(entry, arm, best.get(count, {}), run.study.get("seeds"))
            for count, entry in zip(run.study["label_counts"], found, strict=True)
        ]
        times = [_span([e.get(f"{stage}_seconds") for e in found]) for stage in _STAGES]
        rows.append({"arm": arm, "cells": cells, "pretrain": times[0], "transfer": times[1]})
    return rows


def comparisons(run: Run) -> list[dict[str, Any]]:
    """Returns the paired differences, each with the geometry of a small interval drawing."""
    found = run.verdict.get("comparisons", [])
    ends = [row.get(key) for row in found for key in ("low", "high", "difference")]
    reach = max((abs(end) for end in ends if _format.is_number(end)), default=1.0) or 1.0
    rows = []
    for row in found:
        known = all(_format.is_number(row.get(key)) for key in ("low", "high", "difference"))
        interval = f"{_format.signed(row.get('low'))} to {_format.signed(row.get('high'))}"
        rows.append(
            {
                "num_labels": row["num_labels"],
                "arm": row["arm"],
                "baseline": row["baseline"],
                "difference": _format.signed(row.get("difference")),
                "interval": interval if known else _format.DASH,
                "p": _format.probability(row.get("p_value")),
                "p_holm": _format.probability(row.get("p_holm")),
                "outcome": row.get("outcome") or _format.DASH,
                "seeds": _format.setting(row.get("seeds")),
                # A drawing 120 wide, 0 in the middle, 54 units to the largest end.
                "marks": {
                    key: round(60 + 54 * row[key] / reach, 1)
                    for key in ("low", "high", "difference")
                }
                if known
                else None,
            }
        )
    return sorted(rows, key=lambda row: row["num_labels"])


def level(run: Run) -> str | None:
    """Returns the level at which a difference is claimed, which falls with each look."""
    alpha = run.verdict.get("alpha")
    return f"{alpha:.2g}" if _format.is_number(alpha) else None


def efficiency_picture(run: Run) -> _pictures.Picture:
    """Returns accuracy against labels."""
    arms, counts, table = run.study["arms"], run.study["label_counts"], run.verdict.get("table", [])
    return _pictures.chart(
        lambda width: figures.label_efficiency(table, arms=arms, label_counts=counts, width=width),
        alt="Line chart of test accuracy against the number of labels. "
        + _values_in_words(table, arms, max(counts)),
        caption="Mean over seeds; vertical bars are 95 % intervals, the arms set apart a "
        "little sideways. Gray and black arms use nothing learnt from the pool.",
    )


def time_pictures(run: Run) -> list[tuple[int, _pictures.Picture]]:
    """Returns accuracy against seconds at the smallest and the largest label count."""
    arms, table = run.study["arms"], run.verdict.get("table", [])
    pictures = []
    for count in sorted({min(run.study["label_counts"]), max(run.study["label_counts"])}):
        picture = _pictures.chart(
            lambda width, count=count: figures.accuracy_against_seconds(
                table, arms=arms, num_labels=count, width=width
            ),
            alt=f"Scatter chart of test accuracy against seconds at {count} labels. "
            + _values_in_words(table, arms, count),
            caption=f"At {count:,} labels, seconds of pretraining and transfer. The tail left of a "
            "marker starts where the arm would stand if its pretraining were free.",
        )
        pictures.append((count, picture))
    return pictures


def encoder_pictures(run: Run) -> list[dict[str, Any]]:
    """Returns, for each method, what the encoder of its first replicate shows and its curves."""
    sections = []
    for method in dict.fromkeys(encoder.method for encoder in run.encoders):
        encoder = next(found for found in run.encoders if found.method == method)
        arrays = load_arrays(encoder.arrays)
        sections.append(
            {
                "method": method,
                "replicate": encoder.replicate,
                "pictures": _encoder_images(method, arrays),
                "curves": _curves(encoder),
                "alarms": [
                    f"Replicate {found.replicate}, {sentence}"
                    for found in run.encoders
                    if found.method == method
                    for sentence in found.alarms
                ],
            }
        )
    return sections


def mistakes(run: Run) -> dict[str, Any] | None:
    """Returns what the recommended arm, or else the highest, gets wrong."""
    largest = max(run.study["label_counts"])
    best = {row["num_labels"]: row.get("highest") for row in run.verdict.get("best", [])}
    recommended = (run.verdict.get("recommended") or {}).get("arm")
    found = _mistakes.find_mistakes(run, [recommended, best.get(largest), *run.study["arms"]])
    if found is None:
        return None
    worst = _mistakes.worst_confusions(found)
    right, total = int(np.trace(found.matrix)), int(found.matrix.sum())
    return {
        "arm": found.arm,
        "is_recommended": found.arm == recommended,
        "num_labels": found.num_labels,
        "replicates": found.replicates,
        "right": f"{right:,}",
        "total": f"{total:,}",
        "measures": _measures(found.means),
        "worst": [
            (true, taken, f"{count:,}", f"{share:.1%}".replace("%", " %"))
            for true, taken, count, share in worst
        ],
        "classes": [
            (name, None if share is None else round(100 * share, 1), f"{good:,}", f"{all_:,}")
            for name, share, good, all_ in _mistakes.class_accuracies(found)
        ],
        "picture": _confusion_picture(found, worst),
    }


def settings(run: Run) -> list[tuple[str, list[dict[str, Any]]]]:
    """Returns everything that `study.json` holds, a group a heading."""
    groups: dict[str, dict[str, Any]] = {"study": {}}
    for key, value in run.study.items():
        if isinstance(value, dict):
            groups[key] = value
        elif key not in ("schema", "command"):
            groups["study"][key] = value
    return [(name, _format.flatten(group)) for name, group in groups.items() if group]


def command(run: Run) -> str:
    """Returns the command that ran the study, or nothing if it was not recorded."""
    recorded = run.study.get("command") or ""
    return " ".join(map(str, recorded)) if isinstance(recorded, list) else str(recorded)


def _table_cell(
    entry: dict[str, Any], arm: str, best: dict[str, Any], seeds: int | None
) -> dict[str, str]:
    """Returns mean, half-width, mark and a note on missing seeds of one arm at one count."""
    missing = entry.get("mean") is None
    mark = "in best set" if arm in best.get("arms", []) else ""
    mark = "highest" if arm == best.get("highest") else mark
    known, half = entry.get("seeds"), entry.get("half_width")
    few = known is not None and seeds is not None and known < seeds
    return {
        "mean": _format.number(entry.get("mean")),
        "half": "" if missing or half is None else f"± {_format.number(half)}",
        "mark": "" if missing else mark,
        "note": f"{known} of {seeds} seeds" if few and not missing else "",
    }


def _span(values: list[float | None]) -> str:
    """Returns one time, or the shortest to the longest."""
    known = sorted(value for value in values if value is not None and _format.is_number(value))
    if not known:
        return _format.DASH
    low, high = _format.seconds(known[0]), _format.seconds(known[-1])
    if known[-1] == 0:
        return "none"
    return low if low == high else f"{low} to {high}"


def _values_in_words(table: list[dict[str, Any]], arms: list[str], count: int) -> str:
    """Returns 'At 200 labels: vae/lpft 93.1 %, …', highest first."""
    means = {row["arm"]: row["mean"] for row in table if row["num_labels"] == count}
    known = sorted((arm for arm in arms if means.get(arm) is not None), key=lambda a: -means[a])
    listed = ", ".join(f"{arm} {means[arm]:.1f} %" for arm in known)
    return f"At {count} labels: {listed or 'no results'}."


def _encoder_images(method: str, arrays: dict[str, np.ndarray]) -> list[_pictures.Picture]:
    """Returns pictures of samples and of reconstructions, whichever a method stored."""
    pictures = []
    samples = arrays.get("samples")
    if samples is not None and len(samples):
        most = _MOST_LARGE_IMAGES if max(samples.shape[1:3]) > _LARGE_SIDE else _MOST_IMAGES
        shown = samples[:most]
        pictures.append(
            _pictures.photograph(
                lambda width: figures.image_grid(shown, width=width),
                alt=f"{len(shown)} images drawn from the {method} decoder.",
                caption="Samples: images that the decoder invents from random codes.",
                wide=4.2,
            )
        )
    originals, restored = arrays.get("originals"), arrays.get("reconstructions")
    if originals is not None and restored is not None and len(originals):
        pictures.append(
            _pictures.photograph(
                lambda width: figures.reconstructions(
                    originals[:16], restored[:16], columns=4, width=width
                ),
                alt=f"{len(originals[:16])} images, each above its reconstruction by {method}.",
                caption="Reconstructions: each image above what is left of it after its code.",
                wide=4.2,
            )
        )
    return pictures


def _curves(encoder: Encoder) -> _pictures.Picture | None:
    """Returns the training curves of one encoder."""
    history = {name: values for name, values in encoder.history.items() if values}
    if not history:
        return None
    ends = [
        f"{name.replace('_', ' ')} from {_format.number(values[0], 3)} to "
        f"{_format.number(values[-1], 3)}"
        for name, values in history.items()
    ]
    return _pictures.chart(
        lambda width: figures.training_curves(history, width=width),
        alt=f"Training curves of {encoder.method}: {'; '.join(ends)}.",
        caption=f"Replicate {encoder.replicate}, one point an epoch, each panel on its own scale.",
    )


def _confusion_picture(
    found: _mistakes.Mistakes, worst: list[tuple[str, str, int, float]]
) -> _pictures.Picture:
    """Returns the confusion matrix of an arm, its worst confusions in words."""
    shown = _mistakes.focus(found)
    words = "; ".join(f"{true} taken for {taken} {count} times" for true, taken, count, _ in worst)
    return _pictures.chart(
        lambda width: figures.confusion(shown.matrix, shown.class_names, width=width),
        alt=f"Confusion matrix of {found.arm}. Most frequent mistakes: {words or 'none'}.",
        caption="Rows are true classes, columns predictions; numbers, where they fit, are counts "
        "over all replicates. Darker is a larger share of the row, on a square-root scale."
        + ("" if shown is found else " Only the classes of the most frequent mistakes are named."),
        wide=7.0,
    )


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
