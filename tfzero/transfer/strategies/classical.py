"""Strategies that need no network after the features: scikit-learn's classifiers."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any

from tfzero.common.seeds import derive_seed
from tfzero.transfer.budget import MOST_LABELS, Budget
from tfzero.transfer.contract import Fitted, measure_cost
from tfzero.transfer.strategies.base import Need, Strategy, Task, Work

if TYPE_CHECKING:
    import keras

    from tfzero.transfer.choice import Learner
    from tfzero.transfer.estimators import ClassicalModel

# Inverse strength of the L2 penalty against the sum of losses over the labels, on features whose
# squared length is 1 in the mean.
_STRENGTH = 30.0
# What is tried beside the usual, where labels suffice to choose.
_STRENGTHS = (3.0, 300.0)
_PENALTIES = (3.0, 300.0)
_LEAVES = (2, 5)
_NEIGHBORS = (1, 3, 10)
_TREES, _TREES_TRIED = 300, 50


class ClassicalStrategy(Strategy):
    """Fits a scikit-learn classifier on features of blocks that are chosen within the labels."""

    reads = frozenset({Need.BLOCKS})

    @abc.abstractmethod
    def _make_learner(self, budget: Budget, seed: int) -> Learner:
        """Returns the classifier, and which of its settings are chosen."""

    def fit(self, task: Task) -> Fitted:
        """Chooses blocks and settings where the labels suffice, and fits on all labels."""
        import numpy as np
        from sklearn.dummy import DummyClassifier

        from tfzero.transfer.choice import Learner, fit_chosen
        from tfzero.transfer.estimators import ClassicalModel, DivergedModel

        with measure_cost() as cost:
            if not np.isfinite(task.inputs).all():
                return Fitted(DivergedModel(task.num_classes), cost)
            learner = self._make_learner(task.budget, task.seed)
            if len(np.unique(task.labels)) == 1:  # it always answers the only class it has seen
                learner = Learner(DummyClassifier(), {})
            pipeline, chosen = fit_chosen(learner, task)
        cost.parameters = _count_parameters(pipeline)
        return Fitted(ClassicalModel(pipeline, task.num_classes), cost, chosen)

    def work(self, budget: Budget, num_pool: int) -> Work:
        """Returns that whole fits must be timed, and how many labels the choice reads."""
        del budget, num_pool
        return Work(whole=True, searched=MOST_LABELS)


class LayerStrategy(ClassicalStrategy):
    """A classical strategy whose fitted head can be written as a layer of a Keras model."""

    @abc.abstractmethod
    def _build_model(self, reader: keras.Model, head: ClassicalModel) -> keras.Model:
        """Returns the network of what reads the features and the head's layer."""

    def to_model(self, fitted, *, encoder, image_shape) -> keras.Model:
        """Returns the network of the chosen blocks and the head."""
        from tfzero.transfer.heads import read_chosen

        reader = read_chosen(encoder, image_shape, fitted.chosen["blocks"])
        return self._build_model(reader, fitted.model.head)

    @property
    def becomes_model(self) -> bool:
        """Whether it becomes a Keras model: its head does, as a layer."""
        return True


class Logistic(LayerStrategy):
    """Fits logistic regression with an L2 penalty on features, or on pixels.

    The inverse strength C of the penalty is chosen within the labels, as are the blocks.
    """

    name = "logistic"
    summary = "logistic regression"
    phrase = "Logistic regression on {start}"

    def _make_learner(self, budget: Budget, seed: int) -> Learner:
        from tfzero.transfer.choice import Learner

        return Learner(make_logistic(balanced=budget.class_weights), {"C": _STRENGTHS})

    def _build_model(self, reader: keras.Model, head: ClassicalModel) -> keras.Model:
        from tfzero.transfer.heads import build_linear

        return build_linear(reader, head.pipeline, head.num_classes)


