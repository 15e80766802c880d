"""What is recorded for the report, and when: data before a study, networks in it, encoders after.

```
readings/data.json, .npz        counts by class, what the check found; example images
readings/images.npz             small test images: rows, labels, thumbnails
readings/map-INIT.json, .npz    where an init's encoder of the first replicate puts them
readings/CELL.json, .npz        a network under corruptions; its surest mistakes, with Grad-CAM
```

A reading that fails says so in its JSON file (`reason`), and the study goes on.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np

from tfzero.common.seeds import derive_seed
from tfzero.data import ImageData
from tfzero.data.check import CheckResult
from tfzero.study.planning.inits import KMEANS, PIXELS, PUBLIC, read_init
from tfzero.study.planning.plan import CellSpec, StudyPlan
from tfzero.study.readings.corruptions import CORRUPTIONS, corrupt
from tfzero.study.readings.maps import choose_rows, make_map
from tfzero.study.readings.thumbnails import LARGE, SMALL, shrink_images
from tfzero.study.records import RunFolder, is_disk_full, read_json, write_arrays, write_json
from tfzero.transfer import STRATEGIES

# Test images that are corrupted, and how many pixels at once.
_MOST_CORRUPTED, _PIXELS_AT_ONCE = 1000, 4_000_000
_NUM_WRONG, _NUM_RIGHT = 12, 6
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
    write_json(
        run.readings / "data.json",
        {"schema": 1, "counts": counts, "num_pool": len(data.pool), "findings": findings,
         "left_out": list(checked.left_out), "pool_is_train": data.pool is data.train_images},
    )  # fmt: skip


def record_images(run: RunFolder, data: ImageData) -> None:
    """Records the test images that all maps show."""
    rows = choose_rows(data.test_labels)
    write_arrays(
        run.readings / "images.npz",
        rows=rows,
        labels=data.test_labels[rows],
        thumbnails=shrink_images(np.asarray(data.test_images[rows]), SMALL),
    )


def mapped_inits(plan: StudyPlan) -> list[str]:
    """Returns the inits whose features are laid out, in the order of the arms."""
    inits = dict.fromkeys(arm.partition("/")[0] for arm in plan.arms)
    return [init for init in inits if init != "scratch-long"]


def missing_maps(plan: StudyPlan, run: RunFolder) -> list[str]:
    """Returns the inits without a map."""
    return [init for init in mapped_inits(plan) if not _has(run, f"map-{init}")]


def record_map(folder: pathlib.Path, plan: StudyPlan, init: str, custom_objects: dict) -> None:
    """Records where the encoder of an init's first replicate puts test images."""
    import keras

    from tfzero.study.work import starts, worker
    from tfzero.transfer.features import read_features

    worker.prepare_process()
    run = RunFolder(folder)

    def read() -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        data = starts.open_data(run.cache_for(plan.data.fingerprint))
        rows = choose_rows(data.test_labels)
        images = np.asarray(data.test_images[rows])
        with keras.saving.custom_object_scope(custom_objects):
            encoder = starts.open_encoder(run, plan, init)
            features = read_features(encoder, images)
        if not np.isfinite(features).all():
            raise ValueError("its features are not finite")
        return make_map(features, data.test_labels[rows])

    _record(run, f"map-{init}", read, spec={"init": init, "replicate": 0})


def wants_reading(plan: StudyPlan, cell: CellSpec) -> bool:
    """Returns whether a cell's network is looked at: the first replicate's, on the most labels.

    Not a public network: large as they are, it would take longer than the study.
    """
    return (
        cell.replicate == 0
        and cell.num_labels == max(plan.label_counts)
        and read_init(cell.init).start not in (PIXELS, KMEANS, PUBLIC)
        and STRATEGIES[cell.strategy].trains_network
    )


def num_reading_images(plan: StudyPlan) -> int:
    """Returns how many images a network is shown for its reading."""
    kinds = sum(1 + len(strengths) for _, strengths in CORRUPTIONS.values())
    return kinds * min(_MOST_CORRUPTED, plan.data.num_test)


def record_network(
    run: RunFolder, plan: StudyPlan, cell: CellSpec, data: ImageData,
    probabilities: np.ndarray, network: Callable[[], Any],
) -> None:  # fmt: skip
    """Records how a cell's network fares with worse images, and what it is surest of.

    Args:
        run: The run folder.
        plan: The study.
        cell: Whose network it is.
        data: The images.
        probabilities: `(T, K)`, of the test images.
        network: Returns the `tfzero.Classifier`.
    """

    def read() -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        classifier = network()
        rows = _sure_rows(probabilities, data.test_labels)
        arrays, layer = _look_at(classifier, data, rows, probabilities)
        return arrays, {"layer": layer, "robustness": _score_corrupted(classifier, data)}

    _record(run, plan.cell_key(cell), read, spec=cell.model_dump())


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


def _look_at(classifier, data: ImageData, rows: np.ndarray, probabilities: np.ndarray):
    from tfzero.study.readings.attention import find_attention

    images = np.stack([data.test_images[row] for row in rows])
    guesses = probabilities[rows].argmax(axis=1)
    arrays = {
        "rows": rows,
        "labels": data.test_labels[rows],
        "guesses": guesses,
        "confidences": probabilities[rows].max(axis=1),
        "images": shrink_images(images, LARGE),
    }
    found = find_attention(classifier, images, guesses)
    if found is not None:
        arrays["heat"] = np.rint(255 * found.heat).astype(np.uint8)
    return arrays, None if found is None else found.layer


def _score_corrupted(classifier, data: ImageData) -> dict[str, Any]:
    """Returns the accuracy on the same images as they are and corrupted, by name and level."""
    from tfzero.common.compiled import predict_compiled

    count = min(_MOST_CORRUPTED, len(data.test_labels))
    rows = np.linspace(0, len(data.test_labels) - 1, count).astype(int)
    labels = data.test_labels[rows]
    step = max(1, _PIXELS_AT_ONCE // data.test_images[0].size)
    right = {name: [0] * (1 + len(strengths)) for name, (_, strengths) in CORRUPTIONS.items()}
    for start in range(0, count, step):
        images = np.asarray(data.test_images[rows[start : start + step]])
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


def _record(run: RunFolder, name: str, read: Callable, *, spec: dict[str, Any]) -> None:
    """Writes what `read` returns, or why it could not: nobody loses a study to a picture."""
    said: dict[str, Any] = {"schema": 1, "spec": spec}
    try:
        arrays, numbers = read()
        write_arrays(run.readings / f"{name}.npz", **arrays)
        said |= numbers
    except Exception as error:
        if is_disk_full(error):
            raise
        said["reason"] = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    write_json(run.readings / f"{name}.json", said)


def _has(run: RunFolder, name: str) -> bool:
    """Returns whether a reading is there; one that failed is tried again."""
    said = read_json(run.readings / f"{name}.json")
    return said is not None and "reason" not in said
