"""Training on labels and on unlabeled images at once."""

from __future__ import annotations

import contextlib
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfzero.common.loss_scaling import scale_losses
from tfzero.common.schedule import SharedWarmupCosine
from tfzero.common.seeds import derive_seed
from tfzero.data.pipeline import stream_batches
from tfzero.networks.averaging import move_averages
from tfzero.networks.copies import copy_network
from tfzero.networks.precision import PRECISION, call_network
from tfzero.networks.scaling import scale_images
from tfzero.transfer.budget import Budget
from tfzero.transfer.classifier import Classifier
from tfzero.transfer.objective import Objective, Reading
from tfzero.transfer.training import (
    Labelled,
    Trained,
    fit_stream,
    make_optimizer,
    stream_labelled,
    weigh_classes,
)


@keras.saving.register_keras_serializable("tfzero")
class JointNetwork(keras.Model):
    """A classifier that minimizes its cross-entropy and a loss on unlabeled images together.

    Each step takes a batch of labelled images and one of unlabeled images. It minimizes

        cross-entropy(labels) + min(1, step / warmup) * weight * loss(unlabeled images)

    with respect to the encoder, the head and the objective's own variables. An opponent's
    variables, such as a generator's, minimize their own loss at the same time, by an optimizer of
    their own.

    Train it by `fit` on a stream of `((images, labels), unlabeled)`. `call` gives the classifier's
    probabilities.

    Args:
        classifier: Trained in place.
        objective: Loss on the unlabeled images, with its state. One with an encoder of its own is
            copied, and the copy has the classifier's encoder.
        weight: Non-negative float: weight of the loss on unlabeled images.
        warmup: Number of steps over which that weight grows from 0.
        averaging: Decay per step of the average of the classifier's weights over time, in 0..1; 0
            keeps no average. Young averages forget faster: after t steps, the decay is at most
            (1 + t) / (10 + t).
        class_weights: Weight of each class's labels, K floats; None weighs all alike.

    Reference:
        Zhai et al. 2019, arXiv:1905.03670, eq. 1 (S4L). The average: Tarvainen and Valpola 2017,
        arXiv:1703.01780, eq. 2.
    """

    def __init__(
        self,
        classifier: Classifier,
        objective: Objective,
        *,
        weight: float = 1.0,
        warmup: int = 0,
        averaging: float = 0.0,
        class_weights: list[float] | None = None,
    ):
        super().__init__(dtype=PRECISION)
        self.classifier = classifier
        self.objective: Any = objective.around(classifier.encoder)
        self.weight, self.warmup, self.averaging = weight, warmup, averaging
        self.class_weights = class_weights
        self.averaged = copy_network(classifier) if averaging else None
        if self.averaged is not None:
            self.averaged.trainable = False
        self.opponent_optimizer = None
        if self.objective.opponent_variables:
            # Built here over its own variables: an unbuilt optimizer loses its state on resume.
            self.opponent_optimizer = scale_losses(
                self.objective.make_optimizer(self.objective.opponent_rate), classifier.precision
            )
            self.opponent_optimizer.build(self.objective.opponent_variables)
        self.trackers = {n: keras.metrics.Mean(name=n) for n in ("loss", "accuracy", "unlabeled")}
        self.built = True

    @property
    def joint_variables(self) -> list:
        """The trainable variables of classifier and objective, without the opponent's.

        The classifier's come first, in its own order.
        """
        return [*self.classifier.trainable_variables, *self.objective.own_variables]

    def compile(self, optimizer="rmsprop", **kwargs):
        """Configures training; see `keras.Model.compile`."""
        super().compile(scale_losses(optimizer, self.classifier.precision), **kwargs)
        self.optimizer.build(self.joint_variables)
        # It draws its noise by the number of updates.
        self.objective.optimizer = self.optimizer

    def compile_from_config(self, config):
        """Compiles as saved."""
        self.compile(**keras.saving.deserialize_keras_object(config))

    def call(self, images, training=False):
        """Returns class probabilities `(B, K)` of images `(B, H, W, C)`."""
        return self.classifier(images, training=training)

    def classify(self, features):
        """Returns logits `(B, K)` of features `(B, D)`."""
        return self.classifier.classify(features)

    def read_logits(self, images):
        """Returns logits `(B, K)` of scaled images `(B, H, W, C)`, as training sees them."""
        return self.classify(call_network(self.classifier.encoder, images, training=True))

    def guess(self, images):
        """Returns probabilities `(B, K)` of scaled images `(B, H, W, C)`, without a gradient.

        They come from the average of the weights over time, where one is kept.
        """
        judge = self.averaged or self.classifier
        return tf.stop_gradient(judge.head(judge.encoder(images, training=False)))

    def train_step(self, data):
        """Updates everything once on a batch of labelled and one of unlabeled images."""
        (images, labels), pool = data
        step = tf.convert_to_tensor(self.optimizer.iterations)
        images = self.classifier.augment_batch(scale_images(images), step=step)
        variables, opponents = self.joint_variables, self.objective.opponent_variables
        with tf.GradientTape(persistent=bool(opponents)) as tape:
            logits = self.read_logits(images)  # (B, K)
            on_labels = self._weighted_cross_entropy(labels, logits)
            on_pool, of_opponent = self.objective.read_unlabeled(scale_images(pool), self)
            loss = self.optimizer.scale_loss(on_labels + self._weight_at(step) * on_pool)
            if self.opponent_optimizer is not None:
                of_opponent = self.opponent_optimizer.scale_loss(of_opponent)
        gradient = tape.gradient(loss, variables)
        if self.opponent_optimizer is not None:
            self.opponent_optimizer.apply(tape.gradient(of_opponent, opponents), opponents)
        self.optimizer.apply(gradient, variables)
        self._average()
        return self._track(labels, logits, loss=on_labels, unlabeled=on_pool)

    def test_step(self, data):
        """Returns the classifier's loss and accuracy of a batch of labelled images."""
        images, labels = data
        probabilities = self.classifier(images, training=False)
        logits = tf.math.log(tf.maximum(probabilities, keras.config.epsilon()))
        # Unweighted, as Keras validates.
        entropies = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        return self._track(labels, logits, loss=tf.reduce_mean(entropies))

    def follow_rate(self, share: float) -> None:
        """Sets the opponent's learning rate to a share of its highest."""
        if self.opponent_optimizer is not None:
            self.opponent_optimizer.learning_rate = share * self.objective.opponent_rate

    def _weighted_cross_entropy(self, labels, logits):
        entropies = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        if self.class_weights is not None:
            entropies *= tf.gather(tf.constant(self.class_weights, tf.float32), labels)
        return tf.reduce_mean(entropies)

    def _weight_at(self, step):
        if not self.warmup:
            return self.weight
        return self.weight * tf.minimum(1.0, tf.cast(step, tf.float32) / self.warmup)

    def _average(self):
        if self.averaged is None:
            return
        pairs = zip(_list_weights(self.averaged), _list_weights(self.classifier), strict=True)
        move_averages(pairs, decay=self.averaging, step=self.optimizer.iterations)

    def _track(self, labels, logits, **losses):
        count = tf.cast(tf.shape(labels)[0], tf.float32)
        hits = tf.equal(tf.argmax(logits, axis=1), tf.cast(labels, tf.int64))
        values = {**losses, "accuracy": tf.reduce_mean(tf.cast(hits, tf.float32))}
        for name, value in values.items():
            self.trackers[name].update_state(value, sample_weight=count)
        return {name: self.trackers[name].result() for name in values}

    def get_config(self) -> dict:
        """Returns the constructor's arguments."""
        models = {"classifier": self.classifier, "objective": self.objective}
        saved = {k: keras.saving.serialize_keras_object(model) for k, model in models.items()}
        for config in saved.values():  # they are trained by this network's optimizers
            config.pop("compile_config", None)
        return {
            **saved,
            "weight": self.weight,
            "warmup": self.warmup,
            "averaging": self.averaging,
            "class_weights": self.class_weights,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Rebuilds the network; weights are loaded separately."""
        models = {
            name: keras.saving.deserialize_keras_object(config[name], custom_objects)
            for name in ("classifier", "objective")
        }
        return cls(**{**config, **models})


def _list_weights(classifier: Classifier) -> list:
    """Returns the weights of encoder and head, without the seed of the noise."""
    return [*classifier.encoder.weights, *classifier.head.weights]


def train_jointly(
    network: JointNetwork,
    labelled: Labelled,
    pool: np.ndarray,
    *,
    peak: float,
    budget: Budget,
    seed: int,
    steps: int,
    read: Reading | None = None,
) -> Trained:
    """Trains a network on labels and unlabeled images together.

    Args:
        network: Trained in place.
        labelled: The labels.
        pool: Unlabeled images, of the same type as those with labels.
        peak: The highest learning rate, where the budget names none.
        budget: What may be spent.
        seed: Decides the order of batches.
        steps: Updates at most.
        read: As in `Objective.prepare`.
    """
    peak = budget.learning_rate or peak
    order = derive_seed(seed, "pool order")
    unlabeled = stream_batches(pool, batch_size=budget.pool_batch, seed=order)

    @contextlib.contextmanager
    def prepare(model):
        try:
            model.objective.prepare(pool, read=read)
            yield
        finally:
            model.objective.release()

    own = type(network.objective)
    # The network is rebuilt from its configuration, which names classes.
    with keras.saving.custom_object_scope({own.__name__: own}):
        return fit_stream(
            network,
            tf.data.Dataset.zip(stream_labelled(labelled, budget, seed=seed), unlabeled),
            schedule=SharedWarmupCosine(peak, steps),
            budget=budget,
            held=labelled.held,
            compiled={
                "optimizer": make_optimizer(
                    network.classifier, network.joint_variables, peak, budget
                )
            },
            prepare=prepare,
        )


def list_class_weights(labelled: Labelled, num_classes: int, budget: Budget) -> list[float] | None:
    """Returns the weight of each class's labels; None where all weigh alike."""
    if not budget.class_weights:
        return None
    return list(weigh_classes(labelled.labels, num_classes).values())
