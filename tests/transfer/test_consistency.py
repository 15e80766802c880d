"""Consistency of weak and strong views: what is believed, and what it costs not to see it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import build_small_encoder, draw_bars
from tfzero.networks.augmentation import augment_images
from tfzero.networks.views import find_views, random_views
from tfzero.transfer import Classifier
from tfzero.transfer.consistency import Consistency
from tfzero.transfer.joint import JointNetwork


def test_guesses_are_aligned_with_the_classes_shares_and_the_sure_ones_believed():
    objective = Consistency(3, kind="digits", class_shares=[0.5, 0.25, 0.25], memory=0.6)
    guesses = np.array([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.3, 0.3, 0.4]])
    mean, threshold = np.full(3, 1 / 3), 1 / 3
    for _ in range(2):  # averages go on from step to step
        mean = 0.6 * mean + 0.4 * guesses.mean(axis=0)
        expected = np.array([row * [0.5, 0.25, 0.25] / mean for row in guesses])
        expected = np.array([row / row.sum() for row in expected])
        sureness = np.array([max(row) for row in expected])
        threshold = 0.6 * threshold + 0.4 * sureness.mean()
        aligned, believed = objective.judge(tf.constant(guesses, tf.float32))
        np.testing.assert_allclose(aligned, expected, rtol=1e-5)
        assert believed.numpy().tolist() == [float(sure >= threshold) for sure in sureness]
    assert 0 < believed.numpy().sum() < 4
    np.testing.assert_allclose(objective.threshold, threshold, rtol=1e-5)
    np.testing.assert_allclose(objective.mean_guess, mean, rtol=1e-5)


def test_by_hand():
    # Equal shares and a mean guess that stays uniform: nothing is aligned. Sureness 0.8 and 0.8,
    # threshold 0.5 * 0.5 + 0.5 * 0.8 = 0.65: both are believed.
    objective = Consistency(2, kind="digits", memory=0.5)
    aligned, believed = objective.judge(tf.constant([[0.8, 0.2], [0.2, 0.8]]))
    np.testing.assert_allclose(aligned, [[0.8, 0.2], [0.2, 0.8]], rtol=1e-6)
    assert believed.numpy().tolist() == [1, 1]
    assert float(objective.threshold) == pytest.approx(0.65)


def test_the_loss_is_the_cross_entropy_of_strong_views_with_guesses_of_weak_ones():
    images = tf.constant(draw_bars(9, seed=1)[0] / 255, tf.float32)
    objective = Consistency(4, kind="digits", memory=0.0, seed=5)
    network = JointNetwork(Classifier(build_small_encoder(), 4, seed=1), objective, averaging=0.9)
    network.compile(keras.optimizers.SGD(0.0))
    network.optimizer.iterations.assign(7)
    for weight in network.averaged.head.weights:  # guesses are not the network's own
        weight.assign(weight + tf.random.stateless_normal(weight.shape, (1, 2)))
    loss, none = objective.read_unlabeled(images, network)
    assert none is None

    weak_seed, strong_seed = tf.unstack(tf.random.split((5, 7), 2))
    weak = augment_images(images, kind="digits", seed=weak_seed)
    strong = random_views(images, find_views("digits"), seed=strong_seed)
    fresh = Consistency(4, kind="digits", memory=0.0)
    targets, believed = (part.numpy() for part in fresh.judge(network.averaged(weak)))
    told = network.classifier(strong).numpy()
    each = [-(target * np.log(row)).sum() for target, row in zip(targets, told, strict=True)]
    assert 0 < believed.sum() < 9
    np.testing.assert_allclose(loss, np.mean(believed * each), rtol=1e-4)


def test_no_gradient_flows_through_the_guesses():
    network = JointNetwork(Classifier(build_small_encoder(), 4), Consistency(4, kind="digits"))
    network.compile(keras.optimizers.SGD(0.0))
    images = tf.constant(draw_bars(5, seed=1)[0] / 255, tf.float32)
    with tf.GradientTape() as tape:
        guesses = network.guess(images)
    assert all(each is None for each in tape.gradient(guesses, network.trainable_weights))


def test_views_depend_on_the_seed_and_the_step():
    images = tf.constant(draw_bars(9, seed=1)[0] / 255, tf.float32)

    def read(seed, step):
        objective = Consistency(4, kind="digits", seed=seed)
        network = JointNetwork(Classifier(build_small_encoder(), 4, seed=1), objective)
        network.compile(keras.optimizers.SGD(0.0))
        network.optimizer.iterations.assign(step)
        return float(objective.read_unlabeled(images, network)[0])

    assert read(1, 2) == read(1, 2)
    assert len({read(1, 2), read(2, 2), read(1, 3)}) == 3


def test_it_is_saved_with_what_it_has_seen(tmp_path):
    objective = Consistency(4, kind="clothes", class_shares=[0.1, 0.2, 0.3, 0.4], seed=3)
    network = JointNetwork(Classifier(build_small_encoder(), 4), objective, averaging=0.9)
    network.compile(keras.optimizers.Adam(1e-3))
    images, labels = draw_bars(8, seed=1)
    network.train_step(((images, labels), images))
    network.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    assert loaded.objective.get_config() == objective.get_config()
    for ours, theirs in zip(network.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert float(loaded.objective.threshold) != 0.25


def test_without_augmentation_both_views_are_the_image_itself():
    images = tf.constant(draw_bars(9, seed=1)[0] / 255, tf.float32)
    objective = Consistency(4, kind="digits", augment=False, memory=0.0)
    network = JointNetwork(Classifier(build_small_encoder(), 4, seed=1), objective)
    network.compile(keras.optimizers.SGD(0.0))
    loss, _ = objective.read_unlabeled(images, network)
    probabilities = network.classifier(images).numpy()
    targets, believed = Consistency(4, kind="digits", memory=0.0).judge(probabilities)
    each = -(targets.numpy() * np.log(probabilities)).sum(axis=1)
    np.testing.assert_allclose(loss, np.mean(believed * each), rtol=1e-4)
