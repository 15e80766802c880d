"""The jobs that train an arm to be exported, calibrate its network and score it as itself.

The probabilities are divided by one temperature, fitted on labelled images that the network which
predicts them was not trained on. Never on test images, which then say how well it is calibrated.
Which images those are is decided by how many labels there are:

- Fewer than 10,000: the exported network learns from all of them. One more network is trained in
  the same way on four fifths and predicts the last one; where a fifth is fewer than 200 images, so
  do up to four others, of other fifths. These run beside the first, on cores that would idle.
- More: 1,000 are kept back. They would not be missed, and one more training would.
- Where training stops short of all labels, for want of time: 1,000 of the others.
"""

from __future__ import annotations

import dataclasses
import math
import pathlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tfzero.common.arm import Arm
from tfzero.common.files import read_json, write_arrays, write_by_path, write_json
from tfzero.common.seeds import derive_seed
from tfzero.study.inits import read_init
from tfzero.study.planning.plan import SCRATCH, CellSpec, StudyPlan, TransferPlan
from tfzero.study.work.fresh import run_fresh
from tfzero.study.work.graphs import open_pool_graph
from tfzero.study.work.inputs import open_graph_for, pool_for
from tfzero.study.work.process import in_study
from tfzero.study.work.scores import score_probabilities
from tfzero.study.workspace import Workspace
from tfzero.transfer import STRATEGIES, fit_classifier
from tfzero.transfer.budget import Budget, default_budget
from tfzero.transfer.calibration import apply_temperature, fit_temperature
from tfzero.transfer.folds import make_folds
from tfzero.transfer.strategies.base import Task

if TYPE_CHECKING:
    from tfzero.transfer.contract import Fitted

SCHEMA = 2
# Predictions that one temperature is fitted to: with 200, its standard error is some 10 %.
ENOUGH_HELD = 200
# From so many labels on, some are kept back.
KEPT_FROM, KEPT = 10_000, 1000


class Division(NamedTuple):
    """Who learns from which labelled images, and who is asked about which others.

    Attributes:
        trained: int `(N,)`: the images that the exported network learns from.
        held: int `(M,)`: others, that it is asked about; may be none.
        folds: (learnt from, asked about) of each further network.
    """

    trained: np.ndarray
    held: np.ndarray
    folds: tuple[tuple[np.ndarray, np.ndarray], ...]


class Trained(NamedTuple):
    """What a job of this file hands over.

    Attributes:
        probabilities: float32 `(M, K)`, of images that the job's network did not learn from.
        labels: int `(M,)`, theirs.
        cost: Of the exported network; None of another.
    """

    probabilities: np.ndarray
    labels: np.ndarray
    cost: dict[str, Any] | None = None


def final_key(workspace: Workspace, arm: Arm) -> str:
    """Returns the name of the exported network's files."""
    cell = CellSpec(arm=arm, num_labels=workspace.plan.data.num_train, replicate=0)
    return f"final-{workspace.plan.cell_key(cell)}"


def raw_path(workspace: Workspace, arm: Arm) -> pathlib.Path:
    """Returns where the network is kept until it is calibrated."""
    return workspace.run.final / f"{final_key(workspace, arm)}-raw.keras"


def read_final(workspace: Workspace, arm: Arm) -> dict[str, Any] | None:
    """Returns the record of the exported network, or None if there is none yet."""
    record = read_json(workspace.run.final / f"{final_key(workspace, arm)}.json")
    return record if record is not None and record["schema"] == SCHEMA else None


def divide_labels(workspace: Workspace, most: int) -> Division:
    """Divides the labelled training images, with the first seed.

    Args:
        workspace: The study.
        most: How many to learn from at most; as many are drawn as in the study, stratified, and
            they contain the labels of its smaller counts.
    """
    data, total = workspace.data, workspace.plan.data.num_train
    trained, held = _hold_back(workspace, total - KEPT if most == total >= KEPT_FROM else most)
    if len(held) >= ENOUGH_HELD:
        return Division(trained, held, ())
    trained, none = workspace.subsets(0, most)[most], np.array([], int)
    folds = make_folds(
        data.train_labels[trained],
        data.groups_of(trained),
        num_classes=data.num_classes,
        seed=derive_seed(0, "calibration"),
    )
    needed = 0 if not folds else math.ceil(ENOUGH_HELD / len(folds[0][1]))
    return Division(trained, none, tuple((trained[a], trained[b]) for a, b in folds[:needed]))


