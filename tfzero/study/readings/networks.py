"""What is recorded of a network: corrupted images, its surest mistakes, and where it looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tfzero.common.seeds import derive_seed
from tfzero.data import ImageData
from tfzero.study.inits import read_init
from tfzero.study.planning.parts import CellSpec
from tfzero.study.planning.plan import StudyPlan
from tfzero.study.readings.corruptions import CORRUPTIONS, corrupt
from tfzero.study.readings.record import record
from tfzero.study.readings.thumbnails import LARGE, shrink_images
from tfzero.study.workspace import Workspace
from tfzero.transfer import STRATEGIES

# Test images that are corrupted, and how many pixels at once.
_MOST_CORRUPTED, _PIXELS_AT_ONCE = 1000, 4_000_000
_NUM_WRONG, _NUM_RIGHT = 12, 6


def wants_reading(plan: StudyPlan, cell: CellSpec) -> bool:
    """Returns whether a cell's network is looked at: the first replicate's, on the most labels.

    Not a public network: large as they are, it would take longer than the study.
    """
    return (
        cell.replicate == 0
        and cell.num_labels == max(plan.label_counts)
        and read_init(cell.init).shows_networks
        and STRATEGIES[cell.strategy].trains_network
    )


def num_reading_images(plan: StudyPlan) -> int:
    """Returns how many images a network is shown for its reading."""
    kinds = sum(1 + len(strengths) for _, strengths in CORRUPTIONS.values())
    return kinds * min(_MOST_CORRUPTED, plan.data.num_test)


def record_network(
    workspace: Workspace,
    cell: CellSpec,
    probabilities: np.ndarray,
    network: Callable[[], Any],
    *,
    rows: np.ndarray,
) -> None:
    """Records how a cell's network fares with worse images, and what it is surest of.

    Args:
        workspace: The study.
        cell: Whose network it is.
        probabilities: `(R, K)`, of the test images that the network is asked about.
        network: Returns the `tfzero.Classifier`.
        rows: int `(R,)`, the places of these test images.
    """
    tested = _Tested(workspace.data, rows)

    def read() -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        classifier = network()
        sure = _sure_rows(probabilities, tested.labels())
        arrays, layer = _look_at(classifier, tested, sure, probabilities)
        return arrays, {"layer": layer, "robustness": _score_corrupted(classifier, tested)}

    key = workspace.plan.cell_key(cell)
    record(workspace.run, key, read, spec=cell.model_dump())


class _Tested(NamedTuple):
    """Some test images, read from the disk as they are needed."""

    data: ImageData
    rows: np.ndarray

    def labels(self, places: np.ndarray | slice = slice(None)) -> np.ndarray:
        return self.data.test_labels[self.rows[places]]

    def images(self, places: np.ndarray | slice) -> np.ndarray:
        return np.asarray(self.data.test_images[self.rows[places]])


def _sure_rows(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns the test images of the surest mistakes, then some of the surest right answers."""
    guesses, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    order = np.argsort(-sure, kind="stable")
    wrong = [row for row in order if guesses[row] != labels[row]][:_NUM_WRONG]
    right: dict[int, int] = {}  # one a class, so that they are not all the easiest
    for row in order:
        if guesses[row] == labels[row]:
            right.setdefault(int(labels[row]), int(row))
    return np.array([*wrong, *list(right.values())[:_NUM_RIGHT]], np.int64)


def _look_at(classifier, tested: _Tested, rows: np.ndarray, probabilities: np.ndarray):
    from tfzero.study.readings.attention import find_attention

    images = tested.images(rows)
    guesses = probabilities[rows].argmax(axis=1)
    arrays = {
        "rows": tested.rows[rows],
        "labels": tested.labels(rows),
        "guesses": guesses,
        "confidences": probabilities[rows].max(axis=1),
        "images": shrink_images(images, LARGE),
    }
    found = find_attention(classifier, images, guesses)
    if found is not None:
        arrays["heat"] = np.rint(255 * found.heat).astype(np.uint8)
    return arrays, None if found is None else found.layer


def _score_corrupted(classifier, tested: _Tested) -> dict[str, Any]:
    """Returns the accuracy on the same images as they are and corrupted, by name and level."""
    from tfzero.common.compiled import predict_compiled

    total = len(tested.rows)
    count = min(_MOST_CORRUPTED, total)
    rows = np.linspace(0, total - 1, count).astype(int)
    labels = tested.labels(rows)
    step = max(1, _PIXELS_AT_ONCE // tested.data.test_images[0].size)
    right = {name: [0] * (1 + len(strengths)) for name, (_, strengths) in CORRUPTIONS.items()}
    for start in range(0, count, step):
        images = tested.images(rows[start : start + step])
        expected = labels[start : start + step]
        clean = int((predict_compiled(classifier, images).argmax(axis=1) == expected).sum())
        for name, found in right.items():
            found[0] += clean
            for level in range(1, len(found)):
                worse = corrupt(images, name, level, seed=derive_seed(0, name, level, start))
                guesses = predict_compiled(classifier, worse).argmax(axis=1)
                found[level] += int((guesses == expected).sum())
    accuracy = {name: [n / count for n in found] for name, found in right.items()}
    return {"images": count, "accuracy": accuracy}
