"""What an exported model says about many files, as a table, and which of it is unsure."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tfzero.common.checks import InputError
from tfzero.export.fresh_process import SPEC_FILE
from tfzero.export.layout import find_version

if TYPE_CHECKING:
    from tfzero.export.predict import Prediction


def read_class_names(directory: str | os.PathLike[str]) -> list[str]:
    """Returns the names of the classes of an exported classifier, in the model's order."""
    spec = json.loads((find_version(directory) / SPEC_FILE).read_text("utf-8"))
    return list(spec["class_names"])


def best_score(prediction: Prediction) -> float:
    """Returns the probability of the class that was named."""
    return prediction.scores[prediction.label]


def is_unsure(prediction: Prediction, unsure: float | None) -> bool:
    """Returns whether the best score is below a threshold; never without one."""
    return unsure is not None and best_score(prediction) < unsure


def check_unsure(unsure: float | None) -> None:
    """Refuses a threshold that no score can be below, or that every score is below.

    Raises:
        InputError: If it is not above 0 and at most 1.
    """
    if unsure is not None and not 0 < unsure <= 1:
        raise InputError(
            f"`unsure` is {unsure:g}; expected a score above 0 and at most 1, such as 0.6."
        )


def least_certain_first(predictions: Sequence[Prediction]) -> list[Prediction]:
    """Returns predictions by their best score, the lowest first: the next ones to label."""
    return sorted(predictions, key=best_score)


def to_csv(
    predictions: Sequence[Prediction], class_names: Sequence[str], *, unsure: float | None = None
) -> str:
    """Returns predictions as CSV: a row per file, in the order of the predictions.

    Args:
        predictions: From `predict_files`.
        class_names: In the order of the columns of scores.
        unsure: A score; adds a column `unsure`, which is "yes" below it and else "no".

    Returns:
        Columns `file`, `label`, perhaps `unsure`, and `score_NAME` of each class with all digits.
    """
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\r\n")  # RFC 4180
    marks = [] if unsure is None else ["unsure"]
    writer.writerow(["file", "label", *marks, *(f"score_{name}" for name in class_names)])
    for prediction in predictions:
        marked = ["yes" if is_unsure(prediction, unsure) else "no"] if marks else []
        scores = [prediction.scores[name] for name in class_names]
        writer.writerow([prediction.path, prediction.label, *marked, *scores])
    return stream.getvalue()
