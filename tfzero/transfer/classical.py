"""Strategies that need no network after the features: scikit-learn's classifiers."""

from __future__ import annotations

import math
import warnings

import keras
import numpy as np

from tfzero._seeds import derive_seed
from tfzero.transfer.budget import Budget
from tfzero.transfer.contract import Fitted, measure_cost
from tfzero.transfer.features import read_features
from tfzero.transfer.folds import Fold, make_folds

_SVM_PENALTIES = [1.0, 10.0, 100.0]
# Beyond these the penalty is not chosen: see `svm`.
MOST_TUNED_CLASSES = 100
# Decision values that are held at once: a machine for each pair of 1,000 classes gives half a
# million of them an image.
_VALUES_AT_ONCE = 8_000_000


class ClassicalModel:
    """A scikit-learn classifier behind `predict(images) -> probabilities`.

    Args:
        encoder: Where features come from; None for raw pixels.
        estimator: Fitted, with `decision_function`; for more than two classes one value for
            each pair of them.
        num_classes: K; classes the estimator never saw get probability 0.
    """

    def __init__(self, encoder: keras.Model | None, estimator, num_classes: int):
        self.encoder = encoder
        self.estimator = estimator
        self.num_classes = num_classes

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Returns float32 `(N, K)`: the softmax of the decision values, not calibrated."""
        features, classes = read_features(self.encoder, images), self.estimator.classes_
        step = max(1, 2 * _VALUES_AT_ONCE // len(classes) ** 2)
        values = np.concatenate(
            [
                count_votes(self.estimator.decision_function(features[start : start + step]))
                for start in range(0, len(features), step)
            ]
        )
        exponents = np.exp(values - values.max(axis=1, keepdims=True))
        probabilities = np.zeros((len(images), self.num_classes), np.float32)
        probabilities[:, classes] = exponents / exponents.sum(axis=1, keepdims=True)
        return probabilities


def count_votes(values: np.ndarray) -> np.ndarray:
    """Returns each class's votes, and less than half a vote for by how much it won and lost.

    As scikit-learn counts them, a class at a time instead of a pair.

    Args:
        values: float `(N, K (K - 1) / 2)`, of the pairs (0, 1), (0, 2), ..., (1, 2), ...: positive
            for the first. For two classes `(N,)`, positive for the second.

    Returns:
        float `(N, K)`.
    """
    if values.ndim == 1:
        return np.stack([-values, values], axis=1) / 2
    num_classes = round((1 + math.sqrt(1 + 8 * values.shape[1])) / 2)
    votes, sums = np.zeros((2, len(values), num_classes))
    start = 0
    for k in range(num_classes - 1):
        stop = start + num_classes - 1 - k
        against = values[:, start:stop]  # of class k against those behind it
        won = against >= 0
        votes[:, k] += won.sum(axis=1)
        votes[:, k + 1 :] += ~won
        sums[:, k] += against.sum(axis=1)
        sums[:, k + 1 :] -= against
        start = stop
    return votes + sums / (3 * (np.abs(sums) + 1))


class DivergedModel:
    """What is left where features are not finite: it predicts NaN.

    Args:
        num_classes: K.
    """

    def __init__(self, num_classes: int):
        self.num_classes = num_classes

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Returns float32 NaN `(N, K)`."""
        return np.full((len(images), self.num_classes), np.nan, np.float32)


def svm(
    encoder, images, labels, *, num_classes: int, budget: Budget, seed: int, groups=None
) -> Fitted:
    """Fits support vector machines with an RBF kernel on features, or on pixels.

    One for each pair of classes; they vote. The penalty is chosen by cross-validation within the
    labels where each class has at least 5; below that it is 10. Images of one group are never on
    both sides of a fold.

    Beyond 100 classes the penalty is 10, too. Measured on one core, with Fashion-MNIST at 14x14
    cut into classes by k-means: 1,000 classes with 2 labels each fit in 2 s and predict 2,000
    images in 22 s, with 5 labels in 5 and 49, with 17 in 31 and 140, at a peak of 0.4 GB; the 15
    fits of a choice would take 5 minutes to an hour, for 2 points at most (80.5 % at penalty 1
    against 78.2 at 300 classes; at 1,000 none). On a Nystroem map of 1,000 images, which would do
    without pairs, ridge regression scores 69 % at 300 classes (pairs: 78) and 49 at 1,000 classes
    with 5 labels each (64), linear machines 44 with 2 (48) and take 73 s. Logistic regression
    scores 81, 64 and 50, in 17, 17 and 8 s: as well, but it is no support vector machine.
    """
    from sklearn.svm import SVC

    with measure_cost() as cost:
        features = read_features(encoder, images)
        if not np.isfinite(features).all():
            return Fitted(DivergedModel(num_classes), cost)
        weights = "balanced" if budget.class_weights else None
        machine = SVC(C=10.0, gamma="scale", break_ties=True, class_weight=weights)
        folds = []
        if num_classes <= MOST_TUNED_CLASSES:
            folds = make_folds(
                labels, groups, num_classes=num_classes, seed=derive_seed(seed, "folds")
            )
        machine = _fit_best(machine, {"C": _SVM_PENALTIES}, features, labels, folds, budget)
        # scikit-learn would count the votes in a loop over pairs, with all values in memory.
        machine.set_params(decision_function_shape="ovo", break_ties=False)
    cost.parameters = int(machine.dual_coef_.size + machine.support_vectors_.size)
    return Fitted(ClassicalModel(encoder, machine, num_classes), cost)


def _fit_best(machine, settings: dict, features, labels, folds: list[Fold], budget: Budget):
    """Returns the machine fitted with the settings that validate best; as it is without folds."""
    from sklearn.model_selection import GridSearchCV

    if not folds:
        return machine.fit(features, labels)
    scoring = "balanced_accuracy" if budget.class_weights else "accuracy"
    search = GridSearchCV(machine, settings, cv=folds, scoring=scoring)
    with warnings.catch_warnings():
        # Where a class is in few groups, a fold may validate without it.
        warnings.filterwarnings("ignore", "y_pred contains classes not in y_true", UserWarning)
        return search.fit(features, labels).best_estimator_
