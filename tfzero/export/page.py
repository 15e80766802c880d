"""One self-contained page of what a model says about files, the least certain first."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tfzero.common.files import write_text_file
from tfzero.common.page import render_page
from tfzero.common.version import __version__
from tfzero.export.answers import best_score, is_unsure, least_certain_first

if TYPE_CHECKING:
    from tfzero.export.predict import Prediction
    from tfzero.export.sights import Sight

_TEMPLATES = pathlib.Path(__file__).parent / "templates"
# Files on a page. More would make it slow to open; the CSV has all.
MOST_SHOWN = 500
# Classes of each file.
_CLASSES = 3


def write_answers_page(
    path: str | os.PathLike[str],
    predictions: Sequence[Prediction],
    *,
    model: str,
    see: Callable[[pathlib.Path], Sight],
    unsure: float | None = None,
    unusable: Sequence[str] = (),
    style: str = "",
) -> None:
    """Writes the page; it needs no network and no file beside it.

    Args:
        path: The HTML file.
        predictions: From `predict_files`.
        model: What classified them, as the page calls it.
        see: Returns the sight of a file; called for those that are shown.
        unsure: Scores below it are marked.
        unusable: Sentences on files that could not be classified.
        style: CSS that comes before the page's own.

    Raises:
        StopError: If the file cannot be written.
    """
    ordered = least_certain_first(predictions)
    values = {
        "model": model,
        "version": __version__,
        "style": style,
        "files": [_describe(one, see, unsure) for one in ordered[:MOST_SHOWN]],
        "total": len(ordered),
        "unsure": unsure,
        "num_unsure": sum(is_unsure(one, unsure) for one in ordered),
        "counts": _count_labels(ordered),
        "unusable": list(unusable),
    }
    page = render_page(_TEMPLATES / "answers.html", values)
    write_text_file(pathlib.Path(path), page)


def _describe(
    prediction: Prediction, see: Callable[[pathlib.Path], Sight], unsure: float | None
) -> dict[str, Any]:
    return {
        "name": str(prediction.path),
        "label": prediction.label,
        "percent": round(100 * best_score(prediction), 1),
        "others": [
            f"{name} {score:.2f}" for name, score in list(prediction.scores.items())[1:_CLASSES]
        ],
        "is_unsure": is_unsure(prediction, unsure),
        "sight": see(prediction.path),
    }


def _count_labels(predictions: Sequence[Prediction]) -> list[tuple[str, int]]:
    """Returns how many files each class was named for, the most first."""
    counts: dict[str, int] = {}
    for prediction in predictions:
        counts[prediction.label] = counts.get(prediction.label, 0) + 1
    return sorted(counts.items(), key=lambda entry: -entry[1])
