"""What is recorded of the data before a study: counts, findings, example images."""

from __future__ import annotations

import numpy as np

from tfzero.common.files import write_arrays, write_json
from tfzero.data import ImageData
from tfzero.data.check import CheckResult
from tfzero.study.readings.maps import choose_rows
from tfzero.study.readings.thumbnails import LARGE, SMALL, shrink_images
from tfzero.study.records import RunFolder

_MOST_EXAMPLE_CLASSES, _EXAMPLES = 20, 8


def record_data(run: RunFolder, data: ImageData, checked: CheckResult) -> None:
    """Records how many images of each class there are, what a check found, and examples."""
    counts = {
        "train": np.bincount(data.train_labels, minlength=data.num_classes).tolist(),
        "test": np.bincount(data.test_labels, minlength=data.num_classes).tolist(),
    }
    classes = np.arange(min(data.num_classes, _MOST_EXAMPLE_CLASSES))
    rows = [np.flatnonzero(data.train_labels == k)[:_EXAMPLES] for k in classes]
    chosen = np.concatenate(rows)
    order = np.sort(chosen)  # images on disk are read front to back
    images = shrink_images(np.asarray(data.train_images[order]), LARGE)
    write_arrays(
        run.readings / "data.npz",
        examples=images[np.searchsorted(order, chosen)],
        example_labels=data.train_labels[chosen],
    )
    # Names of files are in the examples; a page needs no more than the sentences.
    findings = [
        {key: finding[key] for key in ("check", "level", "sentence", "count")}
        for finding in checked.to_json()["findings"]
    ]
    said = {
        "schema": 1,
        "counts": counts,
        "num_pool": len(data.pool),
        "findings": findings,
        "left_out": list(checked.left_out),
        "pool_is_train": data.pool is data.train_images,
        "passed_over": [kind._asdict() for kind in data.passed_over],
    }
    write_json(run.readings / "data.json", said)


def record_images(run: RunFolder, data: ImageData) -> None:
    """Records the test images that all maps show."""
    rows = choose_rows(data.test_labels)
    write_arrays(
        run.readings / "images.npz",
        rows=rows,
        labels=data.test_labels[rows],
        thumbnails=shrink_images(np.asarray(data.test_images[rows]), SMALL),
    )
