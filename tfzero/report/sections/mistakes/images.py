"""The surest mistakes of an arm's network, and where it looked."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfzero.report import formatting
from tfzero.report.pictures import Image, mosaic, picture
from tfzero.report.run import Reading, Run, load_arrays
from tfzero.report.sections.mistakes.figures import attention_rows
from tfzero.report.sections.mistakes.robustness import network_reading

_WIDTH, _SMALL_WIDTH = 520, 96  # CSS pixels
_COLUMNS = 6
Arrays = dict[str, np.ndarray]


def find_images(run: Run, arm: str) -> dict[str, Any]:
    """Returns the surest mistakes and the Grad-CAM pictures, or why there are none."""
    reading = network_reading(run, arm)
    arrays = {}
    if reading is not None and "reason" not in reading.said:
        arrays = load_arrays(reading.arrays)
    lacking = _why_none(reading, arm, arrays)
    if reading is None or lacking:
        return {"surest": [], "attention": [], "no_images": lacking}
    most = max(arrays["labels"].max(initial=0), arrays["guesses"].max(initial=0))
    names = run.name_classes(int(most) + 1)
    wrong = arrays["labels"] != arrays["guesses"]
    return {
        "surest": [_surest(arrays, place, names) for place in np.flatnonzero(wrong).tolist()],
        "attention": _attention(reading, arrays, wrong, names),
        "no_images": "" if wrong.any() else "Its first replicate makes no mistake.",
    }


def _why_none(reading: Reading | None, arm: str, arrays: Arrays) -> str:
    """Returns why there are no images, or nothing where there are."""
    if reading is None:
        return (
            f"There are no images of {arm}. They are kept only for networks that are not "
            "public, and only for the first replicate on the most labels. A replicate that "
            "failed or diverged has none."
        )
    if "reason" in reading.said:
        return f"Its network could not be inspected: {reading.said['reason']}."
    return "" if "images" in arrays else "The file of its images is missing."


def _surest(arrays: Arrays, place: int, names: list[str]) -> dict[str, Any]:
    true, taken = names[arrays["labels"][place]], names[arrays["guesses"][place]]
    row = int(arrays["rows"][place])
    alt = f"Test image {row:,}: {true}, classified as {taken}."
    image = picture(arrays["images"][place], alt=alt, caption="", width=_SMALL_WIDTH)
    sure = formatting.percent(float(arrays["confidences"][place]), 0)
    return {"image": image, "true": true, "taken": taken, "sure": sure, "row": f"{row:,}"}


def _attention(
    reading: Reading, arrays: Arrays, wrong: np.ndarray, names: list[str]
) -> list[Image]:
    """Returns the Grad-CAM pictures of wrong and of right answers."""
    if "heat" not in arrays:
        return []
    layer = reading.said.get("layer")
    shown = ((wrong, "wrong answers", 12), (~wrong, "right answers", 6))
    return [
        _attention_of(arrays, mask, f"{what}; read at layer {layer}", names, most)
        for mask, what, most in shown
        if mask.any()
    ]


def _attention_of(
    arrays: Arrays, mask: np.ndarray, what: str, names: list[str], most: int
) -> Image:
    images, heat = arrays["images"][mask][:most], arrays["heat"][mask][:most]
    guesses = ", ".join(names[k] for k in arrays["guesses"][mask][:most])
    return mosaic(
        attention_rows(images, heat, _COLUMNS),
        alt=f"{len(images)} test images above their Grad-CAM maps, {what}. Answers: {guesses}.",
        caption=f"Grad-CAM, {what}: orange regions support the answer. In order: {guesses}.",
        width=_WIDTH,
    )
