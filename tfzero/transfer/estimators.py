"""Scikit-learn's classifiers, and what it leaves out: votes and class weights at scale."""

from __future__ import annotations

import math

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

# Of exp(-gamma |x - y|^2), where |x|^2 is 1 in the mean: a quarter of what scikit-learn calls
# "scale". On k-means features of Fashion-MNIST with 100 labels 1 point better, else alike.
_GAMMA = 0.25
# Decision values that are held at once: a machine for each pair of 1,000 classes gives half a
# million of them an image.
_VALUES_AT_ONCE = 8_000_000


class ClassicalModel:
    """A scikit-learn classifier behind `predict(features) -> probabilities`.

    Args:
        pipeline: Fitted, from the features of all blocks to classes, with `predict_proba`.
        num_classes: K; classes the pipeline never saw get probability 0.
    """

    def __init__(self, pipeline, num_classes: int):
        self.pipeline = pipeline
        self.num_classes = num_classes

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Returns float32 class probabilities `(N, K)`; NaN where features are not finite."""
        probabilities = np.zeros((len(features), self.num_classes), np.float32)
        finite = np.isfinite(features).all(axis=1)
        probabilities[~finite] = np.nan
        if finite.any():
            found = self.pipeline.predict_proba(features[finite])
            probabilities[np.ix_(finite, self.pipeline.classes_)] = found
        return probabilities


class DivergedModel:
    """The model of features that are not finite: it predicts NaN.

    Args:
        num_classes: K.
    """

    def __init__(self, num_classes: int):
        self.num_classes = num_classes

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Returns float32 NaN `(N, K)`."""
        return np.full((len(features), self.num_classes), np.nan, np.float32)


class PairwiseMachines(ClassifierMixin, BaseEstimator):
    """RBF support vector machines on scaled features, one for each pair of classes, that vote.

    As `sklearn.svm.SVC(break_ties=True)` decides, without a loop over pairs and without holding
    the values of all pairs for all images.

    Args:
        penalty: Of a label on the wrong side of its margin.
        balanced: Whether rare classes weigh as much as frequent ones.

    Attributes:
        machine_: The fitted `SVC`.
        classes_: Those seen.
    """

    def __init__(self, penalty: float = 30.0, balanced: bool = False):
        self.penalty = penalty
        self.balanced = balanced

    def fit(self, features, labels):
        """Fits all pairs to features `(N, D)` and labels `(N,)`."""
        weights = "balanced" if self.balanced else None
        machine = SVC(
            C=self.penalty, gamma=_GAMMA, class_weight=weights, decision_function_shape="ovo"
        )
        self.machine_ = machine.fit(features, labels)
        self.classes_ = machine.classes_
        return self

    def predict_proba(self, features) -> np.ndarray:
        """Returns float `(M, K)`: the softmax of the votes, not calibrated."""
        step = max(1, 2 * _VALUES_AT_ONCE // len(self.classes_) ** 2)
        values = np.concatenate(
            [
                count_votes(self.machine_.decision_function(features[start : start + step]))
                for start in range(0, len(features), step)
            ]
        )
        exponents = np.exp(values - values.max(axis=1, keepdims=True))
        return exponents / exponents.sum(axis=1, keepdims=True)

    def predict(self, features) -> np.ndarray:
        """Returns the class with the most votes of each of features `(M, D)`."""
        return self.classes_[self.predict_proba(features).argmax(axis=1)]

    def count_parameters(self) -> int:
        """Returns how many numbers were fitted."""
        return int(self.machine_.dual_coef_.size + self.machine_.support_vectors_.size)


class SmoothedNeighbors(ClassifierMixin, BaseEstimator):
    """Nearest neighbours' votes, and one vote more that is shared among all classes.

    Near is what has nearly the direction, whatever the length: on features of networks 1 to 5
    points better than Euclidean distance at 20 labels. The nearer count more, by the inverse of
    their cosine distance. The shared vote keeps a class that
    no neighbour has from probability 0, which a single mistake would make infinitely wrong.

    Args:
        num_neighbors: k, at most; fewer where there are fewer labels.
        balanced: Whether a vote weighs N / (K n_k), where its class has n_k of N labels.

    Attributes:
        neighbors_: The fitted `KNeighborsClassifier`.
        classes_: Those seen.
    """

    def __init__(self, num_neighbors: int = 5, balanced: bool = False):
        self.num_neighbors = num_neighbors
        self.balanced = balanced

    def fit(self, features, labels):
        """Keeps features `(N, D)` and labels `(N,)`."""
        self.num_used_, self.size_ = min(self.num_neighbors, len(features)), features.size
        neighbors = KNeighborsClassifier(self.num_used_, weights="distance", metric="cosine")
        self.neighbors_ = neighbors.fit(features, labels)
        self.classes_, counts = np.unique(labels, return_counts=True)
        self.weights_ = len(labels) / (len(counts) * counts) if self.balanced else 1.0
        return self

    def predict_proba(self, features) -> np.ndarray:
        """Returns float `(M, K)`: shares of the votes."""
        votes = self.neighbors_.predict_proba(features) * self.weights_
        votes /= votes.sum(axis=1, keepdims=True)
        return (self.num_used_ * votes + 1 / len(self.classes_)) / (self.num_used_ + 1)

    def predict(self, features) -> np.ndarray:
        """Returns the class with the most votes of each of features `(M, D)`."""
        return self.classes_[self.predict_proba(features).argmax(axis=1)]

    def count_parameters(self) -> int:
        """Returns how many numbers were kept: the labelled features."""
        return int(self.size_)


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