class SupportVectors(LayerStrategy):
    """Fits support vector machines with an RBF kernel on features, or on pixels.

    One for each pair of classes; they vote. The penalty is chosen within the labels, as are the
    blocks, where each class has at least 5; below that it is 30. Images of one group are never on
    both sides of a fold.

    Beyond 100 classes the penalty is 30, too. Measured on one core, at penalty 10 on pixels as they
    are, with Fashion-MNIST at 14x14 cut into classes by k-means: 1,000 classes with 2 labels each
    fit in 2 s and predict 2,000 images in 22 s, with 5 labels in 5 and 49, with 17 in 31 and 140,
    at a peak of 0.4 GB; the 15 fits of a choice would take 5 minutes to an hour, for 2 points at
    most (80.5 % at penalty 1 against 78.2 at 300 classes; at 1,000 none). On a Nystroem map of
    1,000 images, which would do without pairs, ridge regression scores 69 % at 300 classes (pairs:
    78) and 49 at 1,000 classes with 5 labels each (64), linear machines 44 with 2 (48) and take
    73 s. Logistic regression scores 81, 64 and 50, in 17, 17 and 8 s: as well, but it is no support
    vector machine.
    """

    name = "svm"
    summary = "RBF support vector machine"
    phrase = "A support vector machine on {start}"

    def _make_learner(self, budget: Budget, seed: int) -> Learner:
        from tfzero.transfer.choice import Learner
        from tfzero.transfer.estimators import PairwiseMachines

        machines = PairwiseMachines(penalty=30.0, balanced=budget.class_weights)
        return Learner(machines, {"penalty": _PENALTIES})

    def _build_model(self, reader: keras.Model, head: ClassicalModel) -> keras.Model:
        from tfzero.transfer.heads import build_machines

        return build_machines(reader, head.pipeline, head.num_classes)


class RandomizedTrees(ClassicalStrategy):
    """Fits extremely randomized trees on features, or on pixels.

    The smallest leaf is chosen within the labels, as are the blocks, with fewer trees.

    Reference:
        Geurts, Ernst, Wehenkel 2006, "Extremely randomized trees".
    """

    name = "forest"
    summary = "randomized trees"
    phrase = "Randomized trees on {start}"

    def _make_learner(self, budget: Budget, seed: int) -> Learner:
        from sklearn.ensemble import ExtraTreesClassifier

        from tfzero.transfer.choice import Learner

        weights = "balanced" if budget.class_weights else None
        random = derive_seed(seed, "forest")
        trees = ExtraTreesClassifier(_TREES, class_weight=weights, random_state=random)
        cheaper = {"n_estimators": _TREES_TRIED}
        return Learner(trees, {"min_samples_leaf": _LEAVES}, rotates=False, cheaper=cheaper)


class NearestNeighbors(ClassicalStrategy):
    """Lets the nearest labelled images vote, by features or by pixels.

    How many is chosen within the labels, as are the blocks.
    """

    name = "knn"
    summary = "votes of the nearest labels"
    phrase = "Nearest neighbors on {start}"

    def _make_learner(self, budget: Budget, seed: int) -> Learner:
        from tfzero.transfer.choice import Learner
        from tfzero.transfer.estimators import SmoothedNeighbors

        neighbors = SmoothedNeighbors(num_neighbors=5, balanced=budget.class_weights)
        return Learner(neighbors, {"num_neighbors": _NEIGHBORS})


def make_logistic(*, balanced: bool = False):
    """Returns scikit-learn's logistic regression as it is where nothing is chosen, unfitted."""
    from sklearn.linear_model import LogisticRegression

    weights = "balanced" if balanced else None
    return LogisticRegression(C=_STRENGTH, max_iter=300, tol=1e-3, class_weight=weights)


def _count_parameters(pipeline: Any) -> int:
    """Returns how many numbers were fitted to the labels."""
    classifier = pipeline[-1]
    if hasattr(classifier, "coef_"):  # on rotated features; on the features themselves it is D
        rows, width = len(classifier.coef_), len(pipeline[0].mean_)
        return rows * (width + 1)
    if hasattr(classifier, "estimators_"):
        return sum(tree.tree_.node_count for tree in classifier.estimators_)
    return classifier.count_parameters() if hasattr(classifier, "count_parameters") else 0
