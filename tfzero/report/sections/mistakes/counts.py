"""What one arm gets wrong: its test predictions summed over replicates."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from tfzero.common.checks import InputError
from tfzero.report.run import Cell, Run, load_arrays

# True class, taken for, count, share of the true class.
Confusion = tuple[str, str, int, float]


@dataclasses.dataclass(frozen=True)
class Mistakes:
    """One arm at one label count, all replicates together.

    `matrix` holds counts `(K, K)`: row true class, column predicted class; `confidences` in 0..1
    and `right`, `(N,)`, one entry per answer.
    """

    arm: str
    num_labels: int
    replicates: int
    matrix: np.ndarray
    class_names: list[str]
    means: dict[str, float]
    confidences: np.ndarray
    right: np.ndarray


def count_confusions(labels: np.ndarray, predictions: np.ndarray, num_classes: int) -> np.ndarray:
    """Returns int64 `(K, K)`: how often true class i was taken for class j."""
    matrix = np.zeros((num_classes, num_classes), np.int64)
    np.add.at(matrix, (labels, predictions), 1)
    return matrix


def find_mistakes(run: Run, arms: Sequence[str | None]) -> Mistakes | None:
    """Returns the mistakes of the first of `arms` that has predictions on disk.

    They are read at the largest label count at which that arm has any.

    Raises:
        InputError: If predictions do not fit the test labels.
    """
    if run.test_labels is None:
        return None
    for arm in arms:
        counts = {cell.num_labels for cell in run.cells if cell.arm == arm}
        for count in sorted(counts, reverse=True):
            cells = [cell for cell in run.cells if (cell.arm, cell.num_labels) == (arm, count)]
            found = [(cell, load_arrays(cell.arrays).get("probabilities")) for cell in cells]
            kept = [(cell, array) for cell, array in found if array is not None]
            if kept:
                return _sum_up(run, kept)
    return None


def worst_confusions(mistakes: Mistakes, limit: int = 8) -> list[Confusion]:
    """Returns the most frequent mistakes."""
    wrong = mistakes.matrix.copy()
    np.fill_diagonal(wrong, 0)
    totals = mistakes.matrix.sum(axis=1)
    order = np.argsort(-wrong, axis=None, kind="stable")[:limit]
    names, found = mistakes.class_names, []
    for row, column in zip(*np.unravel_index(order, wrong.shape), strict=True):
        count = int(wrong[row, column])
        if count:
            found.append((names[row], names[column], count, count / totals[row]))
    return found


def focus(mistakes: Mistakes, *, most: int = 30, from_classes: int = 100) -> Mistakes:
    """Returns the mistakes with all classes but the most confused ones taken together.

    Nobody can read a matrix of hundreds of classes, whose mistakes are specks in it.

    Args:
        mistakes: Of K classes.
        most: Classes to keep, those of the most frequent confusions.
        from_classes: Matrices of up to this many classes are returned as they are.
    """
    num_classes = len(mistakes.class_names)
    if num_classes <= from_classes:
        return mistakes
    wrong = mistakes.matrix.copy()
    np.fill_diagonal(wrong, 0)
    pairs = np.unravel_index(np.argsort(-wrong, axis=None, kind="stable")[:most], wrong.shape)
    found = dict.fromkeys(np.stack(pairs, axis=1).ravel().tolist())
    kept = sorted(list(found)[:most])
    place = np.full(num_classes, len(kept))
    place[kept] = np.arange(len(kept))
    matrix = np.zeros((len(kept) + 1,) * 2, np.int64)
    np.add.at(matrix, (place[:, None], place[None, :]), mistakes.matrix)
    names = [mistakes.class_names[k] for k in kept]
    others = f"{num_classes - len(kept):,} others"
    return dataclasses.replace(mistakes, matrix=matrix, class_names=[*names, others])


def class_accuracies(mistakes: Mistakes) -> list[tuple[str, float | None, int, int]]:
    """Returns name, accuracy, right and all of each class, worst first, unseen classes last."""
    rows = []
    for index, name in enumerate(mistakes.class_names):
        right, total = int(mistakes.matrix[index, index]), int(mistakes.matrix[index].sum())
        rows.append((name, right / total if total else None, right, total))
    return sorted(rows, key=lambda row: 2.0 if row[1] is None else row[1])


def calibration_bins(
    confidences: np.ndarray, right: np.ndarray, *, bins: int = 10
) -> list[dict[str, float]]:
    """Returns the bins of confidence that hold answers.

    Each has its `low` and `high` end, `answers`, and of those the mean `confidence` and the share
    that is `right`.
    """
    place = np.minimum((np.asarray(confidences) * bins).astype(int), bins - 1)
    return [
        {
            "low": k / bins,
            "high": (k + 1) / bins,
            "answers": int((place == k).sum()),
            "confidence": float(np.mean(confidences[place == k])),
            "right": float(np.mean(right[place == k])),
        }
        for k in np.unique(place).tolist()
    ]


def _sum_up(run: Run, kept: Sequence[tuple[Cell, np.ndarray]]) -> Mistakes:
    labels = run.test_labels
    assert labels is not None
    names = run.name_classes(max(int(labels.max(initial=0)) + 1, kept[0][1].shape[-1]))
    matrix = np.zeros((len(names), len(names)), np.int64)
    for cell, probabilities in kept:
        if probabilities.ndim != 2 or len(probabilities) != len(labels):
            raise InputError(
                f"{cell.arrays} holds probabilities of shape {probabilities.shape}; expected one "
                f"row for each of {len(labels)} test images. Delete the cell and run again."
            )
        matrix += count_confusions(labels, probabilities.argmax(axis=1), len(names))
    first = kept[0][0]
    means = {
        key: float(np.mean([cell.result[key] for cell, _ in kept]))
        for key in ("accuracy", "macro_f1", "negative_log_likelihood", "calibration_error")
        if all(cell.result.get(key) is not None for cell, _ in kept)
    }
    sure = np.concatenate([array.max(axis=1) for _, array in kept])
    right = np.concatenate([array.argmax(axis=1) == labels for _, array in kept])
    return Mistakes(first.arm, first.num_labels, len(kept), matrix, names, means, sure, right)
