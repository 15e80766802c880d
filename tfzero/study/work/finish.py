"""The job that calibrates a trained network, scores it as itself and keeps it."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfzero.common.arm import Arm
from tfzero.common.files import read_json, write_arrays, write_json, write_keras
from tfzero.study.work.final import (
    Trained,
    divide_labels,
    final_key,
    network_arm,
    raw_path,
)
from tfzero.study.work.scores import score_probabilities
from tfzero.study.workspace import Workspace
from tfzero.transfer.calibration import apply_temperature, fit_temperature

SCHEMA = 3


def read_final(workspace: Workspace, arm: Arm) -> dict[str, Any] | None:
    """Returns the record of the exported network, or None if there is none yet."""
    record = read_json(workspace.run.final / f"{final_key(workspace, arm)}.json")
    return record if record is not None and record["schema"] == SCHEMA else None


def finish_final(
    workspace: Workspace, arm: Arm, most: int, trained: list[Trained], model: Any
) -> dict[str, Any]:
    """Calibrates the network, scores it on the test images and keeps it; returns its record.

    Args:
        workspace: The study.
        arm: The arm.
        most: As in `train_final`.
        trained: What the jobs handed over.
        model: The network as it was trained, from `raw_path`; calibrated in place.
    """
    from tfzero.common.compiled import predict_compiled

    run, data, key = workspace.run, workspace.data, final_key(workspace, arm)
    division = divide_labels(workspace, most)
    held = [each for each in trained if len(each.labels)]
    # What diverged cannot be calibrated, nor a network of somebody's own strategy.
    divide = getattr(model, "divide_logits", None)
    fits = divide is not None and len(held) > 0
    fits = fits and all(np.isfinite(each.probabilities).all() for each in held)
    temperature = _fit_temperature(held) if fits else 1.0
    if divide is not None:
        divide(temperature)
    write_keras(run.final / f"{key}.keras", model.save)
    if division.cross_fits:
        rows = np.argsort(np.concatenate([asked for _, asked in division.folds]))
        raw = np.concatenate([each.probabilities for each in held])[rows]
        probabilities = _calibrate_by_others(held)[rows] if fits else raw
    else:
        probabilities = predict_compiled(model, data.test_images)
        raw = apply_temperature(probabilities, 1 / temperature)
    scores = score_probabilities(probabilities, data.test_labels)
    before = score_probabilities(raw, data.test_labels)
    [cost] = [each.cost for each in trained if each.cost is not None]
    record = {
        "schema": SCHEMA,
        "key": key,
        "arm": arm,
        "network": network_arm(arm),
        "num_labels": len(division.trained),
        "num_labelled": len(data.train_labels),
        "cut": most < len(data.train_labels),
        "num_test": len(data.test_labels),
        "num_folds": workspace.plan.data.num_folds,
        "result": scores,
        "calibration": {
            "temperature": temperature,
            "num_held_out": sum(len(each.labels) for each in held) if fits else 0,
            "error_before": before["calibration_error"],
            "error_after": scores["calibration_error"],
            "likelihood_before": -before["negative_log_likelihood"],
            "likelihood_after": -scores["negative_log_likelihood"],
        },
        "cost": cost,
    }
    write_arrays(run.final / f"{key}.npz", probabilities=probabilities)
    write_json(run.final / f"{key}.json", record)
    raw_path(workspace, arm).unlink()
    return record


def _fit_temperature(held: list[Trained]) -> float:
    return fit_temperature(
        np.concatenate([each.probabilities for each in held]),
        np.concatenate([each.labels for each in held]),
    )


def _calibrate_by_others(held: list[Trained]) -> np.ndarray:
    """Returns the folds' probabilities, each divided by the temperature of the other folds."""
    return np.concatenate(
        [
            apply_temperature(
                fold.probabilities, _fit_temperature([each for each in held if each is not fold])
            )
            for fold in held
        ]
    )
