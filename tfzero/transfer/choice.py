"""Which blocks of an encoder a classifier reads, and its settings, chosen within the labels."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import Pipeline

from tfzero.common.seeds import derive_seed
from tfzero.transfer.budget import MOST_LABELS
from tfzero.transfer.folds import MIN_LABELS_A_CLASS, Fold, make_folds
from tfzero.transfer.scaling import PIXELS, BlockScaler, Span
from tfzero.transfer.strategies.base import Task

# Beyond these nothing is chosen: see `tfzero.transfer.strategies.classical.SupportVectors`.
MOST_TUNED_CLASSES = 100
# A choice is by likelihood, and must be this many standard errors better than the usual. Measured
# on Fashion-MNIST with 50 and 100 labels, logistic regression on SimCLR's blocks: all together
# score 67.7 and 72.4 %, so chosen 67.7 and 72.3, by the mean accuracy 67.2 and 72.3; on blocks of
# random weights 60.5 and 66.5, 63.3 and 67.3, 61.3 and 67.8.
_ERRORS = 1.0
_SMALLEST_PROBABILITY = 1e-3


class Learner(NamedTuple):
    """A classifier and what may be chosen about it.

    Attributes:
        classifier: Unfitted, with the settings it has where nothing is chosen.
        settings: Other values of some of its settings.
        rotates: Whether only distances and products of features matter to it.
        cheaper: Settings that it is tried with, where a fit is dear.
    """

    classifier: Any
    settings: dict[str, tuple]
    rotates: bool = True
    cheaper: dict[str, Any] = {}


def fit_chosen(learner: Learner, task: Task) -> tuple[Pipeline, dict[str, Any]]:
    """Fits a classifier on the blocks and with the settings that validate best.

    First the blocks are chosen: all together or one of them; then each setting in turn. Where a
    class has fewer than 5 labels, or there are more than 100 classes, all blocks are read and the
    settings are the learner's own.

    Args:
        learner: What to fit.
        task: Its inputs are features float32 `(N, D)`, of all blocks side by side.

    Returns:
        The fitted pipeline, from features to classes, and what was chosen: "blocks", each
        setting, and "validated", the accuracy in cross-validation, None where nothing was chosen.
    """
    features, labels = task.inputs, task.labels
    columns = task.columns or {"features": (0, features.shape[1])}
    names = tuple(columns)
    classifier = clone(learner.classifier)
    chosen: dict[str, Any] = {"validated": None}
    with warnings.catch_warnings():
        # A fit that stopped before its optimum is a classifier like any other.
        warnings.simplefilter("ignore", ConvergenceWarning)
        rows, folds = _draw_folds(task)
        if folds:
            balanced = task.budget.class_weights
            trial = _Trial(learner, features[rows], labels[rows], columns, folds, balanced)
            names, settings, chosen["validated"] = trial.search()
            classifier.set_params(**settings)
        front = _make_front(learner, names, columns)
        classifier.fit(front.fit_transform(features), labels)
    kept = {name: classifier.get_params()[name] for name in learner.settings}
    pipeline = Pipeline([*front.steps, ("classifier", classifier)])
    return pipeline, {"blocks": list(names), **kept, **chosen}


def _draw_folds(task: Task) -> tuple[np.ndarray, list[Fold]]:
    """Returns which labels make the choice, and their folds; none where nothing is chosen."""
    if task.num_classes > MOST_TUNED_CLASSES:
        return np.arange(len(task.labels)), []
    rows = _draw_rows(task.labels, seed=derive_seed(task.seed, "choice"))
    groups = None if task.groups is None else task.groups[rows]
    seed = derive_seed(task.seed, "folds")
    return rows, make_folds(task.labels[rows], groups, num_classes=task.num_classes, seed=seed)


class _Validated(NamedTuple):
    """How each label is told where it is set aside, in the order of the folds.

    Attributes:
        right: bool `(N,)`.
        likelihood: float `(N,)`, the log of its class's probability.
    """

    right: np.ndarray
    likelihood: np.ndarray


class _Trial:
    """A cross-validation of a learner's choices, all on the same folds."""

    def __init__(self, learner, features, labels, columns, folds, balanced):
        self.learner = learner
        self.features = features
        self.labels = labels
        self.columns = columns
        self.folds = folds
        # The order in which labels are set aside.
        self.tested = np.concatenate([test for _, test in folds])
        counts = np.bincount(labels)[labels[self.tested]]
        weights = 1 / counts if balanced else np.ones(len(counts))
        self.weights = weights / weights.mean()

    def search(self) -> tuple[tuple[str, ...], dict[str, Any], float]:
        """Returns names of blocks, settings, and the accuracy with them."""
        everything = tuple(self.columns)
        options = [everything]
        if len(everything) > 1:
            options += [(name,) for name in everything]
        prepared = {names: self._prepare(names) for names in options}
        found = {names: self._validate(prepared[names], {}) for names in options}
        names = self._choose(found)
        settings: dict[str, Any] = {}
        best = found[names]
        for setting, values in self.learner.settings.items():
            tried = {value: {**settings, setting: value} for value in values}
            found = {value: self._validate(prepared[names], tried[value]) for value in values}
            value = self._choose({None: best, **found})
            if value is not None:
                settings, best = tried[value], found[value]
        return names, settings, float(np.mean(self.weights * best.right))

    def _prepare(self, names) -> np.ndarray:
        # From images alone: what a label could tell does not pass from one side of a fold over.
        front = _make_front(self.learner, names, self.columns)
        return front.fit_transform(self.features)

    def _validate(self, prepared, settings) -> _Validated:
        classifier = clone(self.learner.classifier).set_params(**self.learner.cheaper, **settings)
        right, likelihoods = [], []
        for train, test in self.folds:
            classifier.fit(prepared[train], self.labels[train])
            probabilities = classifier.predict_proba(prepared[test])
            places = np.searchsorted(classifier.classes_, self.labels[test])
            right.append(probabilities.argmax(axis=1) == places)
            likelihoods.append(probabilities[np.arange(len(test)), places])
        likelihood = np.log(np.concatenate(likelihoods).clip(_SMALLEST_PROBABILITY))
        return _Validated(np.concatenate(right), likelihood)

    def _choose(self, found: dict[Any, _Validated]) -> Any:
        """Returns the key of what validates best, or the first where none is surely better."""
        usual = next(iter(found.values()))
        gains = {}
        for key, validated in found.items():
            differences = self.weights * (validated.likelihood - usual.likelihood)
            error = differences.std() / np.sqrt(len(differences))
            gains[key] = differences.mean() - _ERRORS * error
        return max(gains, key=lambda key: gains[key])


def _make_front(learner: Learner, names, columns) -> Pipeline:
    scaler = BlockScaler(tuple(columns[name] for name in names), same_unit=PIXELS in columns)
    steps = [("blocks", scaler)]
    return Pipeline([*steps, ("span", Span())] if learner.rotates else steps)


def _draw_rows(labels: np.ndarray, *, seed: int) -> np.ndarray:
    """Returns at most about 2,000 places, as many of each class as its share, and 5 if it has."""
    if len(labels) <= MOST_LABELS:
        return np.arange(len(labels))
    order = np.random.default_rng(seed).permutation(len(labels))
    kept = []
    for label in np.unique(labels):
        own = order[labels[order] == label]
        kept.append(own[: max(MIN_LABELS_A_CLASS, len(own) * MOST_LABELS // len(labels))])
    return np.sort(np.concatenate(kept))
