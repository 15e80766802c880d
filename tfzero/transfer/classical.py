"""Strategies that need no network after the features: scikit-learn's classifiers."""

from __future__ import annotations

import warnings

import keras
import numpy as np

from tfzero._seeds import derive_seed
from tfzero.transfer.budget import Budget
from tfzero.transfer.contract import Fitted, measure_cost
from tfzero.transfer.features import read_features
from tfzero.transfer.folds import Fold, make_folds

_SVM_PENALTIES = [1.0, 10.0, 100.0]


class ClassicalModel:
    """A scikit-learn classifier behind `predict(images) -> probabilities`.

    Args:
        encoder: Where features come from; None for raw pixels.
        estimator: Fitted, with `decision_function`.
        num_classes: K; classes the estimator never saw get probability 0.
    """

    def __init__(self, encoder: keras.Model | None, estimator, num_classes: int):
        self.encoder = encoder
        self.estimator = estimator
        self.num_classes = num_classes

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Returns float32 `(N, K)`: the softmax of the decision values, not calibrated."""
        values = self.estimator.decision_function(read_features(self.encoder, images))
        if values.ndim == 1:  # two classes: one value, positive for the second
            values = np.stack([-values, values], axis=1) / 2
        exponents = np.exp(values - values.max(axis=1, keepdims=True))
        probabilities = np.zeros((len(images), self.num_classes), np.float32)
        probabilities[:, self.estimator.classes_] = exponents / exponents.sum(axis=1, keepdims=True)
        return probabilities


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
    """Fits a support vector machine with an RBF kernel on features, or on pixels.

    Its penalty is chosen by cross-validation within the labels where each class has at least 5;
    below that it is 10. Images of one group are never on both sides of a fold.
    """
    from sklearn.svm import SVC

    with measure_cost() as cost:
        features = read_features(encoder, images)
        if not np.isfinite(features).all():
            return Fitted(DivergedModel(num_classes), cost)
        weights = "balanced" if budget.class_weights else None
        machine = SVC(C=10.0, gamma="scale", break_ties=True, class_weight=weights)
        folds = make_folds(labels, groups, num_classes=num_classes, seed=derive_seed(seed, "folds"))
        machine = _fit_best(machine, {"C": _SVM_PENALTIES}, features, labels, folds, budget)
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
