"""The jobs that train an arm to be exported, and what its network is calibrated and scored by.

The probabilities are divided by one temperature, fitted on labelled images that the network which
predicts them was not trained on. Never on test images, which then say how well it is calibrated.
Which images those are is decided by how many labels there are:

- Fewer than 10,000: the exported network learns from all of them. One more network is trained in
  the same way on four fifths and predicts the last one; where a fifth is fewer than 200 images, so
  do up to four others, of other fifths. These run beside the first, on cores that would idle.
- More: 1,000 are kept back. They would not be missed, and one more training would.
- Where training stops short of all labels, for want of time: 1,000 of the others.

With cross-fitting there are no test images that the exported network has not learned from. Then
one network is trained for each fold, as in the study, and together they say how good and how well
calibrated such a network is. The probabilities of each fold are scored with the temperature that
the other folds give.
"""

from __future__ import annotations

import math
import pathlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tfzero.common.arm import Arm
from tfzero.common.files import write_keras
from tfzero.common.seeds import derive_seed
from tfzero.study.inits import read_init
from tfzero.study.planning.parts import CellSpec
from tfzero.study.planning.plan import SCRATCH, StudyPlan
from tfzero.study.work.fresh import run_fresh
from tfzero.study.work.inputs import find_nearness, objective_for, pool_for
from tfzero.study.work.process import in_study
from tfzero.study.workspace import Workspace
from tfzero.transfer import STRATEGIES, fit_classifier
from tfzero.transfer.folds import NUM_FOLDS, make_folds

if TYPE_CHECKING:
    from tfzero.transfer.contract import Fitted

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
        cross_fits: Whether the folds together ask about each labelled image.
    """

    trained: np.ndarray
    held: np.ndarray
    folds: tuple[tuple[np.ndarray, np.ndarray], ...]
    cross_fits: bool = False


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


def expect_beside(plan: StudyPlan, most: int) -> int:
    """Returns how many networks `divide_labels` trains beside the exported one, as a rule."""
    data = plan.data
    if data.num_folds > 1:
        return data.num_folds
    if data.num_train >= KEPT_FROM or data.num_train - most >= ENOUGH_HELD:
        return 0
    return min(NUM_FOLDS, math.ceil(ENOUGH_HELD * NUM_FOLDS / most))


def divide_labels(workspace: Workspace, most: int) -> Division:
    """Divides the labelled training images, with the first seed.

    Args:
        workspace: The study.
        most: How many to learn from at most; as many are drawn as in the study, stratified, and
            they contain the labels of its smaller counts.
    """
    data, total = workspace.data, workspace.plan.data.num_train
    if workspace.plan.data.num_folds > 1:
        return _divide_by_folds(workspace, most)
    trained, held = _hold_back(workspace, total - KEPT if most == total >= KEPT_FROM else most)
    if len(held) >= ENOUGH_HELD:
        return Division(trained, held, ())
    trained, none = workspace.draw_labels(most), np.array([], int)
    folds = make_folds(
        data.train_labels[trained],
        data.groups_of(trained),
        num_classes=data.num_classes,
        seed=derive_seed(0, "calibration"),
    )
    needed = 0 if not folds else math.ceil(ENOUGH_HELD / len(folds[0][1]))
    return Division(trained, none, tuple((trained[a], trained[b]) for a, b in folds[:needed]))


def _divide_by_folds(workspace: Workspace, most: int) -> Division:
    """Returns the folds of the first replicate, so that each labelled image is asked about."""
    trained = workspace.draw_labels(most)
    rows = np.arange(workspace.plan.data.num_train)
    folds = (
        (np.intersect1d(trained, rows[fold.learnt]), rows[fold.asked])
        for fold in workspace.folds(0)
    )
    return Division(trained, np.array([], int), tuple(folds), cross_fits=True)


def _hold_back(workspace: Workspace, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns labelled images to learn from, and others of which no group is among those."""
    trained = workspace.draw_labels(most)
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
    write_keras(raw_path(workspace, arm), model.save)
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
        # One that is shown in place of another learns from the images that the other spread over.
        "pool": pool_for(workspace, cell) if shown == arm else workspace.pool,
        "num_classes": data.num_classes,
        "budget": workspace.plan.with_count(len(rows)).transfer_for(cell).to_budget(),
        "seed": derive_seed(0, "transfer"),
    }
    # Where another arm is shown, labels are spread as by the arm itself.
    near = find_nearness(workspace, cell, None if shown == arm else read_init(arm.init))
    return fit_classifier(
        cell.strategy,
        encoder=encoder,
        images=data.train_images[rows],
        objective=objective_for(workspace, cell),
        **near.fields(),
        **common,
    )


def network_arm(arm: Arm) -> Arm:
    """Returns the arm whose network is exported: this one, or one that learns from it.

    One without a network of its own teaches one that starts from random weights.
    """
    taught = STRATEGIES[arm.strategy].taught
    if taught is None:
        return arm
    return Arm(arm.init if read_init(arm.init).has_network else SCRATCH.init, taught)