def _hold_back(workspace: Workspace, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns labelled images to learn from, and others of which no group is among those."""
    trained = workspace.subsets(0, most)[most]
    left = np.setdiff1d(np.arange(workspace.plan.data.num_train), trained)
    if (groups := workspace.data.train_groups) is not None:
        left = left[~np.isin(groups[left], groups[trained])]
    drawn = np.random.default_rng(derive_seed(0, "held")).permutation(left)
    return trained, np.sort(drawn[:KEPT])


@in_study
def train_final(workspace: Workspace, arm: Arm, most: int) -> Trained:
    """Trains the network to be exported, and asks it about images that it did not learn from."""
    division = divide_labels(workspace, most)
    fitted = _fit(workspace, arm, division.trained)
    shown = network_arm(arm)
    model = STRATEGIES[shown.strategy].to_model(
        fitted,
        encoder=workspace.load_encoder(shown.init, 0),
        image_shape=workspace.plan.data.image_shape,
    )
    write_by_path(raw_path(workspace, arm), model.save)
    return _ask(workspace, fitted, division.held)._replace(cost=vars(fitted.cost))


def train_on_threads(threads: int, train: Callable[..., Trained], *arguments: Any) -> Trained:
    """Trains in a fresh process with several threads, or in this one with the one that it has."""
    if threads == 1:
        return train(*arguments)
    return run_fresh(train, *arguments, threads=threads)


@in_study
def train_beside(workspace: Workspace, arm: Arm, most: int, fold: int) -> Trained:
    """Trains a further network on a part of the labels, and asks it about the rest."""
    learnt, asked = divide_labels(workspace, most).folds[fold]
    return _ask(workspace, _fit(workspace, arm, learnt), asked)


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
    asked = np.concatenate([each.probabilities for each in trained])
    labels = np.concatenate([each.labels for each in trained])
    # What diverged cannot be calibrated, nor a network of somebody's own strategy.
    divide = getattr(model, "divide_logits", None)
    fits = divide is not None and len(labels) > 0 and bool(np.isfinite(asked).all())
    temperature = fit_temperature(asked, labels) if fits else 1.0
    if divide is not None:
        divide(temperature)
    write_by_path(run.final / f"{key}.keras", model.save)
    probabilities = predict_compiled(model, data.test_images)
    scores = score_probabilities(probabilities, data.test_labels)
    before = score_probabilities(
        apply_temperature(probabilities, 1 / temperature), data.test_labels
    )
    [cost] = [each.cost for each in trained if each.cost is not None]
    record = {
        "schema": SCHEMA,
        "key": key,
        "arm": arm,
        "network": network_arm(arm),
        "num_labels": len(divide_labels(workspace, most).trained),
        "num_labelled": len(data.train_labels),
        "cut": most < len(data.train_labels),
        "num_test": len(data.test_labels),
        "result": scores,
        "calibration": {
            "temperature": temperature,
            "num_held_out": len(labels) if fits else 0,
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


def _ask(workspace: Workspace, fitted: Fitted, rows: np.ndarray) -> Trained:
    data = workspace.data
    if not len(rows):
        return Trained(np.zeros((0, data.num_classes), np.float32), np.array([], int))
    return Trained(fitted.predict(data.train_images[rows]), data.train_labels[rows])


def _fit(workspace: Workspace, arm: Arm, rows: np.ndarray) -> Fitted:
    """Fits an arm on some of the labelled training images, as the first seed's cells are."""
    shown = network_arm(arm)
    cell = CellSpec(arm=shown, num_labels=len(rows), replicate=0)
    data, encoder = workspace.data, workspace.load_encoder(cell.init, 0)
    common = {
        "labels": data.train_labels[rows],
        "groups": data.groups_of(rows),
        "pool": pool_for(workspace, cell),
        "num_classes": data.num_classes,
        "budget": Budget(**plan_count(workspace.plan, len(rows)).transfer_for(cell).model_dump()),
        "seed": derive_seed(0, "transfer"),
    }
    images = data.train_images[rows]
    if shown == arm:
        graph, _ = open_graph_for(workspace, cell, encoder)
        return fit_classifier(
            cell.strategy,
            encoder=encoder,
            images=images,
            graph=graph,
            spread_by_pixels=read_init(cell.init).is_random,
            **common,
        )
    # Labels are spread as by the arm itself.
    own = workspace.load_encoder(arm.init, 0)
    key = workspace.features_key(CellSpec(arm=arm, num_labels=len(rows), replicate=0))
    graph, _ = open_pool_graph(workspace.run, key, data, lambda: own)
    task = Task(
        inputs=images,
        encoder=encoder,
        graph=graph,
        spread_by_pixels=own is None,
        spread_encoder=own,
        **common,
    )
    return STRATEGIES[cell.strategy].fit(task)


def network_arm(arm: Arm) -> Arm:
    """Returns the arm whose network is exported: this one, or one that learns from it.

    One without a network of its own teaches one that starts from random weights.
    """
    taught = STRATEGIES[arm.strategy].taught
    if taught is None:
        return arm
    return Arm(arm.init if read_init(arm.init).has_network else SCRATCH.init, taught)


def plan_count(plan: StudyPlan, count: int) -> StudyPlan:
    """Returns a plan with what a network may spend at one label count more."""
    if count in plan.transfer:
        return plan
    usual = plan.transfer[plan.data.num_train]
    budget = dataclasses.replace(
        default_budget(count), kind=usual.kind, class_weights=usual.class_weights
    )
    extra = plan.extra_steps[plan.data.num_train]
    return plan.model_copy(
        update={
            "transfer": {**plan.transfer, count: TransferPlan.from_budget(budget)},
            "extra_steps": {**plan.extra_steps, count: extra},
        }
    )
